// bide/examples: wait between two words.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

bide::coro<void> async_main() {
    std::cout << "Hello\n";
    co_await bide::sleep(100ms);
    std::cout << "World\n";
}

int main() { bide::run(async_main()); }
