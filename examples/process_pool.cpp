// bide/examples: ten jobs on five processes, with callbacks, results in order, and jobs that fail.
#include <bide/bide.hpp>
#include <bide/process_pool.hpp>

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

// [functions]
long worker(int number) {
    if (number < 0) throw std::invalid_argument("no job " + std::to_string(number));
    usleep(20'000);
    return static_cast<long>(number) * number;
}

int which_process() {
    usleep(20'000);
    return getpid();
}

void crash() { std::abort(); }
// [/functions]

// [main]
bide::coro<void> async_main() {
    bide::process_pool pool(5);

    long total = 0;
    int failed = 0;
    auto add = [&total](long result) { total += result; };
    auto count = [&failed](const std::exception_ptr&) { ++failed; };
    for (int i = 0; i < 10; ++i) pool.apply_async<&worker>(add, count, i);
    pool.apply_async<&worker>(add, count, -1);

    auto squares = pool.map<&worker>(std::vector<int>{1, 2, 3, 4});
    while (auto each = co_await squares.next()) std::cout << *each << ' ';
    std::cout << '\n';

    std::vector<bide::future<int>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(pool.submit<&which_process>());
    const std::vector<int> pids = co_await bide::gather(std::move(calls));
    std::cout << std::set<int>(pids.begin(), pids.end()).size() << " processes\n";

    try {
        co_await pool.submit<&worker>(-7);
    } catch (const std::invalid_argument& error) { std::cout << "failed: " << error.what() << '\n'; }

    pool.close();
    co_await pool.join();
    std::cout << "sum of the squares: " << total << ", failed: " << failed << '\n';
}
// [/main]

// [crash]
bide::coro<void> a_worker_dies() {
    bide::process_pool pool(1);
    try {
        co_await pool.submit<&crash>();
    } catch (const bide::broken_process_pool& error) { std::cout << error.what() << '\n'; }
}
// [/crash]

int main() {
    bide::run(async_main());
    bide::run(a_worker_dies());
}
