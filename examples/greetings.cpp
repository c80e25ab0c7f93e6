// bide/examples: arguments in, results out, by gather.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

bide::coro<std::string> say_hello(std::string name) {
    std::cout << "Hello, " << name << '\n';
    co_await bide::sleep(100ms);
    co_return "hello to " + name;
}

bide::coro<std::string> say_world(std::string name) {
    std::cout << "World, " << name << '\n';
    co_await bide::sleep(100ms);
    co_return "world to " + name;
}

bide::coro<void> async_main() {
    auto [hello, world] = co_await bide::gather(say_hello("Alice"), say_world("Bob"));
    std::cout << "said " << hello << " and " << world << '\n';
}

int main() { bide::run(async_main()); }
