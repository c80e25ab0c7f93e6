// bide/tests: lock: hand-over in order, cancellation at every point, loops.
// bide-test: no-shuffle
#include <bide/lock.hpp>

#include <memory>
#include <string>

#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;
using sync_test::numbers;

bide::coro<void> note_under(bide::lock& mutex, numbers& order, int number) {
    auto held = co_await mutex.scoped();
    order.push_back(number);
    co_await bide::sleep(1ms);
}

// [scoped]
bide::coro<void> say(bide::lock& mouth, std::string& heard, std::string word) {
    auto held = co_await mouth.scoped();  // waits while another task speaks
    for (const char letter : word) {
        heard += letter;
        co_await bide::sleep(1ms);
    }
    heard += ' ';
}  // the guard lets the next one speak
// [/scoped]

BIDE_TEST(lock, keeps_what_one_task_does_together) {
    bide::lock mouth;
    std::string heard;
    auto first = bide::create_task(say(mouth, heard, "one"));
    auto second = bide::create_task(say(mouth, heard, "two"));
    co_await first;
    co_await second;
    EXPECT_EQ(heard, "one two ");
}

BIDE_TEST(lock, free_one_is_acquired_without_suspending) {
    bide::lock mutex;
    bool other_ran = false;
    auto other = bide::create_task([&]() -> bide::coro<void> {
        other_ran = true;
        co_return;
    });
    EXPECT_FALSE(mutex.locked());
    co_await mutex.acquire();
    EXPECT_TRUE(mutex.locked());
    mutex.release();
    EXPECT_FALSE(mutex.locked());
    EXPECT_FALSE(other_ran);
    co_await other;
}

TEST(lock, needs_no_loop_until_somebody_waits) {
    bide::lock mutex;
    EXPECT_FALSE(mutex.locked());
    EXPECT_THROW(mutex.release(), bide::invalid_state_error);
}

BIDE_TEST(lock, any_task_may_release) {
    bide::lock mutex;
    co_await mutex.acquire();
    co_await bide::create_task([&]() -> bide::coro<void> {
        mutex.release();
        co_return;
    });
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, release_of_an_unlocked_one_names_the_lock) {
    bide::lock mutex;
    EXPECT_THROWS_WITH(mutex.release(), bide::invalid_state_error, "lock.release: the lock is not locked");
    co_return;
}

BIDE_TEST(section17, s51_lock_is_fifo_and_newcomer_does_not_overtake) {
    bide::lock mutex;
    numbers order;
    co_await mutex.acquire();
    auto first = bide::create_task(note_under(mutex, order, 1));
    auto second = bide::create_task(note_under(mutex, order, 2));
    co_await bide::sleep(0ms);
    mutex.release();
    EXPECT_TRUE(mutex.locked());  // asyncio: False; here it is handed over
    co_await mutex.acquire();     // behind both
    order.push_back(3);
    mutex.release();
    EXPECT_EQ(order, (numbers{1, 2, 3}));
    co_await first;
    co_await second;
}

