// bide/examples: two coroutines wait at the same time.
#include <bide/bide.hpp>

#include <chrono>
#include <iomanip>
#include <iostream>

using namespace std::chrono_literals;

bide::coro<void> task1() {
    std::cout << "task 1 starts\n";
    co_await bide::sleep(300ms);
    std::cout << "task 1 done\n";
}

bide::coro<void> task2() {
    std::cout << "task 2 starts\n";
    co_await bide::sleep(300ms);
    std::cout << "task 2 done\n";
}

bide::coro<void> async_main() {
    const auto start = bide::get_running_loop().time();
    co_await bide::gather(task1(), task2());

    const std::chrono::duration<double> took = bide::get_running_loop().time() - start;
    std::cout << std::fixed << std::setprecision(1) << "both in " << took.count() << " s\n";
}

int main() { bide::run(async_main()); }
