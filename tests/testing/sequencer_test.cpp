// bide/testing: the sequencer forces an order, however the ready queue is shuffled.
#include <bide/testing/sequencer.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide::testing::sequencer;
using bide_test::has;
using bide_test::outcome;

using names = std::vector<std::string>;

// [sequencer]
// Reads, thinks and writes back: an update by somebody else in between is lost.
bide::coro<void> add(int& balance, int amount, sequencer& order, std::size_t read, std::size_t write) {
    int seen = 0;
    {
        const auto step = co_await order.step(read);
        seen = balance;
    }
    const auto step = co_await order.step(write);
    balance = seen + amount;
}

BIDE_TEST(sequencer, shows_a_lost_update_every_time) {
    int balance = 0;
    sequencer order;
    const auto first = bide::create_task(add(balance, 10, order, 0, 3));
    const auto second = bide::create_task(add(balance, 1, order, 1, 2));
    co_await first;
    co_await second;
    EXPECT_EQ(balance, 10);  // the 1 is lost
}
// [/sequencer]

BIDE_TEST(sequencer, steps_run_in_order_across_tasks_and_sleeps) {
    names log;
    sequencer order;
    const auto take = [&](std::size_t number) -> bide::coro<void> {
        const auto step = co_await order.step(number);
        log.push_back(std::to_string(number));
        co_await bide::sleep(1s);
        log.push_back(std::to_string(number) + " ends");
    };
    std::vector<bide::task<void>> tasks;
    for (const std::size_t number : std::vector<std::size_t>{2, 0, 3, 1})
        tasks.push_back(bide::create_task(take(number)));
    for (const auto& each : tasks) co_await each;
    EXPECT_EQ(log, (names{"0", "0 ends", "1", "1 ends", "2", "2 ends", "3", "3 ends"}));
    EXPECT_EQ(order.next(), 4U);
}

BIDE_TEST(sequencer, a_step_may_be_taken_once) {
    sequencer order;
    std::string text;
    {
        const auto step = co_await order.step(0);
        text = co_await outcome(order.step(0));
        EXPECT_TRUE(has(text, "step 0 was taken before"));
    }
    text = co_await outcome(order.step(0));
    EXPECT_TRUE(has(text, "step 0 was taken before", "a number of its own"));
    const auto waiting = bide::create_task(outcome(order.step(3)));
    co_await bide::sleep(1s);
    text = co_await outcome(order.step(3));
    EXPECT_TRUE(has(text, "step 3 was taken before"));
    waiting.cancel();
    co_await bide::sleep(1s);
}

BIDE_TEST(sequencer, a_cancelled_step_is_told_to_the_later_ones) {
    sequencer order;
    const auto second = bide::create_task(outcome(order.step(1)));
    const auto third = bide::create_task(outcome(order.step(2)));
    co_await bide::sleep(1s);
    second.cancel();
    const std::string cancelled = co_await second;
    EXPECT_EQ(cancelled, "cancelled");
    const std::string told = co_await third;
    EXPECT_TRUE(has(told, "the task that waited for step 1 was cancelled, so the later steps cannot begin"));
    const std::string late = co_await outcome(order.step(5));
    EXPECT_TRUE(has(late, "step 1 was cancelled"));
    const std::string before = co_await outcome(order.step(0));
    EXPECT_EQ(before, "value");
}

BIDE_TEST(sequencer, cancelled_in_the_turn_in_which_its_step_begins) {
    sequencer order;
    const auto second = bide::create_task(outcome(order.step(1)));
    const auto third = bide::create_task(outcome(order.step(2)));
    co_await bide::sleep(1s);
    { const auto step = co_await order.step(0); }
    second.cancel();
    const std::string ended = co_await second;
    EXPECT_EQ(ended, "cancelled");
    const std::string told = co_await third;
    EXPECT_TRUE(has(told, "step 1 was cancelled"));
}

TEST(sequencer, a_sweep) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        sequencer order;
        const auto other = bide::create_task(outcome(order.step(1)));
        const std::string first = co_await outcome(order.step(0));
        const std::string third = co_await outcome(order.step(2));
        other.cancel();
        co_await bide::sleep(1s);
        EXPECT_TRUE(other.done());
    });
}

}  // namespace
