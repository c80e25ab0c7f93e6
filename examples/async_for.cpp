// bide/examples: a producer and a consumer take turns.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

bide::async_generator<int> numbers() {
    for (int i = 0; i < 5; ++i) {
        std::cout << "produced " << i << '\n';
        co_await bide::sleep(20ms);
        co_yield i;
    }
}

bide::coro<void> async_main() {
    auto source = numbers();
    while (auto number = co_await source.next()) std::cout << "consumed " << *number << '\n';
}

int main() { bide::run(async_main()); }
