// bide/core: cancellation of tasks: when it arrives, what it counts, what it passes on.
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::in_order;
using bide_test::noted;
using bide_test::outcome;
using bide_test::thrown;

using names = std::vector<std::string>;

bide::coro<int> sleep_long(int value) {
    co_await bide::sleep(1h);
    co_return value;
}

// Logs each cancellation that it meets, and goes on until it has met `count` of them.
bide::coro<int> swallow(names& log, int count) {
    int left = count;
    while (left > 0) {
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error& e) {
            log.emplace_back(e.what());
            --left;
        }
    }
    co_return 7;
}

// --- what is thrown ---

TEST(section17, s15_cancelled_error_is_no_std_exception) {
    EXPECT_FALSE((std::is_base_of_v<std::exception, bide::cancelled_error>));
    EXPECT_FALSE((std::is_base_of_v<std::exception, bide::keyboard_interrupt>));
    EXPECT_FALSE((std::is_base_of_v<std::exception, bide::system_exit>));
}

BIDE_TEST(section17, s15_error_handling_lets_a_cancellation_through) {
    bool handled = false;
    const auto body = [&]() -> bide::coro<void> {
        try {
            co_await bide::sleep(1h);
        } catch (const std::exception&) { handled = true; }
    };
    const auto task = bide::create_task(body());
    co_await bide::sleep(1s);
    task.cancel();
    const std::string ended = co_await outcome(task);
    EXPECT_EQ(ended, "cancelled");
    EXPECT_FALSE(handled);
}

BIDE_TEST(cancel, the_message_arrives) {
    const auto task = bide::create_task(sleep_long(1));
    co_await bide::sleep(1s);
    EXPECT_TRUE(task.cancel("no longer wanted"));
    co_await bide::sleep(1s);
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(thrown<bide::cancelled_error>([&] { return task.result(); }), "no longer wanted");
    EXPECT_EQ(thrown<bide::cancelled_error>([&] { return task.exception(); }), "no longer wanted");
    EXPECT_FALSE(task.cancel());
}

BIDE_TEST(cancel, an_old_message_does_not_come_back) {
    names log;
    const auto task = bide::create_task(swallow(log, 2));
    co_await bide::sleep(1s);
    task.cancel("first");
    co_await bide::sleep(1s);
    task.cancel();
    const int value = co_await task;
    EXPECT_EQ(value, 7);
    EXPECT_EQ(log, (names{"first", "cancelled"}));
}

// --- when it arrives ---

BIDE_TEST(section17, s16_cancel_is_a_request_that_the_task_may_ignore) {
    names log;
    const auto task = bide::create_task(swallow(log, 1));
    co_await bide::sleep(1s);
    EXPECT_TRUE(task.cancel());
    EXPECT_FALSE(task.done());
    EXPECT_FALSE(task.cancelled());
    const int value = co_await task;
    EXPECT_EQ(value, 7);
    EXPECT_FALSE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 1U);
}

BIDE_TEST(section17, s18_cancelled_before_its_first_step_the_body_never_runs) {
    names log;
    const auto body = [](noted parameter, names& to) -> bide::coro<void> {
        const noted local(to, "local");
        static_cast<void>(parameter);
        co_await bide::sleep(1s);
    };
    const auto task = bide::create_task(body(noted(log, "parameter"), log));
    task.cancel();
    EXPECT_TRUE(log.empty());
    const std::string ended = co_await outcome(task);
    EXPECT_EQ(ended, "cancelled");
    EXPECT_EQ(log, names{"parameter"});
}

BIDE_TEST(section17, s19_a_result_that_came_but_was_not_yet_taken_gives_way_to_a_cancel) {
    const auto future = bide::create_future<int>();
    const auto waiter = bide::create_task(outcome(future));
    co_await bide::sleep(1s);
    future.set_result(1);
    EXPECT_TRUE(waiter.cancel());
    const std::string ended = co_await waiter;
    EXPECT_EQ(ended, "cancelled");
    EXPECT_EQ(future.result(), 1);  // still there for others
}

