// run() inside a coroutine.
// exit: abort
// says:   at: <path>run_inside.cpp:<n>
// says:   exception: run was called while an event loop runs in this thread; use co_await or create_task instead
#include <bide/bide.hpp>

// [program]
bide::coro<int> answer() { co_return 42; }

bide::coro<void> async_main() {
    const int value = bide::run(answer());
    static_cast<void>(value);
    co_return;
}

int main() { bide::run(async_main()); }
// [/program]
