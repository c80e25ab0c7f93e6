// bide/examples: work handed out to three processes through one queue, and collected through another.
#include <bide/bide.hpp>
#include <bide/process_queue.hpp>

#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

using jobs = bide::process_queue<int>;
using answers = bide::process_queue<std::pair<int, int>>;  // any type that cereal packs

int primes_below(int limit) {
    int count = 0;
    for (int number = 2; number < limit; ++number) {
        bool prime = true;
        for (int divisor = 2; prime && divisor * divisor <= number; ++divisor) prime = number % divisor != 0;
        count += prime ? 1 : 0;
    }
    return count;
}

// [worker]
bide::coro<void> work(std::string name) {
    jobs in(name + "-jobs", 4);
    answers out(name + "-answers");
    try {
        for (;;) {
            const int limit = co_await in.get();
            const std::pair answer(limit, primes_below(limit));
            co_await out.put(answer);
        }
    } catch (const bide::queue_shut_down&) {}  // there is no more work
}
// [/worker]

// [parent]
bide::coro<void> async_main() {
    const std::string name = "primes-" + std::to_string(::getpid());
    jobs out(name + "-jobs", 4);  // four at a time: put() waits for room
    answers in(name + "-answers");
    std::vector<bide::process> workers;
    for (int i = 0; i < 3; ++i) {
        auto worker = co_await bide::create_subprocess_exec("/proc/self/exe", name);
        workers.push_back(std::move(worker));
    }
    for (int limit = 1000; limit <= 20000; limit += 1000) co_await out.put(limit);
    std::map<int, int> found;
    while (found.size() < 20) {
        const auto answer = co_await in.get();
        found.insert(answer);
    }
    out.shutdown();
    for (const bide::process& worker : workers) co_await worker.wait();
    out.unlink();
    in.unlink();
    for (const auto& [limit, count] : found)
        if (limit % 5000 == 0) std::cout << count << " primes below " << limit << '\n';
}
// [/parent]

int main(int argc, char** argv) {
    if (argc == 2) {
        bide::run(work(argv[1]));
    } else {
        bide::run(async_main());
    }
}
