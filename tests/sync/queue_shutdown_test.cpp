// bide/tests: queue: what shutdown() does to those who wait, those who come, and the items.
// bide-test: no-shuffle
#include <bide/queue.hpp>

#include <bide/as_result.hpp>

#include <memory>

#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::shutdown_mode;
using sync_test::numbers;

// [workers]
bide::coro<void> work(bide::queue<int>& jobs, int& sum) {
    try {
        for (;;) {
            const int job = co_await jobs.get();
            co_await bide::sleep(1ms);
            sum += job;
            jobs.task_done();
        }
    } catch (const bide::queue_shut_down&) {  // no more jobs will come
    }
}

bide::coro<int> sum_up() {
    bide::queue<int> jobs(2);  // at most two jobs wait; then put() does
    int sum = 0;
    auto first = bide::create_task(work(jobs, sum));
    auto second = bide::create_task(work(jobs, sum));
    for (int job = 1; job <= 10; ++job) co_await jobs.put(job);
    jobs.shutdown();  // what is in the queue is still done
    co_await first;
    co_await second;
    co_return sum;
}
// [/workers]

BIDE_TEST(queue_shutdown, ends_workers_when_the_work_is_done) {
    const int sum = co_await sum_up();
    EXPECT_EQ(sum, 55);
}

BIDE_TEST(section17, s60_shutdown_lets_getters_drain) {
    bide::queue<int> items;
    items.put_nowait(1);
    items.put_nowait(2);
    items.shutdown();
    EXPECT_THROW(items.put_nowait(3), bide::queue_shut_down);
    EXPECT_AWAIT_THROWS(items.put(3), bide::queue_shut_down);
    const int first = co_await items.get();
    const int second = items.get_nowait();
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 2);
    EXPECT_AWAIT_THROWS(items.get(), bide::queue_shut_down);
    EXPECT_THROW(items.get_nowait(), bide::queue_shut_down);
}

BIDE_TEST(section17, s60_immediate_shutdown_counts_the_dropped_items_as_done_but_not_those_in_work) {
    bide::queue<int> items;
    for (int i = 0; i < 3; ++i) items.put_nowait(i);
    EXPECT_EQ(items.get_nowait(), 0);  // in work
    auto joins = bide::create_task([&]() -> bide::coro<void> { co_await items.join(); });
    co_await bide::sleep(0ms);
    items.shutdown(shutdown_mode::immediate);
    EXPECT_TRUE(items.empty());
    co_await bide::sleep(1ms);
    EXPECT_FALSE(joins.done());
    items.task_done();
    co_await joins;
    EXPECT_THROW(items.task_done(), bide::invalid_state_error);
}

BIDE_TEST(queue_shutdown, immediate_may_release_join) {
    bide::queue<int> items;
    items.put_nowait(1);
    auto joins = bide::create_task([&]() -> bide::coro<void> { co_await items.join(); });
    co_await bide::sleep(0ms);
    items.shutdown(shutdown_mode::immediate);
    co_await joins;
}

BIDE_TEST(queue_shutdown, wakes_waiting_getters_and_putters) {
    bide::queue<int> empty;
    bide::queue<int> full(1);
    full.put_nowait(1);
    auto getter = bide::create_task([&]() -> bide::coro<void> { co_await empty.get(); });
    auto putter = bide::create_task([&]() -> bide::coro<void> { co_await full.put(2); });
    co_await bide::sleep(0ms);
    empty.shutdown();
    full.shutdown();
    EXPECT_AWAIT_THROWS(getter, bide::queue_shut_down);
    EXPECT_AWAIT_THROWS(putter, bide::queue_shut_down);
    EXPECT_EQ(full.get_nowait(), 1);
    EXPECT_TRUE(full.empty());
}

BIDE_TEST(queue_shutdown, getter_with_an_item_on_its_way_still_gets_it_when_draining) {
    bide::queue<int> items;
    auto getter = bide::create_task([&]() -> bide::coro<int> { co_return co_await items.get(); });
    co_await bide::sleep(0ms);
    items.put_nowait(1);
    items.shutdown();
    const int got = co_await getter;
    EXPECT_EQ(got, 1);
}

