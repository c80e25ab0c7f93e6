// bide/core: tests of deadlines that meet something else: a result in the same turn, a closing loop, each other, a
// cancellation at every suspension.
#include "support/async_test.hpp"
#include "support/children.hpp"
#include "support/outcome.hpp"

#include <bide/timeout.hpp>

#include <cstdint>
#include <cstdlib>

#include "loop/loop_core.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;

std::size_t timers_left() { return bide::get_running_loop().core().timers.size(); }
std::size_t cancels() { return bide::current_task().cancelling(); }
bide::time_point now() { return bide::get_running_loop().time(); }

}  // namespace

BIDE_TEST_WITH(timeout_races, a_body_that_ends_just_before_its_deadline_fires_is_in_time, in_order()) {
    // The sleep was set before the deadline, so it is due first, and the scope is left while its timer waits its turn.
    bide::timeout* scope = nullptr;
    const auto when = now() + 10ms;
    auto task = bide::create_task([&]() -> bide::coro<int> {
        const int value = co_await bide::with_timeout(1s, [&](bide::timeout& mine) -> bide::coro<int> {
            scope = &mine;
            const int inner = co_await value_after(10ms, 5);
            EXPECT_FALSE(mine.expired());
            co_return inner;
        });
        EXPECT_EQ(cancels(), 0u);
        co_await bide::sleep(1ms);
        co_return value;
    });
    co_await bide::sleep(1ms);
    scope->reschedule(when);
    const int value = co_await task;
    EXPECT_EQ(value, 5);
    EXPECT_EQ(timers_left(), 0u);
}

BIDE_TEST_WITH(timeout_races, a_deadline_that_fires_just_before_the_result_wins, in_order()) {
    const std::string sleeping = co_await outcome(bide::wait_for(bide::sleep(10ms), 10ms));
    EXPECT_EQ(sleeping, "timeout");
    auto future = bide::create_future<int>();
    auto waiter = bide::create_task([future]() -> bide::coro<int> {
        const int value = co_await bide::wait_for(future, 10ms);
        co_return value;
    });
    co_await bide::sleep(0s);
    // The deadline is due first, in the same turn: it cancels the future.
    bool was_cancelled = false;
    bide::get_running_loop().call_later(10ms, [&] { was_cancelled = future.cancelled(); });
    const std::string how = co_await outcome(waiter);
    EXPECT_EQ(how, "timeout");
    EXPECT_TRUE(was_cancelled);
}

BIDE_TEST_WITH(timeout_races, a_result_that_the_task_has_not_taken_when_the_deadline_fires_is_dropped,
               in_order()) {
    // As in asyncio: the future is done, its waiter is ready, and then the deadline of the same turn cancels the waiter.
    auto future = bide::create_future<int>();
    bide::get_running_loop().call_later(10ms, [future] { future.set_result(5); });
    const std::string how = co_await outcome(bide::wait_for(future, 10ms));
    EXPECT_EQ(how, "timeout");
    EXPECT_EQ(future.result(), 5);  // but not lost
    const auto again = co_await bide::as_result(bide::wait_for(future, 10ms));
    EXPECT_EQ(*again, 5);
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(timeout_races, a_past_deadline_of_a_body_that_does_not_suspend_leaves_nothing_behind) {
    for (int i = 0; i < 100; ++i) {
        const int value =
            co_await bide::with_timeout_at(now() - 1ms, [i]() -> bide::coro<int> { co_return i; });
        EXPECT_EQ(value, i);
    }
    co_await bide::sleep(0s);
    co_await bide::sleep(1ms);
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(timeout_races, rescheduling_what_is_due_but_has_not_fired) {
    bide::timeout* scope = nullptr;
    bool fired = false;
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await bide::with_timeout(std::nullopt, [&](bide::timeout& mine) -> bide::coro<void> {
            scope = &mine;
            co_await bide::sleep(20ms);
            fired = mine.expired();
        });
    });
    co_await bide::sleep(1ms);
    scope->reschedule(now() - 1ms);
    scope->reschedule(now() - 2ms);
    scope->reschedule(now() + 1h);
    scope->reschedule(now() - 1ms);
    scope->reschedule(std::nullopt);
    co_await task;
    EXPECT_FALSE(fired);
    EXPECT_EQ(timers_left(), 0u);
}

