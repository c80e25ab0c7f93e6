// bide/exec: tests of awaiting a call on a worker thread.
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/gate.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"

#include <bide/timeout.hpp>
#include <bide/to_thread.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide::abandon_on_cancel;
using bide::thread_pool;
using bide::to_thread;
using bide_test::gate;
using bide_test::has;
using bide_test::opened;
using bide_test::outcome;
using bide_test::pending;
using bide_test::report_log;
using bide_test::until;

bide::context_var<std::string> user{"nobody"};

}  // namespace

// [example]
BIDE_TEST(to_thread, gives_what_the_call_returns) {
    const auto sum_up = [](int from, int to) {
        int sum = 0;
        for (int i = from; i <= to; ++i) sum += i;
        return sum;
    };
    const int sum = co_await bide::to_thread(sum_up, 1, 100);  // the loop runs on meanwhile
    EXPECT_EQ(sum, 5050);
}
// [/example]

BIDE_TEST(to_thread, runs_on_another_thread_and_resumes_on_this_one) {
    const auto here = std::this_thread::get_id();
    const auto there = co_await to_thread([] { return std::this_thread::get_id(); });
    EXPECT_NE(there, here);
    EXPECT_EQ(std::this_thread::get_id(), here);
    co_await to_thread([] {});
    int target = 0;
    int& same = co_await to_thread([&]() -> int& { return target; });
    EXPECT_EQ(&same, &target);
    const auto owned = co_await to_thread([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(4));
    EXPECT_EQ(*owned, 4);
    EXPECT_EQ(pending(), 0U);
}

BIDE_TEST(to_thread, one_call_after_the_other_needs_one_thread) {
    thread_pool pool(8);
    for (int i = 0; i < 200; ++i) co_await to_thread(pool, [] {});
    EXPECT_EQ(pool.threads(), 1U);
}

BIDE_TEST(to_thread, passes_on_exceptions) {
    const auto fail = []() -> int { throw std::out_of_range("far"); };
    const auto text = co_await outcome(to_thread(fail));
    EXPECT_EQ(text, "far");
    const auto end = co_await bide::as_result(to_thread(fail));
    EXPECT_EQ(bide::describe_exception(end.exception()), "far");
    const auto fine = co_await bide::as_result(to_thread([] { return 3; }));
    EXPECT_EQ(fine.value(), 3);
    const auto cancel = [] { throw bide::cancelled_error("by the call"); };
    const auto cancelled = co_await outcome(to_thread(cancel));
    EXPECT_EQ(cancelled, "cancelled");
}

BIDE_TEST(to_thread, takes_the_context_variables_along_as_a_copy) {
    user.set("alice");
    const auto seen = co_await to_thread([] {
        const std::string before = user.get();
        user.set("bob");
        return before + "," + user.get();
    });
    EXPECT_EQ(seen, "alice,bob");
    EXPECT_EQ(user.get(), "alice");
    const auto again = co_await to_thread(abandon_on_cancel, [] { return user.get(); });
    EXPECT_EQ(again, "alice");
    const auto plain = co_await bide::run_in_executor(nullptr, [] { return user.get(); });
    EXPECT_EQ(plain, "nobody");  // the thread does not keep them
}

BIDE_TEST(to_thread, does_nothing_until_it_is_awaited) {
    std::atomic<int> ran{0};
    const auto call = [&] { ++ran; };
    auto later = to_thread(call);
    co_await bide::sleep(0s);
    EXPECT_EQ(ran, 0);
    co_await std::move(later);
    EXPECT_EQ(ran, 1);
}

BIDE_TEST(to_thread, several_run_at_the_same_time) {
    gate first;
    gate second;
    const auto ping = [&] {
        first.open();
        second.wait();
    };
    const auto pong = [&] {
        first.wait();
        second.open();
    };
    co_await bide::gather(to_thread(ping), to_thread(pong));
}

// --- cancellation: shielded ---

BIDE_TEST(to_thread, a_cancellation_is_thrown_when_the_call_has_returned) {
    gate started;
    gate leave;
    std::atomic<bool> returned{false};
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await to_thread([&] {
            started.open();
            leave.wait();
            returned = true;
        });
    });
    co_await opened(started);
    EXPECT_TRUE(task.cancel("enough"));
    EXPECT_TRUE(task.cancel("enough"));
    co_await bide::sleep(0s);
    EXPECT_FALSE(task.done());
    leave.open();
    std::string message;
    try {
        co_await task;
    } catch (const bide::cancelled_error& e) { message = e.message(); }
    EXPECT_EQ(message, "enough");
    EXPECT_TRUE(returned);
    EXPECT_EQ(task.cancelling(), 2U);
    EXPECT_EQ(pending(), 0U);
}

