// A coroutine that is called and neither awaited nor made a task does nothing: a warning, here an error.
// expect-error: a coro does nothing until it is awaited: co_await it or create_task it
#include <bide/task.hpp>

static bide::coro<void> work() { co_return; }

bide::coro<void> use() {
#ifdef BIDE_COMPILE_OK
    co_await work();
    bide::create_task(work());
#else
    work();
#endif
    co_return;
}
