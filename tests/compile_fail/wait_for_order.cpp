// The order of the arguments is asyncio's.
// expect-error: bide: wait_for takes what it waits for first
#include <bide/coro.hpp>
#include <bide/timeout.hpp>

#include <chrono>

static bide::coro<int> answer() { co_return 42; }

bide::coro<void> use() {
#ifdef BIDE_COMPILE_OK
    co_await bide::wait_for(answer(), std::chrono::seconds(2));
#else
    co_await bide::wait_for(std::chrono::seconds(2), answer());
#endif
}
