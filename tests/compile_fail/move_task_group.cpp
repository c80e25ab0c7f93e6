// bide/core: a task group stays where it is: neither a copy nor a move of it compiles.
// expect-error-clang: call to deleted constructor of 'bide::task_group'
// expect-error-gcc: use of deleted function .bide::task_group::task_group\(const bide::task_group&\)
#include <bide/task_group.hpp>

#include <utility>

bide::coro<void> body(bide::task_group& group) {
#ifdef BIDE_COMPILE_OK
    bide::task_group& moved = group;
#else
    bide::task_group moved = std::move(group);
#endif
    moved.cancel();
    co_return;
}
