// A coroutine was called by main(), but nothing runs it.
// says: bide: A coroutine was never awaited: async_main, defined at <path>never_run.cpp:<n>
// says:   at: <path>never_run.cpp:15
// says:   hint: co_await it, or give it to create_task() or run(): a call alone runs nothing
#include <bide/bide.hpp>

#include <iostream>

// [program]
bide::coro<void> async_main() {
    std::cout << "Hello\n";
    co_return;
}

int main() { auto program = async_main(); }
// [/program]
