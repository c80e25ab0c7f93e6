// bide/tests: calls that are cancelled at every point, operations that fail at every point, many pools.
#include <bide/process_pool.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"
#include "system/children.hpp"
#include "system/pool_functions.hpp"
#include "system/scratch.hpp"

using namespace std::chrono_literals;
using namespace pool_tests;

using bide::process_pool;
using bide::process_pool_options;
using bide_test::childless;
using bide_test::outcome;
using bide_test::until;
using system_tests::scratch;

namespace {

bide::coro<void> some_calls() {
    process_pool pool(2);
    const int first = co_await pool.submit<&square>(3);
    EXPECT_EQ(first, 9);
    std::vector<bide::future<std::string>> calls;
    for (int i = 0; i < 20; ++i)
        calls.push_back(pool.submit<&twice>(std::string(static_cast<std::size_t>(i) * 100, 'x')));
    for (const auto& each : calls) {
        const std::string text = co_await each;
        EXPECT_EQ(text.size() % 200, 0U);
    }
    pool.close();
    co_await pool.join();
}

bide::coro<void> dropped_in_the_middle() {
    process_pool pool(process_pool_options().workers(2).max_tasks_per_child(3));
    std::vector<bide::future<int>> calls;
    for (int i = 0; i < 30; ++i) calls.push_back(pool.submit<&square>(i));
    for (int i = 0; i < 10; ++i) co_await calls[static_cast<std::size_t>(i)];
    for (const auto& each : calls) each.cancel();
}

}  // namespace

TEST(process_pool_sweep, cancelled_in_every_turn_nothing_is_left) {
    const auto none_left = [](std::uint64_t turn) { EXPECT_TRUE(childless()) << "turn " << turn; };
    bide::testing::cancel_everywhere(some_calls, none_left);
    bide::testing::cancel_everywhere(dropped_in_the_middle, none_left);
}

TEST(process_pool_sweep, with_every_operation_failing_nothing_is_left) {
    const auto none_left = [](std::uint64_t number) { EXPECT_TRUE(childless()) << "operation " << number; };
    bide::testing::fail_everywhere(some_calls, EIO, none_left);
}

BIDE_TEST(process_pool_sweep, a_call_that_has_not_started_is_taken_back) {
    scratch folder;
    process_pool pool(1);
    auto running = pool.submit<&wait_for_file>(folder / "runs", folder / "end");
    co_await made(folder / "runs");
    std::vector<bide::future<void>> calls;
    for (int i = 0; i < 3000; ++i) calls.push_back(pool.submit<&append_line>(folder / "lines", i));
    for (int i = 0; i < 3000; ++i) {
        const bool wanted = i % 3 == 0;
        EXPECT_TRUE(wanted || calls[static_cast<std::size_t>(i)].cancel());
    }
    EXPECT_EQ(pool.pending(), 1001U);
    std::ofstream(folder / "end").put('x');
    co_await bide::gather_results(std::move(calls));
    std::string expected;
    for (int i = 0; i < 3000; i += 3) expected += std::to_string(i) + "\n";
    EXPECT_EQ(system_tests::content(folder / "lines"), expected);
    co_await running;
}

BIDE_TEST(process_pool_sweep, the_result_of_a_cancelled_call_is_dropped) {
    scratch folder;
    process_pool pool(1);
    auto running = pool.submit<&wait_for_file>(folder / "runs", folder / "end");
    co_await made(folder / "runs");
    EXPECT_TRUE(running.cancel("enough"));
    const std::string how = co_await outcome(running);
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(pool.pending(), 0U);
    auto next = pool.submit<&square>(4);
    std::ofstream(folder / "end").put('x');
    const int number = co_await next;
    EXPECT_EQ(number, 16);
    EXPECT_FALSE(next.cancel());
}

BIDE_TEST_WITH(process_pool_sweep, a_timeout_withdraws_the_call, real_time()) {
    scratch folder;
    process_pool pool(1);
    auto running = pool.submit<&wait_for_file>(folder / "runs", folder / "end");
    co_await made(folder / "runs");
    const std::string how =
        co_await outcome(bide::wait_for(pool.submit<&append_line>(folder / "line", 1), 20ms));
    EXPECT_EQ(how, "timeout");
    std::ofstream(folder / "end").put('x');
    co_await running;
    const int last = co_await pool.submit<&square>(1);
    EXPECT_EQ(last, 1);
    EXPECT_FALSE(std::filesystem::exists(folder / "line"));
}

namespace {

// [limit]
bide::coro<std::string> within_limit(std::string sign) {
    bide::process_pool pool(bide::process_pool_options().workers(1).kill_on_cancel());
    std::string how = "in time";
    try {
        co_await bide::wait_for(pool.submit<&block>(sign), 100ms);
    } catch (const bide::timeout_error&) { how = "killed"; }
    const int next = co_await pool.submit<&square>(7);
    co_return how + ", and the next one gave " + std::to_string(next);
}
// [/limit]

}  // namespace

BIDE_TEST_WITH(process_pool_sweep, a_timeout_may_kill_the_worker, real_time()) {
    scratch folder;
    const std::string how = co_await within_limit(folder / "runs");
    EXPECT_EQ(how, "killed, and the next one gave 49");
}

BIDE_TEST(process_pool_sweep, a_call_that_runs_may_be_killed_by_its_cancellation) {
    scratch folder;
    process_pool pool(process_pool_options().workers(1).kill_on_cancel());
    for (int i = 0; i < 3; ++i) {
        const std::string sign = folder / std::to_string(i);
        auto endless = pool.submit<&block>(sign);
        auto behind = pool.submit<&square>(i);
        co_await made(sign);
        const int pid = pool.pids().front();
        EXPECT_TRUE(endless.cancel());
        const int number = co_await behind;  // in another worker
        EXPECT_EQ(number, i * i);
        EXPECT_NE(pool.pids().front(), pid);
        EXPECT_FALSE(bide_test::exists(pid));
        co_await outcome(endless);
    }
    pool.close();
    co_await pool.join();
    EXPECT_TRUE(childless());
}

BIDE_TEST(process_pool_sweep, many_calls_that_are_killed_or_end_by_themselves) {
    process_pool pool(process_pool_options().workers(2).kill_on_cancel());
    int ended = 0;
    for (int i = 0; i < 40; ++i) {
        auto a = pool.submit<&twice>(std::string(3000, 'a'));
        auto b = pool.submit<&twice>(std::string(10, 'b'));
        for (int turn = 0; turn < i; ++turn) co_await bide::sleep(0s);
        a.cancel();
        b.cancel();
        const std::string how = co_await outcome(a);
        ended += how == "value";
        co_await outcome(b);
        const int fine = co_await pool.submit<&square>(i);
        EXPECT_EQ(fine, i * i);
    }
    EXPECT_LE(ended, 40);
}

BIDE_TEST(process_pool_sweep, many_pools_one_after_another_leave_nothing) {
    for (int i = 0; i < 50; ++i) {
        process_pool pool(2);
        auto a = pool.submit<&square>(i);
        auto b = pool.submit<&square>(i);
        auto [x, y] = co_await bide::gather(a, b);
        EXPECT_EQ(x, y);
        if (i % 2 == 0) {
            pool.close();
            co_await pool.join();
        }
    }
    co_await until([] { return childless(); });
}
