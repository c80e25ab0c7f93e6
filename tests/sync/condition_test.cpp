// bide/tests: condition: notifications, the lock that is always taken again, cancellation at every stage.
// bide-test: no-shuffle
#include <bide/condition.hpp>

#include <string>

#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;
using sync_test::numbers;

bide::coro<void> note_when_notified(bide::condition& changed, numbers& order, int number) {
    auto held = co_await changed.scoped();
    co_await changed.wait();
    EXPECT_TRUE(changed.locked());
    order.push_back(number);
}

bide::coro<void> notify(bide::condition& changed, std::size_t n) {
    auto held = co_await changed.scoped();
    changed.notify(n);
}

// [account]
class account {
public:
    bide::coro<void> deposit(int amount) {
        auto held = co_await changed_.scoped();
        balance_ += amount;
        changed_.notify_all();
    }
    bide::coro<void> withdraw(int amount) {
        auto held = co_await changed_.scoped();
        co_await changed_.wait_for([&] { return balance_ >= amount; });
        balance_ -= amount;
    }

private:
    bide::condition changed_;
    int balance_ = 0;
};
// [/account]

BIDE_TEST(condition, withdrawal_waits_for_deposits) {
    account mine;
    auto spends = bide::create_task(mine.withdraw(10));
    co_await mine.deposit(6);
    co_await bide::sleep(1ms);
    EXPECT_FALSE(spends.done());
    co_await mine.deposit(6);
    co_await spends;
}

BIDE_TEST(condition, forwards_its_lock) {
    bide::condition changed;
    EXPECT_FALSE(changed.locked());
    co_await changed.acquire();
    EXPECT_TRUE(changed.locked());
    changed.release();
    {
        auto held = co_await changed.scoped();
        EXPECT_TRUE(changed.locked());
    }
    EXPECT_FALSE(changed.locked());
    EXPECT_THROW(changed.release(), bide::invalid_state_error);
}

BIDE_TEST(condition, several_share_one_lock) {
    bide::lock mutex;
    bide::condition filled(mutex);
    bide::condition drained(mutex);
    numbers order;
    auto reader = bide::create_task(note_when_notified(filled, order, 1));
    auto writer = bide::create_task(note_when_notified(drained, order, 2));
    co_await bide::sleep(0ms);
    co_await mutex.acquire();
    EXPECT_TRUE(filled.locked());
    EXPECT_TRUE(drained.locked());
    drained.notify_all();
    mutex.release();
    co_await writer;
    EXPECT_EQ(order, numbers{2});
    EXPECT_FALSE(reader.done());
    co_await notify(filled, 1);
    co_await reader;
}

BIDE_TEST(condition, wait_and_notify_without_the_lock_are_refused) {
    bide::condition changed;
    EXPECT_THROWS_WITH(changed.notify(), bide::invalid_state_error, "condition.notify: the lock is not held");
    EXPECT_THROW(changed.notify_all(), bide::invalid_state_error);
    EXPECT_AWAIT_THROWS(changed.wait(), bide::invalid_state_error);
    EXPECT_FALSE(changed.locked());
}

BIDE_TEST(condition, wait_releases_the_lock_meanwhile) {
    bide::condition changed;
    numbers order;
    auto waits = bide::create_task(note_when_notified(changed, order, 1));
    co_await bide::sleep(0ms);
    EXPECT_FALSE(changed.locked());
    co_await notify(changed, 1);
    co_await waits;
    EXPECT_FALSE(changed.locked());
}

BIDE_TEST(section17, s57_notified_task_runs_only_when_the_notifier_releases_the_lock) {
    bide::condition changed;
    numbers order;
    auto waits = bide::create_task(note_when_notified(changed, order, 1));
    co_await bide::sleep(0ms);
    co_await changed.acquire();
    changed.notify();
    co_await bide::sleep(5ms);
    EXPECT_TRUE(order.empty());
    changed.release();
    EXPECT_TRUE(changed.locked());  // handed over
    co_await waits;
    EXPECT_EQ(order, numbers{1});
}

BIDE_TEST(section17, s57_notify_wakes_the_first_n_in_order) {
    bide::condition changed;
    numbers order;
    std::vector<bide::task<void>> waiters;
    for (int i = 0; i < 4; ++i) waiters.push_back(bide::create_task(note_when_notified(changed, order, i)));
    co_await bide::sleep(0ms);
    co_await notify(changed, 2);
    co_await bide::sleep(1ms);
    EXPECT_EQ(order, (numbers{0, 1}));
    co_await notify(changed, 0);
    co_await bide::sleep(1ms);
    EXPECT_EQ(order, (numbers{0, 1}));
    co_await changed.acquire();
    changed.notify_all();
    changed.release();
    for (auto& each : waiters) co_await each;
    EXPECT_EQ(order, (numbers{0, 1, 2, 3}));
}