BIDE_TEST(section17, s52_cancelled_waiter_does_not_keep_the_lock_from_the_next) {
    bide::lock mutex;
    numbers order;
    co_await mutex.acquire();
    auto first = bide::create_task(note_under(mutex, order, 1));
    auto second = bide::create_task(note_under(mutex, order, 2));
    co_await bide::sleep(0ms);
    first.cancel();
    mutex.release();
    EXPECT_CANCELLED(first);
    co_await second;
    EXPECT_EQ(order, numbers{2});
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, waiter_cancelled_after_the_hand_over_passes_it_on) {
    bide::lock mutex;
    numbers order;
    co_await mutex.acquire();
    auto first = bide::create_task(note_under(mutex, order, 1));
    auto second = bide::create_task(note_under(mutex, order, 2));
    co_await bide::sleep(0ms);
    mutex.release();  // now it is the first one's
    first.cancel();
    EXPECT_CANCELLED(first);
    EXPECT_TRUE(mutex.locked());
    co_await second;
    EXPECT_EQ(order, numbers{2});
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, last_waiter_cancelled_after_the_hand_over_frees_it) {
    bide::lock mutex;
    numbers order;
    co_await mutex.acquire();
    auto only = bide::create_task(note_under(mutex, order, 1));
    co_await bide::sleep(0ms);
    mutex.release();
    only.cancel();
    EXPECT_CANCELLED(only);
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, cancel_taken_back_after_the_hand_over_keeps_it) {
    bide::lock mutex;
    numbers order;
    co_await mutex.acquire();
    auto only = bide::create_task(note_under(mutex, order, 1));
    co_await bide::sleep(0ms);
    mutex.release();
    only.cancel();
    only.uncancel();
    co_await only;
    EXPECT_EQ(order, numbers{1});
}

BIDE_TEST(lock, cancel_before_the_wait_begins_is_thrown_at_the_wait) {
    bide::lock mutex;
    co_await mutex.acquire();
    auto waits = bide::create_task([&]() -> bide::coro<void> {
        bide::current_task().cancel();
        co_await mutex.acquire();
    });
    EXPECT_CANCELLED(waits);
    mutex.release();
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, pending_cancel_is_not_seen_by_an_acquire_that_does_not_wait) {
    bide::lock mutex;
    bool acquired = false;
    auto one = bide::create_task([&]() -> bide::coro<void> {
        bide::current_task().cancel();
        co_await mutex.acquire();
        acquired = true;
        mutex.release();
        co_await bide::sleep(0ms);
    });
    EXPECT_CANCELLED(one);
    EXPECT_TRUE(acquired);
}