BIDE_TEST(timeout_races, ten_thousand_deadlines_in_one_turn) {
    // Half of them are left in the very turn in which they are due.
    std::vector<bide::task<std::string>> tasks;
    const auto when = now() + 10ms;
    for (int i = 0; i < 10'000; ++i) {
        const auto body = [i, when]() -> bide::coro<std::string> {
            const auto end = i % 2 == 0 ? 10ms : 20ms;
            const std::string how =
                co_await outcome(bide::with_timeout(1h, [&](bide::timeout& scope) -> bide::coro<void> {
                    auto sleep = bide::sleep(end);
                    bide::get_running_loop().call_soon([&scope, when] { scope.reschedule(when); });
                    co_await std::move(sleep);
                }));
            co_return how;
        };
        tasks.push_back(bide::create_task(body));
    }
    int values = 0;
    int timeouts = 0;
    for (auto& task : tasks) {
        const std::string how = co_await task;
        values += how == "value" ? 1 : 0;
        timeouts += how == "timeout" ? 1 : 0;
    }
    EXPECT_EQ(values + timeouts, 10'000);
    EXPECT_GE(timeouts, 5'000);
    if (std::getenv("BIDE_SHUFFLE") == nullptr) { EXPECT_EQ(values, 5'000); }
    EXPECT_EQ(timers_left(), 0u);
}

TEST(timeout_races, a_loop_that_closes_with_deadlines_waiting_and_due) {
    for (int turns = 0; turns < 6; ++turns) {
        bide::event_loop loop;
        loop.set_exception_handler([](bide::event_loop&, const bide::exception_context&) {});
        const auto body = [](bide::duration limit) -> bide::coro<void> {
            co_await bide::with_timeout(
                1h, [limit]() -> bide::coro<void> { co_await bide::wait_for(bide::create_future(), limit); });
        };
        auto due = bide::create_task(loop, body(1ns));
        auto far = bide::create_task(loop, body(1h));
        for (int turn = 0; turn < turns; ++turn) {
            loop.stop();
            loop.run_forever();
        }
        loop.close();
        EXPECT_TRUE(due.done());
        EXPECT_TRUE(far.cancelled());
    }
}

namespace {

bide::coro<void> deadlines_in_deadlines(std::string& how) {
    how = "cancelled";
    const auto inner = [](bide::timeout& scope) -> bide::coro<int> {
        scope.reschedule(now() + 3ms);
        const auto late = co_await bide::as_result(bide::wait_for(value_after(5ms), 1ms));
        EXPECT_EQ(late.error(), std::errc::timed_out);
        auto task = bide::create_task(value_after(1h));
        const auto of_task = co_await bide::as_result(bide::wait_for(task, 1ms));
        EXPECT_EQ(of_task.error(), std::errc::timed_out);
        co_await bide::wait_for(bide::create_future(), 1h);
        co_return 1;
    };
    const auto outer = [&]() -> bide::coro<void> {
        const auto ended = co_await bide::as_result(bide::with_timeout(1h, inner));
        EXPECT_EQ(ended.error(), std::errc::timed_out);
        const auto none = co_await bide::as_result(bide::wait_for(bide::sleep(1ms), 0s));
        EXPECT_EQ(none.error(), std::errc::timed_out);
        co_await bide::wait_for(bide::sleep(1ms), std::nullopt);
        co_await bide::sleep(1h);
    };
    const auto ended = co_await bide::as_result(bide::with_timeout(8ms, outer));
    EXPECT_EQ(ended.error(), std::errc::timed_out);
    EXPECT_EQ(cancels(), 0u);
    EXPECT_EQ(timers_left(), 0u);
    how = "ended";
}

}  // namespace

TEST(timeout_races, cancelled_at_every_suspension) {
    std::string how;
    std::uint64_t cancelled = 0;
    const auto runs =
        bide::testing::cancel_everywhere([&] { return deadlines_in_deadlines(how); },
                                         [&](std::uint64_t) { cancelled += how == "cancelled" ? 1 : 0; });
    EXPECT_GT(runs, 8u);
    EXPECT_GE(cancelled + 2, runs);  // a cancellation from outside always wins over a deadline
}

TEST(timeout_races, what_waits_is_cancelled_at_every_suspension_of_its_clean_up) {
    // The cancellation may come while the scope waits for a body that takes its time after the deadline.
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        int cancelled = 0;
        const auto ended = co_await bide::as_result(bide::wait_for(wait_long(cancelled, 5ms), 2ms));
        EXPECT_EQ(ended.error(), std::errc::timed_out);
        EXPECT_EQ(cancels(), 0u);
        co_await bide::sleep(1ms);
    });
}
