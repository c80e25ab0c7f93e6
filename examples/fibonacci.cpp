// bide/examples: a generator and an async generator.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>
#include <utility>

using namespace std::chrono_literals;

bide::generator<int> fibonacci(int n) {
    int a = 0;
    int b = 1;
    for (int i = 0; i < n; ++i) {
        co_yield a;
        a = std::exchange(b, a + b);
    }
}

bide::async_generator<int> async_fibonacci(int n) {
    int a = 0;
    int b = 1;
    for (int i = 0; i < n; ++i) {
        co_await bide::sleep(10ms);
        co_yield a;
        a = std::exchange(b, a + b);
    }
}

bide::coro<void> async_main() {
    auto numbers = async_fibonacci(10);
    for (int i = 0; i < 10; ++i) {
        const int number = co_await bide::anext(numbers);
        std::cout << number << (i < 9 ? ' ' : '\n');
    }
}

int main() {
    auto numbers = fibonacci(10);
    for (int i = 0; i < 10; ++i) std::cout << bide::next(numbers) << (i < 9 ? ' ' : '\n');

    bide::run(async_main());
}
