// The captures of a lambda are gone when its coroutine uses them.
// only: address sanitizer
// exit: 1
// says: ERROR: AddressSanitizer: <any>use-after-<any>
// says: dangling_lambda.cpp:19
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

// [program]
bide::coro<void> async_main() {
    const std::string name = "somebody whose name is long";
    auto hello = bide::create_task([name]() -> bide::coro<void> {
        co_await bide::sleep(10ms);
        std::cout << "Hello, " << name << '\n';
    }());
    co_await hello;
}

int main() { bide::run(async_main()); }
// [/program]