BIDE_TEST(lock, several_cancels_of_one_waiter_count_once) {
    bide::lock mutex;
    co_await mutex.acquire();
    auto one = bide::create_task([&]() -> bide::coro<void> { co_await mutex.acquire(); });
    co_await bide::sleep(0ms);
    one.cancel();
    one.cancel();
    EXPECT_CANCELLED(one);
    mutex.release();
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, guard_releases_at_the_end_of_the_scope) {
    bide::lock mutex;
    {
        auto held = co_await mutex.scoped();
        EXPECT_TRUE(mutex.locked());
        EXPECT_TRUE(static_cast<bool>(held));
    }
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, guard_releases_once_even_if_moved_or_released_before) {
    bide::lock mutex;
    {
        auto held = co_await mutex.scoped();
        bide::lock::guard moved = std::move(held);
        EXPECT_TRUE(mutex.locked());
        moved.release();
        EXPECT_FALSE(mutex.locked());
        EXPECT_FALSE(static_cast<bool>(moved));
        moved = co_await mutex.scoped();
        EXPECT_TRUE(mutex.locked());
    }
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, guard_releases_when_the_body_throws) {
    bide::lock mutex;
    auto failing = bide::create_task([&]() -> bide::coro<void> {
        auto held = co_await mutex.scoped();
        co_await bide::sleep(1ms);
        throw std::runtime_error("body");
    });
    bool caught = false;
    try {
        co_await failing;
    } catch (const std::runtime_error&) { caught = true; }
    EXPECT_TRUE(caught);
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(lock, is_not_recursive) {
    bide::lock mutex;
    co_await mutex.acquire();
    auto again = bide::create_task([&]() -> bide::coro<void> { co_await mutex.acquire(); });
    co_await bide::sleep(1ms);
    EXPECT_FALSE(again.done());
    mutex.release();
    co_await again;
    mutex.release();
}

BIDE_TEST(lock, hand_over_takes_one_turn) {
    bide::lock mutex;
    numbers order;
    co_await mutex.acquire();
    auto one = bide::create_task(note_under(mutex, order, 1));
    co_await bide::sleep(0ms);
    mutex.release();
    EXPECT_TRUE(order.empty());  // not inside release()
    co_await bide::sleep(0ms);
    EXPECT_EQ(order, numbers{1});
    co_await one;
}

TEST(section17, s61_lock_belongs_to_the_loop_of_its_first_wait) {
    bide::lock mutex;
    const auto contend = [&]() -> bide::coro<void> {
        co_await mutex.acquire();
        auto waits = bide::create_task([&]() -> bide::coro<void> { auto held = co_await mutex.scoped(); });
        co_await bide::sleep(0ms);
        mutex.release();
        co_await waits;
    };
    const auto uncontended = [&]() -> bide::coro<void> { auto held = co_await mutex.scoped(); };
    bide::testing::run_test(uncontended);
    bide::testing::run_test(uncontended);  // no wait yet, so no loop yet
    bide::event_loop first;
    first.run_until_complete(contend());
    first.run_until_complete(contend());
    bide::event_loop second;
    second.run_until_complete(uncontended());
    EXPECT_THROWS_WITH(second.run_until_complete(contend()), bide::invalid_state_error, "lock.acquire");
    EXPECT_FALSE(mutex.locked());
}

#if BIDE_CHECKED
TEST(lock, waking_a_task_of_another_loop_is_refused) {
    bide::lock mutex;
    bide::event_loop home;
    home.run_until_complete([&]() -> bide::coro<void> {
        co_await mutex.acquire();
        auto waits = bide::create_task([&]() -> bide::coro<void> { co_await mutex.acquire(); });
        co_await bide::sleep(0ms);
    }());
    bide::event_loop other;
    const auto release = [&]() -> bide::coro<void> {
        mutex.release();
        co_return;
    };
    EXPECT_THROWS_WITH(other.run_until_complete(release()), bide::invalid_state_error,
                       "waits in lock.acquire");
    mutex.release();  // without a running loop the thread is free to do so
    home.run_until_complete(bide::sleep(0ms));
}
#endif

TEST(lock, loop_that_closes_with_waiters_leaves_it_free) {
    bide::lock mutex;
    sync_test::run_until_stop([&]() -> bide::coro<void> {
        co_await mutex.acquire();
        for (int i = 0; i < 3; ++i) {
            static_cast<void>(bide::create_task([&]() -> bide::coro<void> {
                auto held = co_await mutex.scoped();
                co_await bide::sleep(1h);
            }));
        }
        co_await bide::sleep(0ms);
        mutex.release();  // handed over, but never taken
        EXPECT_TRUE(mutex.locked());
        bide::get_running_loop().stop();
    });
    EXPECT_FALSE(mutex.locked());
}

TEST(lock, loop_that_closes_with_a_holder_leaves_it_free) {
    bide::lock mutex;
    sync_test::run_until_stop([&]() -> bide::coro<void> {
        auto held = co_await mutex.scoped();
        bide::get_running_loop().stop();
        co_await bide::sleep(1h);
    });
    EXPECT_FALSE(mutex.locked());
}

TEST(lock, waiting_for_a_lock_that_nobody_releases_is_a_deadlock_with_its_name) {
    const auto body = []() -> bide::coro<void> {
        bide::lock mutex;
        co_await mutex.acquire();
        co_await mutex.acquire();
    };
    EXPECT_THROWS_WITH(bide::run(body()), bide::deadlock_error, "lock.acquire");
}

#if BIDE_CHECKED
TEST(lock, destroying_it_while_a_task_waits_is_caught) {
    const auto body = []() -> bide::coro<void> {
        auto mutex = std::make_unique<bide::lock>();
        co_await mutex->acquire();
        auto waits = bide::create_task([&]() -> bide::coro<void> { co_await mutex->acquire(); });
        co_await bide::sleep(0ms);
        mutex.reset();
    };
    EXPECT_DEATH(bide::run(body()), "is in use");
}
#endif

}  // namespace