BIDE_TEST_WITH(section17, s19_also_for_a_sleep_that_is_over, in_order()) {
    bide::task<std::string> sleeper;
    std::string ended = "not yet";
    const auto body = []() -> bide::coro<void> { co_await bide::sleep(1s); };
    sleeper = bide::create_task(outcome(body()));
    bide::get_running_loop().call_later(
        1s, [&] { sleeper.cancel(); });  // after the sleep's timer, before its task
    ended = co_await sleeper;
    EXPECT_EQ(ended, "cancelled");
}

BIDE_TEST(section17, s20_a_task_that_cancels_itself_and_returns_ends_cancelled) {
    const auto body = [](bool withdraw) -> bide::coro<int> {
        const bide::any_task self = bide::current_task();
        self.cancel();
        if (withdraw) self.uncancel();
        co_return 5;
    };
    const std::string kept = co_await outcome(bide::create_task(body(false)));
    EXPECT_EQ(kept, "cancelled");
    const std::string withdrawn = co_await outcome(bide::create_task(body(true)));
    EXPECT_EQ(withdrawn, "value");
}

BIDE_TEST(cancel, from_inside_it_arrives_at_the_next_await) {
    names log;
    const auto body = [](names& to) -> bide::coro<void> {
        bide::current_task().cancel("by myself");
        to.emplace_back("running on");
        try {
            co_await bide::sleep(0s);
        } catch (const bide::cancelled_error& e) { to.emplace_back(e.what()); }
        co_await bide::sleep(1s);
        to.emplace_back("end");
    };
    co_await bide::create_task(body(log));
    EXPECT_EQ(log, (names{"running on", "by myself", "end"}));
}

BIDE_TEST(cancel, that_comes_between_two_awaits_is_kept) {
    const auto future = bide::create_future<void>();
    std::string ended;
    const auto body = [&]() -> bide::coro<void> {
        co_await future;  // done before it is awaited: gives way to nothing
        bide::current_task().cancel();
        co_await future;  // done, does not suspend: still nothing
        ended = "awaited what was done";
        co_await bide::sleep(1s);
        ended = "slept";
    };
    future.set_result();
    const std::string how = co_await outcome(bide::create_task(body()));
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(ended, "awaited what was done");
}

// --- counts ---

BIDE_TEST(section17, s21_three_cancels_in_one_turn_are_one_error_and_count_three) {
    names log;
    const auto task = bide::create_task(swallow(log, 2));
    co_await bide::sleep(1s);
    for (int i = 0; i < 3; ++i) task.cancel();
    co_await bide::sleep(1s);
    EXPECT_EQ(log.size(), 1U);
    EXPECT_EQ(task.cancelling(), 3U);
    EXPECT_EQ(task.uncancel(), 2U);
    EXPECT_EQ(task.uncancel(), 1U);
    EXPECT_EQ(task.uncancel(), 0U);
    EXPECT_EQ(task.uncancel(), 0U);
    task.cancel();  // delivered anew
    co_await task;
    EXPECT_EQ(log.size(), 2U);
}

BIDE_TEST(section17, s22_swallowing_without_uncancel_leaves_the_count_raised) {
    names log;
    const auto task = bide::create_task(swallow(log, 1));
    co_await bide::sleep(1s);
    task.cancel();
    co_await task;
    EXPECT_EQ(task.cancelling(), 1U);
}

BIDE_TEST(section17, s23_uncancel_to_zero_withdraws_what_was_not_delivered) {
    const auto future = bide::create_future<int>();
    const auto waiter = bide::create_task(outcome(future));
    co_await bide::sleep(1s);
    future.set_result(1);
    waiter.cancel();
    waiter.cancel();
    EXPECT_EQ(waiter.uncancel(), 1U);
    EXPECT_EQ(waiter.uncancel(), 0U);
    const std::string ended = co_await waiter;
    EXPECT_EQ(ended, "value");
}

