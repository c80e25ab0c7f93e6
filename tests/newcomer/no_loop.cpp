// A task needs a loop that runs.
// exit: abort
// says: create_task: no event loop is running in this thread; call it from a coroutine that bide::run or a task runs
#include <bide/bide.hpp>

bide::coro<void> work() { co_return; }

// [program]
int main() { bide::create_task(work()); }
// [/program]
