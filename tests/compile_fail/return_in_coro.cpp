// A coroutine returns with co_return.
// expect-error: statement .*not allowed in coroutine
#include <bide/coro.hpp>
#include <bide/sleep.hpp>

#include <chrono>

using namespace std::chrono_literals;

bide::coro<int> use() {
    co_await bide::sleep(1s);
#ifdef BIDE_COMPILE_OK
    co_return 1;
#else
    return 1;
#endif
}
