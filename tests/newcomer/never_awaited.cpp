// A coroutine was called and kept, but never awaited.
// says: bide: A coroutine was never awaited: say_hello, defined at <path>never_awaited.cpp:<n>
// says:   at: <path>never_awaited.cpp:16
// says:   hint: co_await it, or give it to create_task() or run(): a call alone runs nothing
#include <bide/bide.hpp>

#include <iostream>

// [program]
bide::coro<void> say_hello() {
    std::cout << "Hello\n";
    co_return;
}

bide::coro<void> async_main() {
    auto hello = say_hello();
    co_return;
}

int main() { bide::run(async_main()); }
// [/program]
