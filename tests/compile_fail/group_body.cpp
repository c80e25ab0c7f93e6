// A lambda without a return type is no coroutine.
// expect-error: bide: the body gives a coroutine
#include <bide/task_group.hpp>

static bide::coro<void> child() { co_return; }

bide::coro<void> use() {
#ifdef BIDE_COMPILE_OK
    co_await bide::with_task_group([](bide::task_group& group) -> bide::coro<void> {
        group.create_task(child());
        co_return;
    });
#else
    co_await bide::with_task_group([](bide::task_group& group) { group.create_task(child()); });
#endif
}
