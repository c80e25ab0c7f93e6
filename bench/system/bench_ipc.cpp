// bide/bench: what it costs to share with another process: a lock nobody else wants, a lock and an event that go to and
// fro between two processes, items through a queue.
#include "../report.h"

#include <bide/process_event.hpp>
#include <bide/process_lock.hpp>
#include <bide/process_queue.hpp>
#include <bide/run.hpp>
#include <bide/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace {

bide::coro<void> lock_free(std::uint64_t n) {
    bide::process_lock lock;
    for (std::uint64_t i = 0; i < n; ++i) {
        co_await lock.acquire();
        lock.release();
    }
}

bide::coro<void> take_turns(bide::process_lock& lock, std::uint64_t n) {
    bide::process_lock& it = lock;
    for (std::uint64_t i = 0; i < n; ++i) {
        co_await it.acquire();
        co_await bide::sleep(std::chrono::seconds(0));  // long enough for the other one to want it
        it.release();
    }
}

bide::coro<void> play(bide::process_event& mine, bide::process_event& theirs, std::uint64_t n, bool first) {
    bide::process_event& own = mine;
    if (first) theirs.set();
    for (std::uint64_t i = 0; i < n; ++i) {
        co_await own.wait();
        own.clear();
        theirs.set();
    }
}

bide::coro<void> put_all(bide::process_queue<std::string>& queue, std::uint64_t n) {
    const std::string item(64, 'x');
    for (std::uint64_t i = 0; i < n; ++i) co_await queue.put(item);
}

bide::coro<void> get_all(bide::process_queue<std::string>& queue, std::uint64_t n) {
    std::size_t size = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const std::string item = co_await queue.get();
        size += item.size();
    }
    if (size != n * 64) std::abort();
}

bide::coro<void> put_and_get(std::uint64_t n) {
    bide::process_queue<std::string> queue;
    const std::string item(64, 'x');
    for (std::uint64_t i = 0; i < n; ++i) {
        co_await queue.put(item);
        const std::string back = co_await queue.get();
    }
}

template <class F>
bide::coro<void> after(bide::process_event& mine, bide::process_event& theirs, F make) {
    bide::process_event& own = mine;
    theirs.set();
    co_await own.wait();
    co_await make();
}

// One half here, the other in a child; both begin when both are there.
template <class Here, class There>
void both(Here here, There there) {
    bide::process_event one;
    bide::process_event other;
    const int child = ::fork();
    if (child == 0) {
        bide::run(after(one, other, there));
        ::_exit(0);
    }
    bide::run(after(other, one, here));
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "lock|handover|event_pingpong|queue|queue_here";
    if (argc != 3) return bench_usage(argv[0], modes);
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    const double start = bench_now();
    if (std::strcmp(argv[1], "lock") == 0) {
        bide::run(lock_free(n));
    } else if (std::strcmp(argv[1], "handover") == 0) {
        bide::process_lock lock;
        both([&] { return take_turns(lock, n); }, [&] { return take_turns(lock, n); });
    } else if (std::strcmp(argv[1], "event_pingpong") == 0) {
        bide::process_event one;
        bide::process_event other;
        both([&] { return play(one, other, n, true); }, [&] { return play(other, one, n, false); });
    } else if (std::strcmp(argv[1], "queue") == 0) {
        bide::process_queue<std::string> queue;
        both([&] { return get_all(queue, n); }, [&] { return put_all(queue, n); });
    } else if (std::strcmp(argv[1], "queue_here") == 0) {
        bide::run(put_and_get(n));
    } else {
        return bench_usage(argv[0], modes);
    }
    bench_report(argv[1], n, bench_now() - start);
}
