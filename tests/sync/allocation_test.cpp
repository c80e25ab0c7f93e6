// bide/tests: nothing of the sync layer allocates, neither when a task waits nor when it need not.
// bide-test: no-shuffle
#include <bide/condition.hpp>
#include <bide/lock.hpp>
#include <bide/queue.hpp>
#include <bide/semaphore.hpp>

#include "support/allocation_count.hpp"
#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::allocations;

constexpr int rounds = 100;

BIDE_TEST(sync_allocation, none_without_waiting) {
    bide::lock mutex;
    bide::semaphore places(1);
    bide::queue<int> items(4);
    items.put_nowait(0);  // the room for the first items
    const long before = allocations;
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
    long before = 0;
    long after = 0;
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
    EXPECT_TRUE(before > 0 || BIDE_TSAN);
    EXPECT_EQ(after, before);
}

}  // namespace
