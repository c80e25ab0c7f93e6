// bide/tests: queue: order, waiting on both sides, task_done, join and shutdown.
// bide-test: no-shuffle
#include <bide/queue.hpp>
#include <functional>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;
using sync_test::numbers;

bide::coro<void> get_into(bide::queue<int>& items, numbers& got) {
    const int item = co_await items.get();
    got.push_back(item);
}

template <class Queue>
numbers take_all(Queue& items) {
    numbers all;
    while (!items.empty()) all.push_back(items.get_nowait());
    return all;
}

TEST(queue, needs_no_loop_until_somebody_waits) {
    bide::queue<int> items(2);
    EXPECT_EQ(items.maxsize(), 2U);
    EXPECT_TRUE(items.empty());
    items.put_nowait(1);
    items.put_nowait(2);
    EXPECT_EQ(items.qsize(), 2U);
    EXPECT_TRUE(items.full());
    EXPECT_THROW(items.put_nowait(3), bide::queue_full);
    EXPECT_EQ(items.get_nowait(), 1);
    EXPECT_FALSE(items.full());
    EXPECT_EQ(items.get_nowait(), 2);
    EXPECT_THROW(items.get_nowait(), bide::queue_empty);
}

TEST(queue, without_a_limit_is_never_full) {
    bide::queue<int> items;
    EXPECT_EQ(items.maxsize(), 0U);
    for (int i = 0; i < 10'000; ++i) items.put_nowait(i);
    EXPECT_FALSE(items.full());
    for (int i = 0; i < 10'000; ++i) EXPECT_EQ(items.get_nowait(), i);
    EXPECT_TRUE(items.empty());
}

TEST(queue, kinds_differ_in_their_order) {
    bide::queue<int> fifo;
    bide::lifo_queue<int> lifo;
    bide::priority_queue<int> smallest;
    bide::priority_queue<int, std::greater<int>> largest;
    for (const int each : {3, 1, 4, 1, 5}) {
        fifo.put_nowait(each);
        lifo.put_nowait(each);
        smallest.put_nowait(each);
        largest.put_nowait(each);
    }
    EXPECT_EQ(take_all(fifo), (numbers{3, 1, 4, 1, 5}));
    EXPECT_EQ(take_all(lifo), (numbers{5, 1, 4, 1, 3}));
    EXPECT_EQ(take_all(smallest), (numbers{1, 1, 3, 4, 5}));
    EXPECT_EQ(take_all(largest), (numbers{5, 4, 3, 1, 1}));
}

TEST(queue, priority_queue_takes_a_comparison_with_state) {
    const std::map<int, int> rank{{1, 30}, {2, 10}, {3, 20}};
    const auto by_rank = [&](int a, int b) { return rank.at(a) < rank.at(b); };
    bide::priority_queue<int, decltype(by_rank)> items(0, by_rank);
    for (const int each : {1, 2, 3}) items.put_nowait(each);
    EXPECT_EQ(take_all(items), (numbers{2, 3, 1}));
}

// The number of times that an item was put decides: a Store of one's own.
struct most_wanted {
    std::map<std::string, int> wishes;
    [[nodiscard]] bool empty() const { return wishes.empty(); }
    void push(std::string&& item) { ++wishes[item]; }
    std::string pop() {
        auto best = wishes.begin();
        for (auto at = best; at != wishes.end(); ++at) {
            if (at->second > best->second) best = at;
        }
        std::string item = best->first;
        if (--best->second == 0) wishes.erase(best);
        return item;
    }
};

TEST(queue, takes_a_store_with_an_order_of_its_own) {
    bide::basic_queue<std::string, most_wanted> items;
    for (const char* const each : {"tea", "milk", "tea", "beer", "tea"}) items.put_nowait(each);
    EXPECT_EQ(items.qsize(), 5U);
    EXPECT_EQ(items.get_nowait(), "tea");
    EXPECT_EQ(items.get_nowait(), "tea");
    EXPECT_EQ(items.get_nowait(), "beer");
}

BIDE_TEST(queue, put_and_get_do_not_suspend_when_they_need_not) {
    bide::queue<int> items(2);
    bool other_ran = false;
    auto other = bide::create_task([&]() -> bide::coro<void> {
        other_ran = true;
        co_return;
    });
    co_await items.put(1);
    co_await items.put(2);
    const int first = co_await items.get();
    const int second = co_await items.get();
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 2);
    EXPECT_FALSE(other_ran);
    co_await other;
}

BIDE_TEST(queue, move_only_items) {
    bide::queue<std::unique_ptr<int>> fifo(1);
    bide::lifo_queue<std::unique_ptr<int>> lifo;
    const auto deeper = [](const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) { return *a < *b; };
    bide::priority_queue<std::unique_ptr<int>, decltype(deeper)> heap(0, deeper);
    auto putter = bide::create_task([&]() -> bide::coro<void> {
        for (int i = 0; i < 5; ++i) co_await fifo.put(std::make_unique<int>(i));
    });
    for (int i = 0; i < 5; ++i) {
        std::unique_ptr<int> item = co_await fifo.get();
        EXPECT_EQ(*item, i);
        lifo.put_nowait(std::make_unique<int>(i));
        heap.put_nowait(std::move(item));
    }
    std::unique_ptr<int> last = co_await lifo.get();
    EXPECT_EQ(*last, 4);
    std::unique_ptr<int> smallest = co_await heap.get();
    EXPECT_EQ(*smallest, 0);
    co_await putter;
}

BIDE_TEST(queue, refused_put_nowait_leaves_the_item_with_the_caller) {
    bide::queue<std::unique_ptr<int>> items(1);
    items.put_nowait(std::make_unique<int>(1));
    auto mine = std::make_unique<int>(2);
    EXPECT_THROW(items.put_nowait(std::move(mine)), bide::queue_full);
    EXPECT_NE(mine, nullptr);
    co_return;
}

BIDE_TEST(queue, getters_are_served_in_the_order_of_their_arrival) {
    bide::queue<int> items;
    numbers first_got;
    numbers second_got;
    auto first = bide::create_task(get_into(items, first_got));
    auto second = bide::create_task(get_into(items, second_got));
    co_await bide::sleep(0ms);
    items.put_nowait(1);
    items.put_nowait(2);
    EXPECT_TRUE(first_got.empty());  // not inside put_nowait()
    co_await first;
    co_await second;
    EXPECT_EQ(first_got, numbers{1});
    EXPECT_EQ(second_got, numbers{2});
}

BIDE_TEST(queue, putters_are_let_in_in_the_order_of_their_arrival) {
    bide::queue<int> items(1);
    co_await items.put(0);
    auto first = bide::create_task([&]() -> bide::coro<void> { co_await items.put(1); });
    auto second = bide::create_task([&]() -> bide::coro<void> { co_await items.put(2); });
    co_await bide::sleep(0ms);
    EXPECT_EQ(items.get_nowait(), 0);
    EXPECT_TRUE(items.full());  // the first putter's item is in already
    EXPECT_EQ(items.get_nowait(), 1);
    EXPECT_EQ(items.get_nowait(), 2);
    EXPECT_FALSE(first.done());
    co_await first;
    co_await second;
}

BIDE_TEST(section17, s59_running_task_cannot_take_what_was_handed_to_a_waiting_getter) {
    bide::queue<int> items;
    numbers got;
    auto waits = bide::create_task(get_into(items, got));
    co_await bide::sleep(0ms);
    items.put_nowait(1);
    EXPECT_TRUE(items.empty());
    EXPECT_THROW(items.get_nowait(), bide::queue_empty);  // asyncio would give it away here
    co_await waits;
    EXPECT_EQ(got, numbers{1});
}

BIDE_TEST(section17, s59_newcomer_cannot_put_before_a_waiting_putter) {
    bide::queue<int> items(1);
    items.put_nowait(1);
    auto waits = bide::create_task([&]() -> bide::coro<void> { co_await items.put(2); });
    co_await bide::sleep(0ms);
    EXPECT_EQ(items.get_nowait(), 1);
    EXPECT_THROW(items.put_nowait(3), bide::queue_full);
    co_await waits;
    EXPECT_EQ(take_all(items), numbers{2});
}

BIDE_TEST(section17, s59_getter_cancelled_after_the_hand_over_passes_the_item_on) {
    bide::queue<int> items;
    numbers got;
    auto first = bide::create_task(get_into(items, got));
    auto second = bide::create_task(get_into(items, got));
    co_await bide::sleep(0ms);
    items.put_nowait(1);
    first.cancel();
    EXPECT_CANCELLED(first);
    co_await second;
    EXPECT_EQ(got, numbers{1});
}

BIDE_TEST(section17, s59_item_of_a_cancelled_getter_keeps_its_place) {
    bide::queue<int> items;
    numbers got;
    auto first = bide::create_task(get_into(items, got));
    auto second = bide::create_task(get_into(items, got));
    co_await bide::sleep(0ms);
    for (int i = 1; i <= 4; ++i) items.put_nowait(i);
    EXPECT_EQ(items.qsize(), 2U);
    first.cancel();
    second.cancel();
    EXPECT_CANCELLED(first);
    EXPECT_CANCELLED(second);
    EXPECT_EQ(take_all(items), (numbers{1, 2, 3, 4}));
}

BIDE_TEST(queue, returned_item_may_exceed_the_limit_for_a_while) {
    bide::queue<int> items(1);
    numbers got;
    auto waits = bide::create_task(get_into(items, got));
    co_await bide::sleep(0ms);
    items.put_nowait(1);
    items.put_nowait(2);
    waits.cancel();
    EXPECT_CANCELLED(waits);
    EXPECT_EQ(items.qsize(), 2U);
    EXPECT_TRUE(items.full());
    EXPECT_EQ(items.get_nowait(), 1);
    EXPECT_TRUE(items.full());
    EXPECT_EQ(items.get_nowait(), 2);
    EXPECT_FALSE(items.full());
}

BIDE_TEST(queue, waiting_getter_of_priorities_gets_the_most_urgent_item) {
    bide::priority_queue<int> items;
    numbers got;
    auto waits = bide::create_task([&]() -> bide::coro<void> {
        for (int i = 0; i < 3; ++i) {
            const int item = co_await items.get();
            got.push_back(item);
        }
    });
    co_await bide::sleep(0ms);
    for (const int each : {3, 1, 2}) items.put_nowait(each);
    co_await waits;
    EXPECT_EQ(got, (numbers{1, 2, 3}));
}

BIDE_TEST(queue, cancelled_putter_never_put) {
    bide::queue<int> items(1);
    items.put_nowait(1);
    auto waits = bide::create_task([&]() -> bide::coro<void> { co_await items.put(2); });
    co_await bide::sleep(0ms);
    waits.cancel();
    EXPECT_CANCELLED(waits);
    EXPECT_EQ(take_all(items), numbers{1});
}

BIDE_TEST(queue, putter_cancelled_after_its_item_was_let_in_has_put_and_is_cancelled_at_its_next_await) {
    bide::queue<int> items(1);
    bool put = false;
    items.put_nowait(1);
    auto waits = bide::create_task([&]() -> bide::coro<void> {
        co_await items.put(2);
        put = true;
        co_await bide::sleep(0ms);
    });
    co_await bide::sleep(0ms);
    EXPECT_EQ(items.get_nowait(), 1);
    waits.cancel();
    EXPECT_CANCELLED(waits);
    EXPECT_TRUE(put);
    EXPECT_EQ(take_all(items), numbers{2});
}

BIDE_TEST(queue, cancel_taken_back_after_the_hand_over_keeps_the_item) {
    bide::queue<int> items;
    numbers got;
    auto waits = bide::create_task(get_into(items, got));
    co_await bide::sleep(0ms);
    items.put_nowait(1);
    waits.cancel();
    waits.uncancel();
    co_await waits;
    EXPECT_EQ(got, numbers{1});
}

BIDE_TEST(queue, cancel_before_the_wait_begins_is_thrown_at_the_wait) {
    bide::queue<int> items(1);
    auto getter = bide::create_task([&]() -> bide::coro<void> {
        bide::current_task().cancel();
        co_await items.get();
    });
    EXPECT_CANCELLED(getter);
    items.put_nowait(1);
    auto putter = bide::create_task([&]() -> bide::coro<void> {
        bide::current_task().cancel();
        co_await items.put(2);
    });
    EXPECT_CANCELLED(putter);
    EXPECT_EQ(take_all(items), numbers{1});
}

BIDE_TEST(section17, s60_join_counts_from_put) {
    bide::queue<int> items;
    co_await items.join();  // nothing was ever put
    items.put_nowait(1);
    items.put_nowait(2);
    auto joins = bide::create_task([&]() -> bide::coro<void> { co_await items.join(); });
    EXPECT_EQ(take_all(items), (numbers{1, 2}));
    co_await bide::sleep(1ms);
    EXPECT_FALSE(joins.done());  // taken, not done
    items.task_done();
    co_await bide::sleep(1ms);
    EXPECT_FALSE(joins.done());
    items.task_done();
    co_await joins;
}

BIDE_TEST(queue, task_done_too_often_is_refused) {
    bide::queue<int> items;
    EXPECT_THROWS_WITH(items.task_done(), bide::invalid_state_error, "queue.task_done");
    items.put_nowait(1);
    items.task_done();
    EXPECT_THROW(items.task_done(), bide::invalid_state_error);
    co_return;
}

BIDE_TEST(queue, join_returns_even_if_new_items_come_before_it_resumes) {
    bide::queue<int> items;
    items.put_nowait(1);
    auto joins = bide::create_task([&]() -> bide::coro<void> { co_await items.join(); });
    co_await bide::sleep(0ms);
    items.task_done();
    items.put_nowait(2);
    co_await joins;
}

BIDE_TEST(queue, cancelled_join_leaves_the_others) {
    bide::queue<int> items;
    items.put_nowait(1);
    auto first = bide::create_task([&]() -> bide::coro<void> { co_await items.join(); });
    auto second = bide::create_task([&]() -> bide::coro<void> { co_await items.join(); });
    co_await bide::sleep(0ms);
    first.cancel();
    EXPECT_CANCELLED(first);
    items.task_done();
    co_await second;
}

BIDE_TEST(queue, producers_and_consumers_lose_nothing) {
    bide::queue<int> items(3);
    std::map<int, int> seen;
    std::vector<bide::task<void>> consumers;
    for (int i = 0; i < 4; ++i) {
        consumers.push_back(bide::create_task([&]() -> bide::coro<void> {
            for (;;) {
                const int item = co_await items.get();
                ++seen[item];
                items.task_done();
            }
        }));
    }
    std::vector<bide::task<void>> producers;
    for (int p = 0; p < 3; ++p) {
        producers.push_back(bide::create_task([&items, p]() -> bide::coro<void> {
            for (int i = 0; i < 50; ++i) co_await items.put(p * 50 + i);
        }));
    }
    for (auto& each : producers) co_await each;
    co_await items.join();
    EXPECT_EQ(seen.size(), 150U);
    for (const auto& [item, times] : seen) EXPECT_EQ(times, 1) << item;
    for (auto& each : consumers) each.cancel();
    for (auto& each : consumers) EXPECT_CANCELLED(each);
}

TEST(section17, s61_queue_belongs_to_the_loop_of_its_first_wait) {
    bide::queue<int> items;
    const auto pass = [&]() -> bide::coro<void> {
        bide::get_running_loop().call_soon([&] { items.put_nowait(1); });
        const int item = co_await items.get();
        EXPECT_EQ(item, 1);
    };
    bide::event_loop first;
    first.run_until_complete(pass());
    bide::event_loop second;
    EXPECT_THROWS_WITH(second.run_until_complete(pass()), bide::invalid_state_error, "queue.get");
    const auto join = [&]() -> bide::coro<void> { co_await items.join(); };
    EXPECT_THROWS_WITH(second.run_until_complete(join()), bide::invalid_state_error, "queue.join");
    EXPECT_EQ(items.get_nowait(), 1);
}

TEST(queue, loop_that_closes_leaves_the_items_in_the_queue) {
    bide::queue<int> items(1);
    numbers got;
    sync_test::run_until_stop([&]() -> bide::coro<void> {
        for (int i = 0; i < 2; ++i) static_cast<void>(bide::create_task(get_into(items, got)));
        co_await bide::sleep(0ms);
        items.put_nowait(1);  // one getter has it, one waits
        EXPECT_TRUE(items.empty());
        bide::get_running_loop().stop();
    });
    EXPECT_EQ(take_all(items), numbers{1});
    EXPECT_TRUE(got.empty());
}

TEST(queue, loop_that_closes_destroys_the_items_of_waiting_putters) {
    bide::queue<std::shared_ptr<int>> items(1);
    const auto watched = std::make_shared<int>(1);
    sync_test::run_until_stop([&]() -> bide::coro<void> {
        for (int i = 0; i < 3; ++i) {
            static_cast<void>(bide::create_task([&]() -> bide::coro<void> { co_await items.put(watched); }));
        }
        co_await bide::sleep(0ms);
        bide::get_running_loop().stop();
    });
    EXPECT_EQ(watched.use_count(), 2);
    EXPECT_EQ(items.qsize(), 1U);
}

}  // namespace