BIDE_TEST(section17, s23_before_the_first_step_too) {
    const auto task = bide::create_task(outcome(bide::create_task([]() -> bide::coro<void> { co_return; })));
    task.cancel();
    task.uncancel();
    const std::string ended = co_await task;
    EXPECT_EQ(ended, "value");
}

BIDE_TEST(cancel, the_count_does_not_wrap_around) {
    names log;
    const auto task = bide::create_task(swallow(log, 1));
    co_await bide::sleep(1s);
    for (int i = 0; i < 70'000; ++i) task.cancel();
    EXPECT_EQ(task.cancelling(), 65'535U);
    co_await task;
}

BIDE_TEST(section17, s24_a_task_that_throws_cancelled_error_itself_is_cancelled) {
    const auto body = []() -> bide::coro<void> {
        co_await bide::sleep(0s);
        throw bide::cancelled_error("of my own accord");
    };
    const auto task = bide::create_task(body());
    const std::string ended = co_await outcome(task);
    EXPECT_EQ(ended, "cancelled");
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 0U);
    EXPECT_EQ(thrown<bide::cancelled_error>([&] { return task.result(); }), "of my own accord");
}

// --- what it is passed on to ---

BIDE_TEST(section17, s17_what_a_task_awaits_is_cancelled_first) {
    names log;
    const auto inner = bide::create_task(swallow(log, 1));
    const auto outer = bide::create_task(
        [](bide::task<int> on) -> bide::coro<int> {
            const int value = co_await on;
            co_return value + 1;
        },
        inner);
    co_await bide::sleep(1s);
    EXPECT_TRUE(outer.cancel("from outside"));
    const int value = co_await outer;  // the inner one swallowed it, so the outer one went on
    EXPECT_EQ(value, 8);
    EXPECT_EQ(log, names{"from outside"});
    EXPECT_EQ(inner.cancelling(), 1U);
    EXPECT_EQ(outer.cancelling(), 1U);
}

BIDE_TEST(cancel, cancelling_the_inner_task_cancels_the_one_that_awaits_it) {
    const auto inner = bide::create_task(sleep_long(1));
    const auto outer = bide::create_task(outcome(inner));
    co_await bide::sleep(1s);
    inner.cancel();
    const std::string ended = co_await outer;
    EXPECT_EQ(ended, "cancelled");
    EXPECT_EQ(outer.cancelling(), 0U);
}

// Each task of a chain awaits the next.
bide::coro<int> await_next(bide::task<int> next) {
    const int value = co_await next;
    co_return value;
}

BIDE_TEST(cancel, goes_through_a_long_chain_of_tasks) {
    constexpr int length = 100'000;
    bide::task<int> last = bide::create_task(sleep_long(1));
    const bide::task<int> first = last;
    for (int i = 0; i < length; ++i) last = bide::create_task(await_next(std::move(last)));
    co_await bide::sleep(1s);
    EXPECT_TRUE(last.cancel());
    EXPECT_EQ(first.cancelling(), 1U);
    const std::string ended = co_await outcome(last);
    EXPECT_EQ(ended, "cancelled");
    EXPECT_TRUE(first.cancelled());
}

// Tasks that await each other in a ring, made of handles that are filled in later.
bide::coro<void> await_member(std::shared_ptr<std::vector<bide::task<void>>> ring, std::size_t which) {
    const bide::task<void> next = ring->at(which);
    co_await next;
}

bide::coro<void> cancel_a_ring(std::size_t size) {
    auto ring = std::make_shared<std::vector<bide::task<void>>>();
    for (std::size_t i = 0; i < size; ++i)
        ring->push_back(bide::create_task(await_member(ring, (i + 1) % size)));
    const auto outside = bide::create_task(await_member(ring, 0));
    co_await bide::sleep(1s);
    EXPECT_TRUE(outside.cancel("break up"));
    const std::string ended = co_await outcome(outside);
    EXPECT_EQ(ended, "cancelled");
    co_await bide::sleep(1s);
    for (const bide::task<void>& each : *ring) EXPECT_TRUE(each.cancelled());
    EXPECT_EQ(thrown<bide::cancelled_error>([&] { return ring->at(0).result(), 0; }), "break up");
    ring->clear();
}

BIDE_TEST(cancel, ends_a_ring_of_two_tasks_that_await_each_other) { co_await cancel_a_ring(2); }
BIDE_TEST(cancel, ends_a_ring_of_five_tasks) { co_await cancel_a_ring(5); }

BIDE_TEST(cancel, ends_tasks_that_wait_for_each_other_through_a_gather) {
    auto ring = std::make_shared<std::vector<bide::task<void>>>();
    const auto through_gather = [](std::shared_ptr<std::vector<bide::task<void>>> in) -> bide::coro<void> {
        const bide::task<void> next = in->at(1);
        const auto both = bide::gather(next, bide::create_task(sleep_long(1)));
        co_await both;
    };
    ring->push_back(bide::create_task(through_gather(ring)));
    ring->push_back(bide::create_task(await_member(ring, 0)));
    co_await bide::sleep(1s);
    EXPECT_TRUE(ring->at(0).cancel());
    co_await bide::sleep(1s);
    EXPECT_TRUE(ring->at(0).cancelled());
    EXPECT_TRUE(ring->at(1).cancelled());
    ring->clear();
}

// --- cancel in the presence of errors ---

BIDE_TEST(cancel, an_error_during_clean_up_replaces_the_cancellation) {
    const auto body = []() -> bide::coro<void> {
        bool cancelled = false;
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) { cancelled = true; }
        if (cancelled) throw std::runtime_error("clean-up failed");
    };
    const auto task = bide::create_task(body());
    co_await bide::sleep(1s);
    task.cancel();
    const std::string ended = co_await outcome(task);
    EXPECT_EQ(ended, "clean-up failed");
    EXPECT_FALSE(task.cancelled());
}

