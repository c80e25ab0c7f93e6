// bide/bench: what a call in a worker process costs: one after the other, many at once, with a MiB there and back.
#include "../report.h"

#include <bide/gather.hpp>
#include <bide/process_pool.hpp>
#include <bide/run.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace {

using message = std::array<char, 64>;

message echo(const message& what) { return what; }
std::string echo_text(const std::string& text) { return text; }
std::size_t size_of(std::span<const std::byte> bytes) { return bytes.size(); }

bide::coro<double> call(std::uint64_t n) {
    bide::process_pool pool(1);
    message what{};
    what.fill('x');
    message back = co_await pool.submit<&echo>(what);  // starts the worker
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) back = co_await pool.submit<&echo>(what);
    const double seconds = bench_now() - start;
    if (back != what) std::abort();
    co_return seconds;
}

// A thousand are always on their way.
bide::coro<double> many(std::uint64_t n) {
    constexpr std::uint64_t at_once = 1000;
    bide::process_pool pool(1);
    message what{};
    what.fill('x');
    message back = co_await pool.submit<&echo>(what);
    std::vector<bide::future<message>> calls(at_once);
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        bide::future<message>& place = calls[i % at_once];
        if (place) back = co_await place;
        place = pool.submit<&echo>(what);
    }
    for (const auto& each : calls) {
        if (each) back = co_await each;
    }
    const double seconds = bench_now() - start;
    if (back != what) std::abort();
    co_return seconds;
}

bide::coro<double> map(std::uint64_t n) {
    bide::process_pool pool(1);
    message what{};
    message back = co_await pool.submit<&echo>(what);
    const std::vector<message> all(n, what);
    const double start = bench_now();
    auto results = pool.map<&echo>(bide::process_map_options().chunksize(64).buffersize(4096), all);
    const std::vector<message> got = co_await results.to_vector();
    const double seconds = bench_now() - start;
    if (got.size() != n || back != what) std::abort();
    co_return seconds;
}

bide::coro<double> mib(std::uint64_t n) {
    bide::process_pool pool(1);
    const std::string what(std::size_t{1} << 20, 'x');
    std::string back = co_await pool.submit<&echo_text>(what);
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) back = co_await pool.submit<&echo_text>(what);
    const double seconds = bench_now() - start;
    if (back != what) std::abort();
    co_return seconds;
}

// A MiB there, which the worker reads where it is, and a number back.
bide::coro<double> view(std::uint64_t n) {
    bide::process_pool pool(1);
    const std::vector<std::byte> what(std::size_t{1} << 20);
    std::size_t size = co_await pool.submit<&size_of>(what);
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) size = co_await pool.submit<&size_of>(what);
    const double seconds = bench_now() - start;
    if (size != what.size()) std::abort();
    co_return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "pool_call|pool_many|pool_map|pool_mib|pool_view";
    if (argc != 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (mode == "pool_call") {
        seconds = bide::run(call(n));
    } else if (mode == "pool_many") {
        seconds = bide::run(many(n));
    } else if (mode == "pool_map") {
        seconds = bide::run(map(n));
    } else if (mode == "pool_mib") {
        seconds = bide::run(mib(n));
    } else if (mode == "pool_view") {
        seconds = bide::run(view(n));
    } else {
        return bench_usage(argv[0], modes);
    }
    bench_report(mode.c_str(), n, seconds);
}
