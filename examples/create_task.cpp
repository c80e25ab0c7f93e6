// bide/examples: a task that is awaited later.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

bide::coro<int> count() {
    int i = 0;
    for (; i < 5; ++i) {
        std::cout << "i=" << i << '\n';
        co_await bide::sleep(50ms);
    }
    co_return i;
}

bide::coro<void> async_main() {
    auto task = bide::create_task(count());
    std::cout << "the task is made; main goes on\n";
    const int counted = co_await task;
    std::cout << "it counted to " << counted << '\n';
}

int main() { bide::run(async_main()); }