BIDE_TEST(cancel, clean_up_may_await) {
    names log;
    const auto body = [](names& to) -> bide::coro<void> {
        const noted local(to, "local");
        std::exception_ptr error;
        try {
            co_await bide::sleep(1h);
        } catch (...) { error = std::current_exception(); }
        co_await bide::sleep(1s);
        to.emplace_back("cleaned up");
        if (error) std::rethrow_exception(error);
    };
    const auto task = bide::create_task(body(log));
    co_await bide::sleep(1s);
    task.cancel();
    const std::string ended = co_await outcome(task);
    EXPECT_EQ(ended, "cancelled");
    EXPECT_EQ(log, (names{"cleaned up", "local"}));
}

BIDE_TEST_WITH(cancel, costs_one_turn, in_order()) {
    const auto task = bide::create_task(sleep_long(1));
    co_await bide::sleep(0s);
    task.cancel();
    EXPECT_FALSE(task.done());
    co_await bide::sleep(0s);
    EXPECT_TRUE(task.done());
}

TEST(cancel, a_sweep_over_tasks_that_await_tasks_loses_nothing) {
    int completed = 0;
    const auto runs = bide::testing::cancel_everywhere([&]() -> bide::coro<void> {
        const auto inner = bide::create_task([]() -> bide::coro<int> {
            co_await bide::sleep(1s);
            co_return 1;
        });
        const auto middle = bide::create_task(await_next(inner));
        const auto outer = bide::create_task(await_next(middle));
        const std::string ended = co_await outcome(outer);
        if (ended == "value") ++completed;
        middle.cancel();  // cancelled before its first step, the outer one awaits nothing yet
        inner.cancel();
        co_await bide::sleep(1s);
        EXPECT_TRUE(inner.done() && middle.done() && outer.done());
        EXPECT_TRUE(outer.cancelled() || outer.result() == 1);
    });
    EXPECT_GE(runs, 5U);
    EXPECT_GE(completed, 1);
}

}  // namespace
