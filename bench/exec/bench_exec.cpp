// bide/bench: what one call on a worker thread costs, there and back.
#include "../report.h"

#include <bide/bide.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

// A task awaits one call after the other.
bide::coro<double> to_thread(std::uint64_t n) {
    std::uint64_t value = 0;
    auto increment = [&value] { return ++value; };
    const std::uint64_t first = co_await bide::to_thread(increment);  // starts the worker
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) co_await bide::to_thread(increment);
    const double seconds = bench_now() - start;
    if (first != 1 || value != n + 1) std::abort();
    co_return seconds;
}

// The same through a future of the loop.
bide::coro<double> executor(std::uint64_t n) {
    std::uint64_t value = 0;
    auto increment = [&value] { return ++value; };
    const std::uint64_t first = co_await bide::run_in_executor(nullptr, increment);
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) co_await bide::run_in_executor(nullptr, increment);
    const double seconds = bench_now() - start;
    if (first != 1 || value != n + 1) std::abort();
    co_return seconds;
}

// Without a loop: a thread waits for one job after the other.
double submit(std::uint64_t n) {
    bide::thread_pool pool(1);
    std::uint64_t value = 0;
    auto increment = [&value] { return ++value; };
    const std::uint64_t first = pool.submit(increment).result();
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) static_cast<void>(pool.submit(increment).result());
    const double seconds = bench_now() - start;
    if (first != 1 || value != n + 1) std::abort();
    return seconds;
}

// The other way round: a thread waits for one coroutine after the other.
bide::coro<double> from_thread(std::uint64_t n) {
    bide::event_loop& loop = bide::get_running_loop();
    auto rounds = [&loop, n] {
        std::uint64_t value = 0;
        auto increment = [&value]() -> bide::coro<void> {
            ++value;
            co_return;
        };
        const double start = bench_now();
        for (std::uint64_t i = 0; i < n; ++i) bide::run_coroutine_threadsafe(loop, increment).result();
        const double seconds = bench_now() - start;
        if (value != n) std::abort();
        return seconds;
    };
    co_return co_await bide::to_thread(rounds);
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "to_thread|executor|submit|from_thread";
    if (argc < 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (mode == "to_thread") {
        seconds = bide::run(to_thread(n));
    } else if (mode == "executor") {
        seconds = bide::run(executor(n));
    } else if (mode == "submit") {
        seconds = submit(n);
    } else if (mode == "from_thread") {
        seconds = bide::run(from_thread(n));
    } else {
        return bench_usage(argv[0], modes);
    }
    bench_report(mode.c_str(), n, seconds);
}
