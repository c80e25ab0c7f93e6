// bide/bench: what one await, yield, spawn and sleep cost.
#include "../report.h"

#include <bide/bide.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

// Not inlined, so that the frame is really made: clang would otherwise build it inside its caller's.
__attribute__((noinline)) bide::coro<std::uint64_t> child(std::uint64_t x) { co_return x + 1; }

bide::coro<void> call(std::uint64_t n) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const std::uint64_t value = co_await child(i);
        sum += value;
    }
    if (sum == 0) std::abort();
}

bide::coro<void> yield(std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) co_await bide::sleep(0s);
}

bide::coro<void> noop() { co_return; }

bide::coro<void> spawn(std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) co_await bide::create_task(noop());
}

bide::coro<void> sleeper(std::chrono::milliseconds delay) { co_await bide::sleep(delay); }

bide::coro<void> sleep(std::uint64_t n, std::chrono::milliseconds delay) {
    std::vector<bide::task<void>> tasks;
    tasks.reserve(n);
    for (std::uint64_t i = 0; i < n; ++i) tasks.push_back(bide::create_task(sleeper(delay)));
    for (auto& task : tasks) co_await task;
}

bide::coro<double> timed(bide::coro<void> body) {
    const double start = bench_now();
    co_await std::move(body);
    co_return bench_now() - start;
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "call|yield|spawn|sleep";
    if (argc < 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    const double sleep_seconds = argc > 3 ? std::atof(argv[3]) : 10.0;
    double seconds = 0;
    if (mode == "call")
        seconds = bide::run(timed(call(n)));
    else if (mode == "yield")
        seconds = bide::run(timed(yield(n)));
    else if (mode == "spawn")
        seconds = bide::run(timed(spawn(n)));
    else if (mode == "sleep")
        seconds =
            bide::run(timed(sleep(n, std::chrono::milliseconds(static_cast<long>(sleep_seconds * 1000)))));
    else
        return bench_usage(argv[0], modes);
    bench_report(mode.c_str(), n, seconds);
}
