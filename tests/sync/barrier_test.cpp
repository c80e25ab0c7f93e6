// bide/tests: barrier: rounds, numbers, cancelled parties, and breaking it.
// bide-test: no-shuffle
#include <bide/barrier.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;

bide::coro<std::size_t> pass(bide::barrier& gate) { co_return co_await gate.wait(); }

// [rounds]
bide::coro<void> compute(bide::barrier& step, std::vector<int>& log, int worker) {
    for (int round = 0; round < 2; ++round) {
        co_await bide::sleep(worker * 10ms);  // each takes its time
        const std::size_t arrived = co_await step.wait();
        if (arrived + 1 == step.parties()) log.push_back(round);  // the last one of the round
    }
}
// [/rounds]

BIDE_TEST(barrier, keeps_workers_in_step) {
    bide::barrier step(3);
    std::vector<int> log;
    std::vector<bide::task<void>> workers;
    for (int i = 0; i < 3; ++i) workers.push_back(bide::create_task(compute(step, log, i)));
    for (auto& each : workers) co_await each;
    EXPECT_EQ(log, (std::vector<int>{0, 1}));
}

TEST(barrier, fewer_than_one_party_is_refused) {
    EXPECT_THROWS_WITH(bide::barrier(0), std::invalid_argument, "the number of parties is 0");
    EXPECT_THROWS_WITH(bide::barrier(-3), std::invalid_argument, "-3");
}

TEST(barrier, needs_no_loop_until_somebody_waits) {
    bide::barrier gate(3);
    EXPECT_EQ(gate.parties(), 3U);
    EXPECT_EQ(gate.n_waiting(), 0U);
    EXPECT_FALSE(gate.broken());
    gate.abort();
    EXPECT_TRUE(gate.broken());
    gate.reset();
    EXPECT_FALSE(gate.broken());
}

BIDE_TEST(barrier, of_one_party_never_suspends) {
    bide::barrier gate(1);
    const std::size_t first = co_await gate.wait();
    const std::size_t second = co_await gate.wait();
    EXPECT_EQ(first, 0U);
    EXPECT_EQ(second, 0U);
}

BIDE_TEST(barrier, gives_each_party_its_number_in_the_order_of_arrival) {
    bide::barrier gate(3);
    auto first = bide::create_task(pass(gate));
    auto second = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    EXPECT_EQ(gate.n_waiting(), 2U);
    const std::size_t last = co_await gate.wait();
    EXPECT_EQ(gate.n_waiting(), 0U);
    EXPECT_FALSE(first.done());  // the last does not suspend
    const std::size_t one = co_await first;
    const std::size_t two = co_await second;
    EXPECT_EQ(one, 0U);
    EXPECT_EQ(two, 1U);
    EXPECT_EQ(last, 2U);
}

BIDE_TEST(barrier, is_used_again_round_after_round) {
    bide::barrier gate(2);
    std::vector<int> passed;
    auto walker = [&](int number) -> bide::coro<void> {
        for (int round = 0; round < 3; ++round) {
            co_await gate.wait();
            passed.push_back(round);
        }
        static_cast<void>(number);
    };
    auto first = bide::create_task(walker, 1);
    auto second = bide::create_task(walker, 2);
    co_await first;
    co_await second;
    EXPECT_EQ(passed, (std::vector<int>{0, 0, 1, 1, 2, 2}));
}

BIDE_TEST(barrier, newcomer_of_the_same_turn_begins_the_next_round) {
    bide::barrier gate(2);
    auto first = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    co_await gate.wait();
    auto next = bide::create_task(pass(gate));  // before `first` has run on
    co_await first;
    co_await bide::sleep(0ms);
    EXPECT_FALSE(next.done());
    EXPECT_EQ(gate.n_waiting(), 1U);
    co_await gate.wait();
    co_await next;
}