BIDE_TEST(condition, second_notify_goes_to_one_that_was_not_notified_yet) {
    bide::condition changed;
    numbers order;
    auto first = bide::create_task(note_when_notified(changed, order, 1));
    auto second = bide::create_task(note_when_notified(changed, order, 2));
    co_await bide::sleep(0ms);
    co_await changed.acquire();
    changed.notify();
    changed.notify();
    changed.release();
    co_await first;
    co_await second;
    EXPECT_EQ(order, (numbers{1, 2}));
}

BIDE_TEST(condition, notification_without_waiters_is_not_kept) {
    bide::condition changed;
    numbers order;
    co_await notify(changed, 1);
    auto waits = bide::create_task(note_when_notified(changed, order, 1));
    co_await bide::sleep(1ms);
    EXPECT_TRUE(order.empty());
    co_await notify(changed, 1);
    co_await waits;
}

BIDE_TEST(condition, wait_for_looks_before_it_waits) {
    bide::condition changed;
    auto held = co_await changed.scoped();
    const int value = co_await changed.wait_for([] { return 7; });
    EXPECT_EQ(value, 7);
}

BIDE_TEST(condition, wait_for_waits_until_the_predicate_holds) {
    bide::condition changed;
    int level = 0;
    int looks = 0;
    auto waits = bide::create_task([&]() -> bide::coro<int> {
        auto held = co_await changed.scoped();
        const int reached = co_await changed.wait_for([&] {
            ++looks;
            EXPECT_TRUE(changed.locked());
            return level >= 3 ? level : 0;
        });
        co_return reached;
    });
    co_await bide::sleep(0ms);
    for (int i = 1; i <= 3; ++i) {
        auto held = co_await changed.scoped();
        level = i;
        changed.notify_all();
    }
    const int reached = co_await waits;
    EXPECT_EQ(reached, 3);
    EXPECT_GE(looks, 2);
}

BIDE_TEST(section17, s56_cancelled_wait_takes_the_lock_before_it_throws) {
    bide::condition changed;
    bool had_lock = false;
    auto waits = bide::create_task([&]() -> bide::coro<void> {
        co_await changed.acquire();
        try {
            co_await changed.wait();
        } catch (const bide::cancelled_error&) {
            had_lock = changed.locked();
            changed.release();
            throw;
        }
    });
    co_await bide::sleep(0ms);
    co_await changed.acquire();
    waits.cancel();
    co_await bide::sleep(10ms);
    EXPECT_FALSE(waits.done());  // as long as we hold it
    changed.release();
    EXPECT_CANCELLED(waits);
    EXPECT_TRUE(had_lock);
    EXPECT_FALSE(changed.locked());
}

BIDE_TEST(section17, s56_cancelled_wait_with_a_free_lock_throws_in_the_next_turn) {
    bide::condition changed;
    numbers order;
    auto waits = bide::create_task(note_when_notified(changed, order, 1));
    co_await bide::sleep(0ms);
    waits.cancel();
    EXPECT_TRUE(changed.locked());  // it has it already
    EXPECT_CANCELLED(waits);
    EXPECT_FALSE(changed.locked());
    EXPECT_TRUE(order.empty());
}

BIDE_TEST(section17, s56_repeated_cancels_are_merged_and_the_last_message_is_thrown) {
    bide::condition changed;
    std::string message;
    auto waits = bide::create_task([&]() -> bide::coro<void> {
        auto held = co_await changed.scoped();
        try {
            co_await changed.wait();
        } catch (const bide::cancelled_error& e) { message = e.message(); }
        co_await bide::sleep(1ms);  // no second cancellation is left over
    });
    co_await bide::sleep(0ms);
    co_await changed.acquire();
    waits.cancel("first");
    co_await bide::sleep(1ms);
    waits.cancel("second");
    co_await bide::sleep(1ms);
    waits.cancel("third");
    changed.release();
    co_await waits;
    EXPECT_EQ(message, "third");
    EXPECT_EQ(waits.cancelling(), 3U);
}

