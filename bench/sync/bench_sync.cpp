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

bide::coro<void> hold_in_turn(bide::lock& mutex, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
        co_await mutex.acquire();
        co_await bide::sleep(bide::duration(0));  // so that the other one comes and waits
        mutex.release();
    }
}

// Two tasks contend: one waits in acquire() whenever the other holds the lock. n counts hand-overs.
bide::coro<double> handoff(std::uint64_t n) {
    bide::lock mutex;
    const double start = bench_now();
    auto other = bide::create_task(hold_in_turn(mutex, n / 2));
    co_await hold_in_turn(mutex, n / 2);
    co_await other;
    co_return bench_now() - start;
}

// Through a queue that never makes anybody wait.
bide::coro<double> put_get(std::uint64_t n) {
    bide::queue<int> items(bench_queue_capacity);
    std::uint64_t sum = 0;
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        co_await items.put(static_cast<int>(i));
        const int item = co_await items.get();
        sum += static_cast<unsigned>(item);
    }
    const double seconds = bench_now() - start;
    if (sum == 0 && n > 1) std::abort();
    co_return seconds;
}

bide::coro<double> semaphore(std::uint64_t n) {
    bide::semaphore places(2);
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) { auto place = co_await places.scoped(); }
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
    const char* modes = "lock|handoff|semaphore|put_get|queue";
    if (argc < 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (mode == "lock")
        seconds = bide::run(lock(n));
    else if (mode == "handoff")
        seconds = bide::run(handoff(n));
    else if (mode == "semaphore")
        seconds = bide::run(semaphore(n));
    else if (mode == "put_get")
        seconds = bide::run(put_get(n));
    else if (mode == "queue")
        seconds = bide::run(queue(n));
    else
        return bench_usage(argv[0], modes);
    bench_report(mode.c_str(), n, seconds);
}
