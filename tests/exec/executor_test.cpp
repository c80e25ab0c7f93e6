// bide/exec: tests of run_in_executor and the default executor.
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/gate.hpp"
#include "support/until.hpp"

#include <bide/executor.hpp>
#include <bide/timeout.hpp>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide::run_in_executor;
using bide::thread_pool;
using bide_test::gate;
using bide_test::has;
using bide_test::noted;
using bide_test::pending;
using bide_test::report_log;
using bide_test::thrown;
using bide_test::until;

// Gives way until `done()`; what other threads do wakes the loop.
}  // namespace

BIDE_TEST(run_in_executor, gives_a_future_of_the_result) {
    const auto here = std::this_thread::get_id();
    const int sum = co_await run_in_executor(nullptr, [](int a, int b) { return a + b; }, 20, 22);
    EXPECT_EQ(sum, 42);
    const auto there = co_await run_in_executor(nullptr, [] { return std::this_thread::get_id(); });
    EXPECT_NE(there, here);
    const auto owned = co_await run_in_executor(nullptr, [] { return std::make_unique<int>(7); });
    EXPECT_EQ(*owned, 7);
    EXPECT_EQ(pending(), 0U);
}

BIDE_TEST(run_in_executor, passes_on_exceptions) {
    const auto call = [] { throw std::out_of_range("far"); };
    const auto end = co_await bide::as_result(run_in_executor(nullptr, call));
    EXPECT_EQ(bide::describe_exception(end.exception()), "far");
}

BIDE_TEST(run_in_executor, uses_the_pool_that_is_given) {
    thread_pool pool(1);
    co_await run_in_executor(&pool, [] {});
    EXPECT_EQ(pool.threads(), 1U);
    const int product = co_await run_in_executor(pool, [](int a, int b) { return a * b; }, 6, 7);
    EXPECT_EQ(product, 42);
    auto later = run_in_executor(&pool, [] { return 3; });
    pool.shutdown();  // blocks; the result is on its way all the same
    const int value = co_await later;
    EXPECT_EQ(value, 3);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return run_in_executor(&pool, [] {}).done(); }),
                    "shut down"));
    EXPECT_EQ(pending(), 0U);
}

// [example]
BIDE_TEST(run_in_executor, several_calls_run_while_the_task_goes_on) {
    bide::thread_pool pool(2);
    const auto square = [](int n) { return n * n; };
    auto first = bide::run_in_executor(&pool, square, 3);  // it runs from here on
    auto second = bide::run_in_executor(&pool, square, 4);
    const int sum = co_await first + co_await second;
    EXPECT_EQ(sum, 25);
}
// [/example]

// Statement 14.
BIDE_TEST(section17, s14_run_in_executor_submits_at_call_time_and_a_running_job_goes_on) {
    gate started;
    gate leave;
    gate ran;
    thread_pool pool(1);
    auto future = run_in_executor(&pool, [&] {
        started.open();
        leave.wait();
        ran.open();
    });
    started.wait();  // it runs although nothing was awaited
    EXPECT_TRUE(future.cancel());
    EXPECT_TRUE(future.cancelled());
    EXPECT_FALSE(ran.is_open());
    leave.open();
    ran.wait();
    co_await until([] { return pending() == 0; });
}

namespace {
bide::context_var<int> variable{0};
bide::coro<int> read_in_executor() {
    variable.set(5);
    co_return co_await run_in_executor(nullptr, [] { return variable.get(); });
}
}  // namespace

BIDE_TEST(section17, s14_run_in_executor_does_not_propagate_context) {
    const int seen = co_await read_in_executor();
    EXPECT_EQ(seen, 0);
}

BIDE_TEST(run_in_executor, cancel_takes_back_what_has_not_started) {
    gate leave;
    thread_pool pool(1);
    std::vector<std::string> log;
    auto first = run_in_executor(&pool, [&] { leave.wait(); });
    auto queued = run_in_executor(&pool, [kept = noted(log, "dropped")] {});
    EXPECT_EQ(pending(), 2U);
    EXPECT_TRUE(queued.cancel("not needed"));
    EXPECT_FALSE(queued.cancel());
    EXPECT_EQ(log, std::vector<std::string>{"dropped"});
    EXPECT_EQ(pending(), 1U);
    EXPECT_EQ(thrown<bide::cancelled_error>([&] {
                  queued.result();
                  return 0;
              }),
              "not needed");
    leave.open();
    co_await first;
}

