// bide/bench: what one lock and one item through a queue cost.
#include "../report.h"

#include <bide/bide.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

// Uncontended: acquire and release in one task.
bide::coro<double> lock(std::uint64_t n) {
    bide::lock mutex;
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        co_await mutex.acquire();
        mutex.release();
    }
    co_return bench_now() - start;
}

bide::coro<void> produce(bide::queue<int>& items, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) co_await items.put(static_cast<int>(i));
}

// One task puts, one gets, through a bounded queue: both wait for each other again and again.
bide::coro<double> queue(std::uint64_t n) {
    bide::queue<int> items(bench_queue_capacity);
    std::uint64_t sum = 0;
    const double start = bench_now();
    auto producer = bide::create_task(produce(items, n));
    for (std::uint64_t i = 0; i < n; ++i) {
        const int item = co_await items.get();
        sum += static_cast<unsigned>(item);
    }
    co_await producer;
    const double seconds = bench_now() - start;
    if (sum == 0 && n > 1) std::abort();
    co_return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "lock|queue";
    if (argc < 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (mode == "lock")
        seconds = bide::run(lock(n));
    else if (mode == "queue")
        seconds = bide::run(queue(n));
    else
        return bench_usage(argv[0], modes);
    bench_report(mode.c_str(), n, seconds);
}
