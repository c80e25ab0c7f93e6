// bide/bench: the same workloads on standalone Asio, one io_context on one thread.
#include "../../report.h"

// Asio 1.22 looks for the coroutines of the old technical specification when it meets clang.
#ifdef __clang__
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1
#endif
#include <asio.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace {

// The concrete executor instead of any_io_executor, and concurrency hint 1: Asio at its fastest that still allows
// posting from another thread.
using executor = asio::io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, executor>;
constexpr asio::use_awaitable_t<executor> use_awaitable;
using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

// Not inlined, so that the frame is really made: bide's bench does the same.
__attribute__((noinline)) awaitable<std::uint64_t> child(std::uint64_t x) { co_return x + 1; }

awaitable<void> call(executor, std::uint64_t n) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) sum += co_await child(i);
    if (sum == 0) std::abort();
}

awaitable<void> yield(executor ex, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) co_await asio::post(ex, use_awaitable);
}

awaitable<void> noop() { co_return; }

awaitable<void> spawn(executor ex, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) co_await asio::co_spawn(ex, noop(), use_awaitable);
}

awaitable<void> sleeper(executor ex, double seconds) {
    timer t(ex);
    t.expires_after(std::chrono::milliseconds(static_cast<long>(seconds * 1000)));
    co_await t.async_wait(use_awaitable);
}

// Asio has no handle to keep: detached is its cheapest form.
double run_sleep(std::uint64_t n, double seconds) {
    asio::io_context io(1);
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i)
        asio::co_spawn(io.get_executor(), sleeper(io.get_executor(), seconds), asio::detached);
    io.run();
    return bench_now() - start;
}

template <class Body>
double run_coroutine(Body body, std::uint64_t n) {
    asio::io_context io(1);
    asio::co_spawn(io.get_executor(), body(io.get_executor(), n), asio::detached);
    const double start = bench_now();
    io.run();
    return bench_now() - start;
}

double run_timers(std::uint64_t n) {
    asio::io_context io(1);
    std::uint64_t random = 88172645463325252u;
    std::vector<timer> live;
    live.reserve(n);
    const auto start_timer = [&](timer& t) {
        t.expires_after(std::chrono::milliseconds(bench_random_ms(&random)));
        t.async_wait([](const asio::error_code&) {});
    };
    for (std::uint64_t i = 0; i < n; ++i) start_timer(live.emplace_back(io.get_executor()));

    // A cancelled wait still runs its handler, so the turns below belong to the price.
    timer extra(io.get_executor());
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        start_timer(extra);
        extra.cancel();
        if (i % bench_pairs_per_turn == 0) io.poll();
    }
    io.poll();
    const double seconds = bench_now() - start;
    // Destroying a million timers one by one takes long and is not measured.
    new std::vector<timer>(std::move(live));
    return seconds;
}

double run_threadsafe(std::uint64_t n) {
    asio::io_context io(1);
    auto work = asio::make_work_guard(io);
    std::uint64_t ran = 0;
    double start = 0;
    double end = 0;
    std::thread producer([&] {
        std::this_thread::sleep_for(
            std::chrono::milliseconds(20));  // the loop is asleep when the burst begins
        start = bench_now();
        for (std::uint64_t i = 0; i < n; ++i) {
            asio::post(io, [&] {
                if (++ran == n) {
                    end = bench_now();
                    work.reset();
                }
            });
        }
    });
    io.run();
    producer.join();
    return end - start;
}

struct chain_link {
    asio::io_context* io;
    std::uint64_t left;
    void operator()() {
        if (--left != 0) asio::post(*io, chain_link{io, left});
    }
};

double run_call_soon(std::uint64_t n) {
    asio::io_context io(1);
    asio::post(io, chain_link{&io, n});
    const double start = bench_now();
    io.run();
    return bench_now() - start;
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "call|yield|spawn|sleep|timers|threadsafe|call_soon";
    if (argc < 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (mode == "call")
        seconds = run_coroutine(call, n);
    else if (mode == "yield")
        seconds = run_coroutine(yield, n);
    else if (mode == "spawn")
        seconds = run_coroutine(spawn, n);
    else if (mode == "sleep")
        seconds = run_sleep(n, argc > 3 ? std::atof(argv[3]) : 10.0);
    else if (mode == "timers")
        seconds = run_timers(n);
    else if (mode == "threadsafe")
        seconds = run_threadsafe(n);
    else if (mode == "call_soon")
        seconds = run_call_soon(n);
    else
        return bench_usage(argv[0], modes);
    bench_report(mode.c_str(), n, seconds);
}