BIDE_TEST(section17, s56_notified_and_then_cancelled_waiter_notifies_the_next) {
    bide::condition changed;
    numbers order;
    auto first = bide::create_task(note_when_notified(changed, order, 1));
    auto second = bide::create_task(note_when_notified(changed, order, 2));
    auto third = bide::create_task(note_when_notified(changed, order, 3));
    co_await bide::sleep(0ms);
    co_await changed.acquire();
    changed.notify(1);
    first.cancel();  // on its way to the lock
    changed.release();
    EXPECT_CANCELLED(first);
    co_await second;
    co_await bide::sleep(1ms);
    EXPECT_EQ(order, numbers{2});
    EXPECT_FALSE(third.done());
    co_await notify(changed, 1);
    co_await third;
}

BIDE_TEST(section17, s56_waiter_cancelled_with_the_lock_handed_to_it_notifies_the_next) {
    bide::condition changed;
    numbers order;
    auto first = bide::create_task(note_when_notified(changed, order, 1));
    auto second = bide::create_task(note_when_notified(changed, order, 2));
    co_await bide::sleep(0ms);
    co_await notify(changed, 1);  // released: the lock is the first one's, which has not run yet
    EXPECT_TRUE(changed.locked());
    first.cancel();
    EXPECT_CANCELLED(first);
    co_await second;
    EXPECT_EQ(order, numbers{2});
    EXPECT_FALSE(changed.locked());
}

BIDE_TEST(condition, waiter_cancelled_before_it_was_notified_notifies_nobody) {
    bide::condition changed;
    numbers order;
    auto first = bide::create_task(note_when_notified(changed, order, 1));
    auto second = bide::create_task(note_when_notified(changed, order, 2));
    co_await bide::sleep(0ms);
    first.cancel();
    EXPECT_CANCELLED(first);
    co_await bide::sleep(1ms);
    EXPECT_TRUE(order.empty());
    co_await notify(changed, 1);
    co_await second;
}

BIDE_TEST(condition, cancelled_waiter_keeps_its_place_on_the_way_to_the_lock) {
    bide::condition changed;
    numbers order;
    auto waits = bide::create_task([&]() -> bide::coro<void> {
        auto held = co_await changed.scoped();
        try {
            co_await changed.wait();
        } catch (const bide::cancelled_error&) { order.push_back(1); }
    });
    co_await bide::sleep(0ms);
    co_await changed.acquire();
    waits.cancel();
    auto newcomer = bide::create_task([&]() -> bide::coro<void> {
        auto held = co_await changed.scoped();
        order.push_back(2);
    });
    co_await bide::sleep(0ms);
    waits.cancel();  // asyncio would send it to the end of the row
    changed.release();
    co_await newcomer;
    co_await waits;
    EXPECT_EQ(order, (numbers{1, 2}));
}

BIDE_TEST(condition, cancel_before_the_wait_begins_still_takes_the_lock_again) {
    bide::condition changed;
    bool had_lock = false;
    auto waits = bide::create_task([&]() -> bide::coro<void> {
        auto held = co_await changed.scoped();
        bide::current_task().cancel();
        try {
            co_await changed.wait();
        } catch (const bide::cancelled_error&) {
            had_lock = changed.locked();
            throw;
        }
    });
    EXPECT_CANCELLED(waits);
    EXPECT_TRUE(had_lock);
    EXPECT_FALSE(changed.locked());
}

TEST(section17, s61_condition_belongs_to_the_loop_of_its_first_wait) {
    bide::condition changed;
    const auto meet = [&]() -> bide::coro<void> {
        numbers order;
        auto waits = bide::create_task(note_when_notified(changed, order, 1));
        co_await bide::sleep(0ms);
        co_await notify(changed, 1);
        co_await waits;
    };
    bide::event_loop first;
    first.run_until_complete(meet());
    bide::event_loop second;
    const auto wait = [&]() -> bide::coro<void> {
        auto held = co_await changed.scoped();
        co_await changed.wait();
    };
    EXPECT_THROWS_WITH(second.run_until_complete(wait()), bide::invalid_state_error, "condition.wait");
    EXPECT_FALSE(changed.locked());
}

TEST(condition, loop_that_closes_detaches_waiters_of_every_stage) {
    bide::condition changed;
    numbers order;
    sync_test::run_until_stop([&]() -> bide::coro<void> {
        for (int i = 0; i < 4; ++i)
            static_cast<void>(bide::create_task(note_when_notified(changed, order, i)));
        co_await bide::sleep(0ms);
        co_await notify(changed, 2);  // one holds the lock, one is in its row, two wait to be notified
        EXPECT_TRUE(changed.locked());
        bide::get_running_loop().stop();
    });
    EXPECT_FALSE(changed.locked());
    EXPECT_TRUE(order.empty());
}

}  // namespace