BIDE_TEST(to_thread, a_cancellation_that_is_taken_back_leaves_the_result) {
    gate started;
    gate leave;
    auto task = bide::create_task([&]() -> bide::coro<int> {
        co_return co_await to_thread([&] {
            started.open();
            leave.wait();
            return 6;
        });
    });
    co_await opened(started);
    task.cancel();
    task.uncancel();
    leave.open();
    const int value = co_await task;
    EXPECT_EQ(value, 6);
}

BIDE_TEST(to_thread, a_cancelled_call_that_fails_is_reported) {
    const report_log log(bide::get_running_loop());
    gate started;
    gate leave;
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await to_thread([&] {
            started.open();
            leave.wait();
            throw std::runtime_error("disk full");
        });
    });
    co_await opened(started);
    task.cancel();
    leave.open();
    const auto text = co_await outcome(task);
    EXPECT_EQ(text, "cancelled");
    EXPECT_TRUE(has(log.text(), "cancelled", "disk full"));
}

BIDE_TEST(to_thread, a_call_that_has_not_started_is_taken_back) {
    gate leave;
    thread_pool pool(1);
    std::atomic<bool> ran{false};
    auto blocker = bide::run_in_executor(&pool, [&] { leave.wait(); });
    auto task =
        bide::create_task([&]() -> bide::coro<void> { co_await to_thread(pool, [&] { ran = true; }); });
    co_await until([] { return pending() == 2; });
    task.cancel();
    const auto text = co_await outcome(task);
    EXPECT_EQ(text, "cancelled");
    EXPECT_EQ(pending(), 1U);
    leave.open();
    co_await blocker;
    EXPECT_FALSE(ran);
}

BIDE_TEST(to_thread, a_task_that_is_cancelled_before_the_await_starts_no_call) {
    std::atomic<bool> ran{false};
    auto task = bide::create_task([&]() -> bide::coro<void> {
        bide::current_task().cancel();
        co_await to_thread([&] { ran = true; });
    });
    const auto text = co_await outcome(task);
    EXPECT_EQ(text, "cancelled");
    EXPECT_FALSE(ran);
}

BIDE_TEST(to_thread, a_timeout_waits_for_the_call) {
    gate started;
    gate leave;
    std::atomic<bool> returned{false};
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await bide::wait_for(to_thread([&] {
                                    started.open();
                                    leave.wait();
                                    returned = true;
                                }),
                                1h);
    });
    co_await opened(started);
    task.cancel();
    leave.open();
    const auto text = co_await outcome(task);
    EXPECT_EQ(text, "cancelled");
    EXPECT_TRUE(returned);
}

TEST(to_thread, cancelled_in_every_turn_nothing_leaks_and_no_call_outlives_its_frame) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        int inside = 0;
        for (int i = 0; i < 3; ++i) {
            co_await to_thread(
                [&inside] { ++inside; });  // uses the frame: a call that went on would be seen by asan
        }
        EXPECT_EQ(inside, 3);
    });
}

// --- cancellation: abandoned ---

// Statement 26.
BIDE_TEST(section17, s26_abandoned_call_goes_on_and_cancel_returns_at_once) {
    const auto started = std::make_shared<gate>();
    const auto leave = std::make_shared<gate>();
    const auto returned = std::make_shared<gate>();
    auto task = bide::create_task([=]() -> bide::coro<void> {
        co_await to_thread(
            abandon_on_cancel,
            [](auto a, auto b, auto c) {
                a->open();
                b->wait();
                c->open();
            },
            started, leave, returned);
    });
    co_await opened(*started);
    task.cancel("gone");
    const auto text = co_await outcome(task);
    EXPECT_EQ(text, "cancelled");
    EXPECT_FALSE(returned->is_open());
    leave->open();
    returned->wait();
    co_await until([] { return pending() == 0; });
}

