// A scope takes a function.
// expect-error: bide: the body is a function that gives a coroutine
#include <bide/coro.hpp>
#include <bide/timeout.hpp>

#include <chrono>

static bide::coro<int> answer() { co_return 42; }

bide::coro<void> use() {
#ifdef BIDE_COMPILE_OK
    co_await bide::with_timeout(std::chrono::seconds(2), answer);
#else
    co_await bide::with_timeout(std::chrono::seconds(2), answer());
#endif
}