BIDE_TEST(section17, s58_cancelled_waiter_leaves_and_does_not_break_the_barrier) {
    bide::barrier gate(3);
    auto first = bide::create_task(pass(gate));
    auto second = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    first.cancel();
    EXPECT_CANCELLED(first);
    EXPECT_FALSE(gate.broken());
    EXPECT_EQ(gate.n_waiting(), 1U);
    auto third = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    const std::size_t last = co_await gate.wait();
    const std::size_t two = co_await second;
    const std::size_t three = co_await third;
    EXPECT_EQ(two, 0U);  // distinct all the same
    EXPECT_EQ(three, 1U);
    EXPECT_EQ(last, 2U);
}

BIDE_TEST(barrier, cancel_after_the_round_was_complete_is_thrown_and_hurts_nobody) {
    bide::barrier gate(3);
    auto first = bide::create_task(pass(gate));
    auto second = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    co_await gate.wait();
    first.cancel();
    EXPECT_CANCELLED(first);
    const std::size_t two = co_await second;
    EXPECT_EQ(two, 1U);
    EXPECT_EQ(gate.n_waiting(), 0U);
}

BIDE_TEST(barrier, reset_breaks_the_round_and_leaves_the_barrier_usable) {
    bide::barrier gate(3);
    auto first = bide::create_task(pass(gate));
    auto second = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    gate.reset();
    EXPECT_EQ(gate.n_waiting(), 0U);
    EXPECT_FALSE(gate.broken());
    EXPECT_AWAIT_THROWS(first, bide::broken_barrier_error);
    EXPECT_AWAIT_THROWS(second, bide::broken_barrier_error);
    auto third = bide::create_task(pass(gate));
    auto fourth = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    co_await gate.wait();
    co_await third;
    co_await fourth;
}

BIDE_TEST(barrier, reset_spares_a_round_that_was_complete) {
    bide::barrier gate(2);
    auto first = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    co_await gate.wait();
    gate.reset();
    const std::size_t one = co_await first;
    EXPECT_EQ(one, 0U);
}

BIDE_TEST(barrier, abort_breaks_it_for_those_who_wait_and_those_who_come) {
    bide::barrier gate(2);
    auto first = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    gate.abort();
    EXPECT_TRUE(gate.broken());
    EXPECT_EQ(gate.n_waiting(), 0U);
    EXPECT_AWAIT_THROWS(first, bide::broken_barrier_error);
    EXPECT_AWAIT_THROWS(gate.wait(), bide::broken_barrier_error);
    gate.reset();
    auto second = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    co_await gate.wait();
    co_await second;
}

BIDE_TEST(barrier, cancellation_wins_over_a_break_in_the_same_turn) {
    bide::barrier gate(2);
    auto first = bide::create_task(pass(gate));
    co_await bide::sleep(0ms);
    gate.abort();
    first.cancel();
    EXPECT_CANCELLED(first);
}

BIDE_TEST(barrier, may_be_destroyed_right_after_the_last_arrival) {
    auto gate = std::make_unique<bide::barrier>(2);
    auto first = bide::create_task(pass(*gate));
    co_await bide::sleep(0ms);
    co_await gate->wait();
    gate.reset();
    const std::size_t one = co_await first;
    EXPECT_EQ(one, 0U);
}

TEST(section17, s61_barrier_belongs_to_the_loop_of_its_first_wait) {
    bide::barrier gate(2);
    const auto meet = [&]() -> bide::coro<void> {
        auto other = bide::create_task(pass(gate));
        co_await bide::sleep(0ms);
        co_await gate.wait();
        co_await other;
    };
    bide::event_loop first;
    first.run_until_complete(meet());
    bide::event_loop second;
    const auto arrive = [&]() -> bide::coro<void> { co_await gate.wait(); };
    EXPECT_THROWS_WITH(second.run_until_complete(arrive()), bide::invalid_state_error, "barrier.wait");
    EXPECT_EQ(gate.n_waiting(), 0U);
}

TEST(barrier, loop_that_closes_detaches_its_waiters) {
    bide::barrier gate(3);
    sync_test::run_until_stop([&]() -> bide::coro<void> {
        for (int i = 0; i < 2; ++i) static_cast<void>(bide::create_task(pass(gate)));
        co_await bide::sleep(0ms);
        EXPECT_EQ(gate.n_waiting(), 2U);
        bide::get_running_loop().stop();
    });
    EXPECT_EQ(gate.n_waiting(), 0U);
}

}  // namespace