BIDE_TEST(run_in_executor, cancelling_the_task_that_awaits_ends_the_await_at_once) {
    gate leave;
    thread_pool pool(1);
    auto future = run_in_executor(&pool, [&] { leave.wait(); });
    const auto end = co_await bide::as_result(bide::wait_for(future, 0s));
    EXPECT_EQ(end.error(), std::errc::timed_out);
    EXPECT_TRUE(future.cancelled());
    leave.open();
    co_await until([] { return pending() == 0; });
}

BIDE_TEST(run_in_executor, a_failure_after_the_cancellation_is_reported) {
    const report_log log(bide::get_running_loop());
    gate started;
    gate leave;
    thread_pool pool(1);
    auto future = run_in_executor(&pool, [&] {
        started.open();
        leave.wait();
        throw std::runtime_error("too late");
    });
    started.wait();
    future.cancel();
    leave.open();
    co_await until([] { return pending() == 0; });
    EXPECT_TRUE(has(log.text(), "cancelled", "too late"));
}

BIDE_TEST(run_in_executor, a_job_that_is_ignored_runs_and_its_failure_is_reported) {
    const report_log log(bide::get_running_loop());
    thread_pool pool(1);
    std::atomic<int> ran{0};
    static_cast<void>(run_in_executor(&pool, [&] { ++ran; }));
    static_cast<void>(run_in_executor(&pool, [&] { throw std::runtime_error("nobody looks"); }));
    co_await until([] { return pending() == 0; });
    EXPECT_EQ(ran, 1);
    EXPECT_TRUE(has(log.text(), "never retrieved", "nobody looks"));
}

BIDE_TEST(run_in_executor, a_pool_that_cancels_its_jobs_cancels_the_futures) {
    gate started;
    gate leave;
    thread_pool pool(1);
    auto first = run_in_executor(&pool, [&] {
        started.open();
        leave.wait();
    });
    auto second = run_in_executor(&pool, [] { return 1; });
    started.wait();
    pool.shutdown(bide::shutdown_options().wait(false).cancel_futures(true));
    leave.open();
    bool cancelled = false;
    try {
        co_await second;
    } catch (const bide::cancelled_error&) { cancelled = true; }
    EXPECT_TRUE(cancelled);
    co_await first;
}

BIDE_TEST(run_in_executor, a_broken_pool_says_why) {
    testing::internal::CaptureStderr();
    gate submitted;
    thread_pool pool(bide::thread_pool_options().max_workers(1).initializer([&] {
        submitted.wait();
        throw std::runtime_error("no device");
    }));
    auto future = run_in_executor(&pool, [] { return 1; });
    submitted.open();
    const auto end = co_await bide::as_result(future);
    EXPECT_TRUE(has(bide::describe_exception(end.exception()), "initializer", "no device"));
    EXPECT_THROW(static_cast<void>(run_in_executor(&pool, [] {})), bide::broken_thread_pool);
    testing::internal::GetCapturedStderr();
}

