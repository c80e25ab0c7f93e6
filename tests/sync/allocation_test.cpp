// bide/tests: nothing of the sync layer allocates, neither when a task waits nor when it need not.
// bide-test: no-shuffle
#include <bide/condition.hpp>
#include <bide/lock.hpp>
#include <bide/queue.hpp>
#include <bide/semaphore.hpp>

#include <cstdlib>
#include <new>

#include "sync/expect.hpp"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const at = std::malloc(size)) return at;
    throw std::bad_alloc();
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace {

using namespace std::chrono_literals;

constexpr int rounds = 100;

BIDE_TEST(sync_allocation, none_without_waiting) {
    bide::lock mutex;
    bide::semaphore places(1);
    bide::queue<int> items(4);
    items.put_nowait(0);  // the room for the first items
    const std::size_t before = allocations;
    for (int i = 0; i < rounds; ++i) {
        co_await mutex.acquire();
        mutex.release();
        auto place = co_await places.scoped();
        co_await items.put(i);
        co_await items.get();
    }
    EXPECT_EQ(allocations, before);
}

BIDE_TEST(sync_allocation, none_when_two_tasks_wait_for_each_other) {
    bide::lock mutex;
    bide::semaphore places(1);
    bide::condition changed;
    bide::queue<int> items(1);
    std::size_t before = 0;
    std::size_t after = 0;
    auto turns = [&](bool puts) -> bide::coro<void> {
        for (int i = 0; i < rounds; ++i) {
            if (i == 2) before = allocations;
            auto held = co_await mutex.scoped();
            co_await bide::sleep(0ms);
            held.release();
            auto place = co_await places.scoped();
            co_await bide::sleep(0ms);
            place.release();
            if (puts) {
                co_await items.put(i);
            } else {
                co_await items.get();
            }
            auto locked = co_await changed.scoped();
            changed.notify();
            if (i + 1 < rounds) co_await changed.wait();
        }
        if (after == 0) after = allocations;
    };
    auto first = bide::create_task(turns, true);
    auto second = bide::create_task(turns, false);
    while (!first.done() || !second.done()) {
        co_await bide::sleep(1ms);
        auto held = co_await changed.scoped();
        changed.notify_all();
    }
    EXPECT_GT(before, 0U);
    EXPECT_EQ(after, before);
}

}  // namespace
