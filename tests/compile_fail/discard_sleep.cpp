// sleep() without co_await is a warning, here an error.
// expect-error: sleep does nothing until it is awaited
#include <bide/coro.hpp>
#include <bide/sleep.hpp>

bide::coro<void> use() {
    using namespace std::chrono_literals;
#ifdef BIDE_COMPILE_OK
    co_await bide::sleep(1s);
#else
    bide::sleep(1s);
#endif
    co_return;
}
