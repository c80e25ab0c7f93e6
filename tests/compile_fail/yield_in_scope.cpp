// bide/tests: the body of a timeout or task group belongs to the task that entered it, so it cannot yield.
// expect-error: no member named .yield_value. in
#include <bide/async_generator.hpp>

bide::coro<void> with_scope(auto body) { co_await body(); }

bide::async_generator<int> numbers() {
    const auto body = []() -> bide::coro<void> {
#ifndef BIDE_COMPILE_OK
        co_yield 1;
#endif
        co_return;
    };
    co_await with_scope(body);
    co_yield 1;
}
