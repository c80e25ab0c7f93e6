// A callable that is given to create_task() returns a coroutine.
// expect-error: no matching function for call to .*create_task
#include <bide/task.hpp>

void use() {
#ifdef BIDE_COMPILE_OK
    bide::create_task([](int n) -> bide::coro<int> { co_return n; }, 1);
#else
    bide::create_task([](int n) { return n; }, 1);
#endif
}
