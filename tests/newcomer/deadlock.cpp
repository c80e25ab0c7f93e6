// Nothing will ever wake this task.
// exit: abort
// says: deadlock: nothing can wake this event loop any more, and 1 task is suspended
// says: task 'Task-1' waits for queue.get
// says:   at async_main (<path>deadlock.cpp:11)
#include <bide/bide.hpp>

// [program]
bide::coro<void> async_main() {
    bide::queue<int> jobs;
    co_await jobs.get();
}

int main() { bide::run(async_main()); }
// [/program]
