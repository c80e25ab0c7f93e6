// bide/examples: a million sleeping tasks, measured.
#include <bide/bide.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <random>

using namespace std::chrono_literals;
using seconds = std::chrono::duration<double>;

const int tasks = 1'000'000, timers = 10'000;
int woken = 0, fired = 0;
seconds latest{0};  // how long after its moment the latest timer came

bide::coro<void> sleeper(seconds delay) {
    co_await bide::sleep(delay);
    ++woken;
}

bide::coro<void> give_way(int times) {
    for (int i = 0; i < times; ++i) co_await bide::sleep(0s);
}

seconds now() { return bide::get_running_loop().time().time_since_epoch(); }

double processor_ns() { return 1e9 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double resident_bytes() {
    double pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// On a terminal one line that the next one overwrites; elsewhere one line for each quarter.
void progress(seconds passed) {
    static const bool terminal = ::isatty(STDERR_FILENO) == 1;
    static int shown = -1;
    const int quarter = 4 * woken / tasks;
    if (!terminal && quarter == shown) return;
    shown = quarter;
    std::fprintf(stderr, "%s%5.1f s: %8d tasks asleep, %7d awake again, %5d timers fired%s",
                 terminal ? "\r" : "", passed.count(), tasks - woken, woken, fired,
                 terminal && quarter < 4 ? "" : "\n");
}

bide::coro<void> show() {
    std::mt19937 random(1);
    std::uniform_real_distribution delay(1.5, 3.5);
    const double memory = resident_bytes();
    const seconds start = now();
    const double starting = processor_ns();
    for (int i = 0; i < tasks; ++i) {
        bide::create_task(sleeper(seconds(delay(random))));
        if (i % 1000 == 999) co_await bide::sleep(0s);  // those made so far fall asleep
    }
    std::printf("ns to start a task: %.0f\n", (processor_ns() - starting) / tasks);
    std::printf("bytes for a sleeping task: %.0f\n", (resident_bytes() - memory) / tasks);

    for (int i = 0; i < timers; ++i) {
        const seconds wait(delay(random));
        bide::get_running_loop().call_later(wait, [due = now() + wait] {
            ++fired;
            if (now() - due > latest) latest = now() - due;
        });
    }
    for (; woken < tasks || fired < timers; co_await bide::sleep(20ms)) progress(now() - start);
    progress(now() - start);
    std::printf("seconds in all: %.2f\n", (now() - start).count());
    std::printf("ms that the latest timer was late: %.2f\n", latest.count() * 1e3);

    const double turning = processor_ns();
    co_await bide::gather(give_way(tasks / 2), give_way(tasks / 2));
    std::printf("ns to switch to another task: %.1f\n", (processor_ns() - turning) / tasks);
}

int main() { bide::run(show()); }
