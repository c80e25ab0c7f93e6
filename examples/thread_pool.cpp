// bide/examples: ten jobs on five threads.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

std::mutex mutex;
std::set<std::thread::id> threads;

int worker(int number) {
    std::this_thread::sleep_for(50ms);
    const std::lock_guard guard(mutex);
    threads.insert(std::this_thread::get_id());
    return number * number;
}

int main() {
    bide::thread_pool pool(5);
    std::vector<bide::concurrent_future<int>> jobs;
    for (int i = 0; i < 10; ++i) jobs.push_back(pool.submit(worker, i));
    pool.shutdown();

    for (auto& job : jobs) std::cout << job.result() << ' ';
    std::cout << "from " << threads.size() << " threads\n";
}
