// bide/bench: the floor under to_thread: two threads that hand a call and its result over a condition variable.
#include "../report.h"

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

namespace {

struct mailbox {
    std::mutex mutex;
    std::condition_variable called;
    std::condition_variable returned;
    bool has_call = false;
    bool has_result = false;
    bool closed = false;
    std::uint64_t value = 0;
};

// Held: notify before the mutex is released, as most code is written. The woken thread then waits for the mutex at
// once, which costs a second switch when both threads share a processor. Not held is the real floor.
template <bool Held>
void notify(std::unique_lock<std::mutex>& lock, std::condition_variable& condition) {
    if constexpr (Held) {
        condition.notify_one();
    } else {
        lock.unlock();
        condition.notify_one();
        lock.lock();
    }
}

template <bool Held>
void serve(mailbox& box) {
    std::unique_lock lock(box.mutex);
    for (;;) {
        box.called.wait(lock, [&] { return box.has_call || box.closed; });
        if (box.closed) return;
        box.has_call = false;
        box.value += 1;
        box.has_result = true;
        notify<Held>(lock, box.returned);
    }
}

template <bool Held>
double ping_pong(std::uint64_t n) {
    mailbox box;
    std::thread worker([&] { serve<Held>(box); });
    std::unique_lock lock(box.mutex);
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        box.has_call = true;
        notify<Held>(lock, box.called);
        box.returned.wait(lock, [&] { return box.has_result; });
        box.has_result = false;
    }
    const double seconds = bench_now() - start;
    box.closed = true;
    lock.unlock();
    box.called.notify_one();
    worker.join();
    return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "to_thread|to_thread_held";
    if (argc < 3) return bench_usage(argv[0], modes);
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (std::strcmp(argv[1], "to_thread") == 0)
        seconds = ping_pong<false>(n);
    else if (std::strcmp(argv[1], "to_thread_held") == 0)
        seconds = ping_pong<true>(n);
    else
        return bench_usage(argv[0], modes);
    bench_report(argv[1], n, seconds);
}