BIDE_TEST(to_thread, an_abandoned_call_that_fails_is_reported) {
    const report_log log(bide::get_running_loop());
    const auto started = std::make_shared<gate>();
    const auto leave = std::make_shared<gate>();
    auto task = bide::create_task([=]() -> bide::coro<void> {
        co_await to_thread(
            abandon_on_cancel,
            [](auto a, auto b) {
                a->open();
                b->wait();
                throw std::runtime_error("disk full");
            },
            started, leave);
    });
    co_await opened(*started);
    task.cancel();
    const auto text = co_await outcome(task);
    EXPECT_EQ(text, "cancelled");
    EXPECT_EQ(log.size(), 0U);
    leave->open();
    co_await until([] { return pending() == 0; });
    EXPECT_TRUE(has(log.text(), "disk full"));
}

// --- ends ---

BIDE_TEST(to_thread, a_pool_that_is_shut_down_refuses_and_one_that_cancels_ends_the_await) {
    gate leave;
    gate started;
    thread_pool pool(1);
    auto first = bide::create_task([&]() -> bide::coro<void> {
        co_await to_thread(pool, [&] {
            started.open();
            leave.wait();
        });
    });
    co_await opened(started);
    auto second = bide::create_task([&]() -> bide::coro<void> { co_await to_thread(pool, [] {}); });
    co_await until([] { return pending() == 2; });
    pool.shutdown(bide::shutdown_options().wait(false).cancel_futures(true));
    leave.open();
    const auto text = co_await outcome(second);
    EXPECT_EQ(text, "cancelled");
    co_await first;
    const auto refused = co_await outcome(to_thread(pool, [] {}));
    EXPECT_TRUE(has(refused, "shut down"));
    EXPECT_EQ(pending(), 0U);
}

BIDE_TEST(to_thread, its_pool_may_go_before_the_task_resumes) {
    auto pool = std::make_unique<thread_pool>(1);
    auto body = [&]() -> bide::coro<void> { co_await to_thread(*pool, [] {}); };
    auto task = bide::create_task(body(), bide::task_options().eager_start());
    pool.reset();  // joins: the call has returned, the task has not been resumed
    task.cancel();
    const auto text = co_await outcome(task);
    EXPECT_EQ(text, "cancelled");
}

// The call uses the frame, so closing the loop waits for it.
TEST(to_thread, closing_the_loop_waits_for_a_call_that_runs_and_takes_back_one_that_does_not) {
    testing::internal::CaptureStderr();
    std::atomic<bool> returned{false};
    std::atomic<bool> ran{false};
    gate started;
    {
        thread_pool pool(1);
        bide::event_loop loop;
        auto running = [&]() -> bide::coro<void> {
            std::atomic<int> in_frame{0};
            co_await to_thread(pool, [&] {
                started.open();
                for (int i = 0; i < 100'000; ++i) ++in_frame;
                returned = true;
            });
        };
        auto queued = [&]() -> bide::coro<void> { co_await to_thread(pool, [&] { ran = true; }); };
        const auto first = create_task(loop, running());
        const auto second = create_task(loop, queued());
        loop.call_soon([&] { loop.stop(); });
        loop.run_forever();
        started.wait();
        loop.close();
        EXPECT_TRUE(returned);
        EXPECT_TRUE(first.done());
    }
    testing::internal::GetCapturedStderr();  // two tasks were pending
    EXPECT_TRUE(returned);
}

TEST(to_thread, closing_the_loop_finds_a_call_that_has_returned_in_its_inbox) {
    testing::internal::CaptureStderr();
    {
        thread_pool pool(1);
        bide::event_loop loop;
        auto body = [&]() -> bide::coro<void> { co_await to_thread(pool, [] {}); };
        const auto task = create_task(loop, body());
        loop.stop();
        loop.run_forever();
        pool.shutdown();  // so the node is in the inbox
        loop.close();
        EXPECT_TRUE(task.cancelled());
    }
    testing::internal::GetCapturedStderr();
}

BIDE_TEST(to_thread, says_what_the_task_waits_for) {
    gate leave;
    auto task = bide::create_task([&]() -> bide::coro<void> { co_await to_thread([&] { leave.wait(); }); });
    co_await until([] { return pending() == 1; });
    EXPECT_TRUE(has(bide::format_call_graph(bide::capture_call_graph(task)), "to_thread"));
    leave.open();
    co_await task;
}

BIDE_TEST(to_thread, no_loop_runs_on_the_worker) {
    const bool none = co_await to_thread([] { return bide::running_loop() == nullptr; });
    EXPECT_TRUE(none);
}

TEST(to_thread, idle_threads_do_not_hide_a_deadlock) {
    EXPECT_THROW(bide::testing::run_test([]() -> bide::coro<void> {
                     co_await to_thread([] {});
                     co_await bide::create_future();
                 }),
                 bide::deadlock_error);
}
