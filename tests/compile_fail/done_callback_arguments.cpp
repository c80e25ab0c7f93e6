// A done callback takes the handle that is done.
// expect-error: bide: a done callback takes the task or future
#include <bide/task.hpp>

void use(const bide::task<int>& task) {
#ifdef BIDE_COMPILE_OK
    task.add_done_callback([](const bide::task<int>&) {});
#else
    task.add_done_callback([](int) {});
#endif
}