BIDE_TEST(run_in_executor, finishes_in_a_later_turn_in_the_order_of_arrival) {
    thread_pool pool(1);
    std::vector<int> order;
    std::vector<bide::future<int>> all;
    for (int i = 0; i < 20; ++i) {
        all.push_back(run_in_executor(&pool, [i] { return i; }));
        all.back().add_done_callback([&](const bide::future<int>& f) { order.push_back(f.result()); });
    }
    for (auto& each : all) co_await each;
    co_await until([&] { return order.size() == 20; });
    std::sort(order.begin(), order.end());  // the ready queue may be shuffled
    for (int i = 0; i < 20; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

BIDE_TEST(default_executor, is_made_once_and_named_after_us) {
    const auto name = [] {
        char text[32] = {};
        ::pthread_getname_np(::pthread_self(), text, sizeof text);
        return std::string(text);
    };
    for (int i = 0; i < 20; ++i) {
        const std::string seen = co_await run_in_executor(nullptr, name);
        EXPECT_EQ(seen, "bide_0");
    }
}

BIDE_TEST(default_executor, can_be_replaced) {
    co_await run_in_executor(nullptr, [] {});
    thread_pool pool(bide::thread_pool_options().max_workers(1).thread_name_prefix("mine"));
    bide::set_default_executor(pool);
    co_await run_in_executor(nullptr, [] {});
    EXPECT_EQ(pool.threads(), 1U);
    co_await bide::shutdown_default_executor();
    EXPECT_EQ(pool.threads(), 0U);
    EXPECT_THROW(pool.submit([] {}), bide::invalid_state_error);
}

BIDE_TEST(default_executor, shutdown_waits_for_its_jobs_and_then_there_is_none) {
    std::atomic<int> ran{0};
    std::vector<bide::future<void>> all;
    for (int i = 0; i < 10; ++i) all.push_back(run_in_executor(nullptr, [&] { ++ran; }));
    co_await bide::shutdown_default_executor();
    EXPECT_EQ(ran, 10);
    for (auto& each : all) co_await each;
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return run_in_executor(nullptr, [] {}).done(); }),
                    "default executor", "shut down"));
    thread_pool pool(1);
    EXPECT_THROW(bide::set_default_executor(pool), bide::invalid_state_error);
    co_await bide::shutdown_default_executor();
    const int value = co_await run_in_executor(&pool, [] { return 1; });
    EXPECT_EQ(value, 1);
}

BIDE_TEST(default_executor, shutdown_without_one_does_nothing_but_forbid_it) {
    co_await bide::shutdown_default_executor();
    EXPECT_THROW(static_cast<void>(run_in_executor(nullptr, [] {})), bide::invalid_state_error);
}

BIDE_TEST(default_executor, shutdown_gives_up_after_its_limit_with_a_report) {
    const report_log log(bide::get_running_loop());
    const auto leave = std::make_shared<gate>();
    const auto left = std::make_shared<gate>();
    static_cast<void>(run_in_executor(nullptr, [leave, left] {
        leave->wait();
        left->open();
    }));
    co_await bide::shutdown_default_executor(0s);
    EXPECT_TRUE(has(log.text(), "did not end in time"));
    EXPECT_FALSE(left->is_open());
    leave->open();
    left->wait();
    co_await until([] { return pending() == 0; });
}

TEST(default_executor, run_waits_for_its_jobs) {
    std::atomic<int> ran{0};
    bide::testing::run_test([&]() -> bide::coro<void> {
        for (int i = 0; i < 5; ++i) static_cast<void>(run_in_executor(nullptr, [&] { ++ran; }));
        co_return;
    });
    EXPECT_EQ(ran, 5);
}

// Statement 9: close() alone waits neither for tasks nor for threads.
TEST(section17, s9_close_does_not_wait_for_executor_jobs_and_nothing_reaches_it_later) {
    const auto leave = std::make_shared<gate>();
    const auto left = std::make_shared<gate>();
    bide::future<int> future;
    {
        bide::event_loop loop;
        loop.call_soon([&] {
            future = run_in_executor(nullptr, [leave, left] {
                leave->wait();
                left->open();
                return 1;
            });
            loop.stop();
        });
        loop.run_forever();
        loop.close();
        EXPECT_FALSE(future.done());
        EXPECT_FALSE(left->is_open());
    }
    leave->open();
    left->wait();
}

BIDE_TEST(run_in_executor, a_job_under_way_is_no_deadlock) {
    gate leave;
    auto future = run_in_executor(nullptr, [&] { leave.wait(); });
    auto waiting = bide::create_task([&]() -> bide::coro<void> { co_await future; });
    co_await bide::sleep(0s);
    bide::get_running_loop().call_soon([&] { leave.open(); });
    co_await waiting;
}

TEST(run_in_executor, idle_threads_do_not_hide_a_deadlock) {
    EXPECT_THROW(bide::testing::run_test([]() -> bide::coro<void> {
                     co_await run_in_executor(nullptr, [] {});
                     co_await bide::create_future();
                 }),
                 bide::deadlock_error);
}
