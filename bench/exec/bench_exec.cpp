// bide/bench: what one call on a worker thread costs, there and back.
#include "../report.h"

#include <bide/bide.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

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

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "to_thread";
    if (argc < 3 || std::string(argv[1]) != modes) return bench_usage(argv[0], modes);
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    const double seconds = bide::run(to_thread(n));
    bench_report(modes, n, seconds);
}
