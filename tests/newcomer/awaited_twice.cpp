// A coroutine runs once.
// exit: abort
// says: bide: Nobody has caught an exception that left run()
// says:   task: Task-1
// says:   at: <path>awaited_twice.cpp:15
// says:   exception: this coro is empty: it was awaited, made a task, closed or moved from before
#include <bide/bide.hpp>

// [program]
bide::coro<int> answer() { co_return 42; }

bide::coro<void> async_main() {
    auto once = answer();
    co_await std::move(once);
    co_await std::move(once);
}

int main() { bide::run(async_main()); }
// [/program]
