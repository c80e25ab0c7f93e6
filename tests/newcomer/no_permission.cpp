// The file is there, but this user may not read it.
// exit: abort
// file: secret.txt
// says:   at: <path>no_permission.cpp:13
// says:   exception: open 'secret.txt': Permission denied
// says:   hint: look at owner and mode with `ls -l`, of the folders above it, too
#include <bide/bide.hpp>

#include <iostream>

// [program]
bide::coro<void> async_main() {
    auto file = co_await bide::open("secret.txt", "r");
    auto text = co_await file.read();
    std::cout << text;
}

int main() { bide::run(async_main()); }
// [/program]