BIDE_TEST(queue_shutdown, getter_with_an_item_on_its_way_loses_it_when_immediate) {
    bide::queue<int> items;
    auto getter = bide::create_task([&]() -> bide::coro<int> { co_return co_await items.get(); });
    co_await bide::sleep(0ms);
    items.put_nowait(1);
    items.shutdown(shutdown_mode::immediate);
    EXPECT_AWAIT_THROWS(getter, bide::queue_shut_down);
    co_await items.join();
}

BIDE_TEST(queue_shutdown, cancellation_wins_over_it_in_the_same_turn) {
    bide::queue<int> items;
    auto getter = bide::create_task([&]() -> bide::coro<int> { co_return co_await items.get(); });
    co_await bide::sleep(0ms);
    items.shutdown();
    getter.cancel();
    EXPECT_CANCELLED(getter);
}

BIDE_TEST(queue_shutdown, getter_cancelled_with_an_item_on_its_way_returns_it_unless_it_was_dropped) {
    bide::queue<int> drained;
    bide::queue<int> dropped;
    auto first = bide::create_task([&]() -> bide::coro<int> { co_return co_await drained.get(); });
    auto second = bide::create_task([&]() -> bide::coro<int> { co_return co_await dropped.get(); });
    co_await bide::sleep(0ms);
    drained.put_nowait(1);
    dropped.put_nowait(2);
    drained.shutdown();
    dropped.shutdown(shutdown_mode::immediate);
    first.cancel();
    second.cancel();
    EXPECT_CANCELLED(first);
    EXPECT_CANCELLED(second);
    EXPECT_EQ(drained.get_nowait(), 1);
    EXPECT_TRUE(dropped.empty());
}

BIDE_TEST(queue_shutdown, may_be_repeated_and_sharpened) {
    bide::queue<int> items(2);
    items.put_nowait(1);
    items.shutdown();
    items.shutdown();
    EXPECT_EQ(items.qsize(), 1U);
    EXPECT_FALSE(items.full());
    EXPECT_EQ(items.maxsize(), 2U);
    items.shutdown(shutdown_mode::immediate);
    EXPECT_TRUE(items.empty());
    items.shutdown(shutdown_mode::immediate);
    co_await items.join();
}

BIDE_TEST(queue_shutdown, destroys_the_dropped_items) {
    auto watched = std::make_shared<int>(1);
    bide::lifo_queue<std::shared_ptr<int>> lifo;
    bide::priority_queue<std::shared_ptr<int>> heap;
    lifo.put_nowait(watched);
    heap.put_nowait(watched);
    EXPECT_EQ(watched.use_count(), 3);
    lifo.shutdown(shutdown_mode::immediate);
    heap.shutdown(shutdown_mode::immediate);
    EXPECT_EQ(watched.use_count(), 1);
    co_return;
}

BIDE_TEST(queue_shutdown, as_result_tells_it_without_a_throw) {
    bide::queue<int> items;
    items.put_nowait(1);
    items.shutdown();
    numbers got;
    for (;;) {
        auto item = co_await bide::as_result(items.get());
        if (!item) {
            EXPECT_THROW(std::rethrow_exception(item.exception()), bide::queue_shut_down);
            break;
        }
        got.push_back(*item);
    }
    EXPECT_EQ(got, numbers{1});
    auto put = co_await bide::as_result(items.put(2));
    EXPECT_FALSE(put.has_value());
}

BIDE_TEST(queue_shutdown, as_result_lets_a_wait_succeed_or_fail) {
    bide::queue<int> items(1);
    auto getter = bide::create_task([&]() -> bide::coro<int> {
        auto first = co_await bide::as_result(items.get());
        auto second = co_await bide::as_result(items.get());
        EXPECT_FALSE(second.has_value());
        co_return *first;
    });
    co_await bide::sleep(0ms);
    items.put_nowait(7);
    co_await bide::sleep(0ms);
    items.shutdown();
    const int got = co_await getter;
    EXPECT_EQ(got, 7);
}

}  // namespace
