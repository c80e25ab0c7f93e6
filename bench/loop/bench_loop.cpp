// bide/bench: what one timer, one call_soon and one call from another thread cost.
#include "../report.h"

#include <bide/loop.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

// Starts and cancels one more timer, over and over, while n others are live.
struct timer_bench {
    bide::event_loop loop;
    std::uint64_t random = 88172645463325252u;
    std::uint64_t left = 0;

    bide::timer_handle start_one() {
        return loop.call_later(std::chrono::milliseconds(bench_random_ms(&random)), [] {});
    }

    void turn() {
        for (std::uint64_t i = 0; i < bench_pairs_per_turn && left != 0; ++i, --left) {
            bide::timer_handle extra = start_one();
            extra.cancel();
        }
        if (left != 0) {
            loop.call_soon([this] { turn(); });
        } else {
            loop.stop();
        }
    }

    double run(std::uint64_t n) {
        std::vector<bide::timer_handle> live;
        live.reserve(n);
        for (std::uint64_t i = 0; i < n; ++i) live.push_back(start_one());
        left = n;
        loop.call_soon([this] { turn(); });
        const double start = bench_now();
        loop.run_forever();
        return bench_now() - start;
    }
};

double timers(std::uint64_t n) {
    timer_bench bench;
    return bench.run(n);
}

struct chain {
    bide::event_loop loop;
    std::uint64_t left = 0;
};

void run_link(chain* c) {
    if (--c->left != 0) {
        c->loop.call_soon(run_link, c);
    } else {
        c->loop.stop();
    }
}

// Each callback schedules the next one: the price of one turn of the loop with one callback in it.
double call_soon(std::uint64_t n) {
    chain c;
    c.left = n;
    c.loop.call_soon(run_link, &c);
    const double start = bench_now();
    c.loop.run_forever();
    return bench_now() - start;
}

// Another thread hands n callbacks over as fast as it can; timed from the first handed over to the last one run.
double threadsafe(std::uint64_t n) {
    bide::event_loop loop;
    std::uint64_t ran = 0;
    double start = 0;
    double end = 0;
    auto count = [&] {
        if (++ran != n) return;
        end = bench_now();
        loop.stop();
    };
    std::thread producer([&] {
        std::this_thread::sleep_for(20ms);  // the loop is asleep when the burst begins
        start = bench_now();
        for (std::uint64_t i = 0; i < n; ++i) loop.call_soon_threadsafe([&count] { count(); });
    });
    // Something to wait for: a loop cannot know of a thread that has not called yet.
    loop.call_later(1h, [] {});
    loop.run_forever();
    producer.join();
    return end - start;
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "timers|call_soon|threadsafe";
    if (argc < 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (mode == "timers")
        seconds = timers(n);
    else if (mode == "call_soon")
        seconds = call_soon(n);
    else if (mode == "threadsafe")
        seconds = threadsafe(n);
    else
        return bench_usage(argv[0], modes);
    bench_report(mode.c_str(), n, seconds);
}
