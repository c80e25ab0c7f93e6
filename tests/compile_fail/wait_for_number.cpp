// A number has no unit.
// expect-error: bide: a number has no unit; write 2s or 500ms
#include <bide/coro.hpp>
#include <bide/timeout.hpp>

#include <chrono>

static bide::coro<int> answer() { co_return 42; }

bide::coro<void> use() {
#ifdef BIDE_COMPILE_OK
    co_await bide::wait_for(answer(), std::chrono::seconds(2));
#else
    co_await bide::wait_for(answer(), 2);
#endif
}
