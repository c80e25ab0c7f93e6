// A number has no unit.
// expect-error: bide: a number has no unit; write 1s or 1500ms
#include <bide/sleep.hpp>

#include <bide/coro.hpp>

#include <chrono>

bide::coro<void> use() {
#ifdef BIDE_COMPILE_OK
    co_await bide::sleep(std::chrono::milliseconds(1500));
#else
    co_await bide::sleep(1.5);
#endif
}
