// bide/exec: tests of reaching a loop from other threads.
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/gate.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"

#include <bide/from_thread.hpp>
#include <bide/thread_pool.hpp>
#include <bide/timeout.hpp>
#include <bide/to_thread.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide::concurrent_future;
using bide::run_coroutine_threadsafe;
using bide_test::counter;
using bide_test::gate;
using bide_test::has;
using bide_test::outcome;
using bide_test::pending;
using bide_test::report_log;
using bide_test::thrown;
using bide_test::until;

// Sleeping for a time would make the virtual clock wait whether the other thread does something first.
bide::coro<int> add(int a, int b) {
    co_await bide::sleep(0s);
    co_return a + b;
}

bide::coro<void> sleep_long(bool* cancelled = nullptr) {
    try {
        co_await bide::sleep(1000h);
    } catch (const bide::cancelled_error&) {
        if (cancelled != nullptr) *cancelled = true;
        throw;
    }
}

}  // namespace

// [example]
BIDE_TEST(run_coroutine_threadsafe, gives_its_result_to_the_other_thread) {
    auto& loop = bide::get_running_loop();
    const int sum = co_await bide::to_thread([&loop] {
        // On another thread: the coroutine runs on the loop's, this one waits for it.
        return bide::run_coroutine_threadsafe(add(20, 22), loop).result();
    });
    EXPECT_EQ(sum, 42);
}
// [/example]

BIDE_TEST(run_coroutine_threadsafe, takes_other_awaitables_than_coroutines) {
    auto& loop = bide::get_running_loop();
    co_await bide::to_thread([&loop] {
        EXPECT_EQ(run_coroutine_threadsafe(bide::sleep(0s, 7), loop).result(), 7);
        EXPECT_EQ(run_coroutine_threadsafe(bide::wait_for(add(1, 2), 1h), loop).result(), 3);
        auto late = run_coroutine_threadsafe(bide::sleep(1000h), loop);
        EXPECT_TRUE(late.cancel());
    });
    // The cancellation and the end of this thread may arrive in one turn, in either order.
    co_await until([] { return bide::all_tasks().size() <= 2 && pending() == 0; });
}

BIDE_TEST(run_coroutine_threadsafe, takes_results_of_every_kind) {
    auto& loop = bide::get_running_loop();
    static int target = 0;
    co_await bide::to_thread([&loop] {
        run_coroutine_threadsafe(loop, []() -> bide::coro<void> { co_await bide::sleep(0s); }).result();
        const auto owned =
            run_coroutine_threadsafe(
                loop, [](int n) -> bide::coro<std::unique_ptr<int>> { co_return std::make_unique<int>(n); },
                5)
                .result();
        EXPECT_EQ(*owned, 5);
        int& same = run_coroutine_threadsafe(loop, []() -> bide::coro<int&> { co_return target; }).result();
        EXPECT_EQ(&same, &target);
    });
}

BIDE_TEST(run_coroutine_threadsafe, a_lambda_lives_as_long_as_its_coroutine) {
    auto& loop = bide::get_running_loop();
    const std::string text = co_await bide::to_thread([&loop] {
        const std::string captured = "a text that is longer than what a string keeps in itself";
        return run_coroutine_threadsafe(loop,
                                        [captured]() -> bide::coro<std::string> {
                                            co_await bide::sleep(0s);
                                            co_return captured;
                                        })
            .result();
    });
    EXPECT_EQ(text, "a text that is longer than what a string keeps in itself");
}

BIDE_TEST(run_coroutine_threadsafe, exceptions_travel) {
    auto& loop = bide::get_running_loop();
    const auto fail = [&loop] {
        run_coroutine_threadsafe(loop, []() -> bide::coro<void> {
            co_await bide::sleep(0s);
            throw std::out_of_range("far");
        }).result();
    };
    const std::string text = co_await outcome(bide::to_thread(fail));
    EXPECT_EQ(text, "far");
}

BIDE_TEST(run_coroutine_threadsafe, cancelling_the_future_cancels_the_task) {
    auto& loop = bide::get_running_loop();
    static bool cancelled = false;
    gate running;
    co_await bide::to_thread([&] {
        const auto future = run_coroutine_threadsafe(loop, [&running]() -> bide::coro<void> {
            running.open();
            co_await sleep_long(&cancelled);
        });
        running.wait();
        EXPECT_FALSE(future.running());
        EXPECT_TRUE(future.cancel());
        EXPECT_TRUE(future.cancelled());  // at once, although the task has not ended yet
        EXPECT_THROW(future.result(), bide::cancelled_error);
    });
    co_await until([] { return cancelled; });
    co_await until([] { return bide::all_tasks().size() <= 2 && pending() == 0; });
}

BIDE_TEST(run_coroutine_threadsafe, cancelled_before_it_starts_it_never_runs) {
    auto& loop = bide::get_running_loop();
    bool ran = false;
    std::optional<concurrent_future<void>> future;
    std::thread other([&] {
        future = run_coroutine_threadsafe(loop, [&ran]() -> bide::coro<void> {
            ran = true;
            co_return;
        });
        EXPECT_TRUE(future->cancel());
    });
    other.join();  // the loop has not turned meanwhile
    co_await bide::sleep(1ms);
    EXPECT_FALSE(ran);
    EXPECT_TRUE(future->cancelled());
}

BIDE_TEST(run_coroutine_threadsafe, a_task_that_ends_cancelled_cancels_the_future) {
    auto& loop = bide::get_running_loop();
    const auto call = [&loop] {
        run_coroutine_threadsafe(loop, []() -> bide::coro<void> {
            bide::current_task().cancel();
            co_await bide::sleep(1s);
        }).result();
    };
    const std::string text = co_await outcome(bide::to_thread(call));
    EXPECT_EQ(text, "cancelled");
}

BIDE_TEST(run_coroutine_threadsafe, waiting_on_the_loops_own_thread_is_an_error) {
    auto& loop = bide::get_running_loop();
    const auto future = run_coroutine_threadsafe(add(1, 2), loop);
    const auto wait = [&] { return future.result(); };
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>(wait), "this thread runs the loop", "wrap_future"));
    EXPECT_THROW(static_cast<void>(future.exception()), bide::invalid_state_error);
    EXPECT_THROW(bide::concurrent::wait(std::vector{future}), bide::invalid_state_error);
    const int value = co_await bide::wrap_future(future);
    EXPECT_EQ(value, 3);
    EXPECT_EQ(future.result(), 3);  // done: no wait
}

BIDE_TEST(run_coroutine_threadsafe, an_exception_after_the_cancellation_is_reported) {
    const report_log log(bide::get_running_loop());
    auto& loop = bide::get_running_loop();
    gate running;
    co_await bide::to_thread([&] {
        const auto future = run_coroutine_threadsafe(loop, [&running]() -> bide::coro<void> {
            running.open();
            try {
                co_await bide::sleep(1000h);
            } catch (const bide::cancelled_error&) {}
            throw std::runtime_error("clean-up failed");
        });
        running.wait();
        future.cancel();
    });
    co_await until([&] { return log.size() != 0; });
    EXPECT_TRUE(has(log.text(), "never retrieved", "clean-up failed"));
}

// Statement 10.
TEST(section17, s10_a_closed_loop_refuses_and_nothing_hangs) {
    bide::event_loop loop;
    loop.close();
    EXPECT_THROW(loop.call_soon_threadsafe([] {}), bide::invalid_state_error);
    EXPECT_THROW(static_cast<void>(run_coroutine_threadsafe(add(1, 2), loop)), bide::invalid_state_error);
}

TEST(run_coroutine_threadsafe, a_loop_that_closes_first_cancels_the_future) {
    testing::internal::CaptureStderr();
    concurrent_future<void> started;
    concurrent_future<int> not_started;
    {
        bide::event_loop loop;
        started = run_coroutine_threadsafe(loop, []() -> bide::coro<void> { co_await bide::sleep(1h); });
        loop.stop();
        loop.run_forever();
        loop.stop();
        loop.run_forever();
        not_started = run_coroutine_threadsafe(add(1, 2), loop);
        EXPECT_FALSE(started.done());
    }
    EXPECT_TRUE(started.cancelled());
    EXPECT_TRUE(not_started.cancelled());
    EXPECT_TRUE(started.cancel());           // and it may still be cancelled
    testing::internal::GetCapturedStderr();  // a task was pending
}

TEST(run_coroutine_threadsafe, a_post_that_races_with_the_end_of_the_loop_is_done_or_refused) {
    for (int i = 0; i < 20; ++i) {
        std::atomic<int> ran{0};
        std::atomic<bool> stop{false};
        auto loop = std::make_unique<bide::event_loop>();
        const bide::event_loop_handle handle(*loop);
        counter posted;
        std::thread other([&, handle] {
            int accepted = 0;
            while (!stop) {
                if (handle.call_soon_threadsafe([&] { ++ran; })) ++accepted;
                posted.add();
            }
            EXPECT_FALSE(handle.call_soon_threadsafe([&] { ++ran; }));
            EXPECT_GE(accepted, ran);
        });
        loop->call_soon([&] { loop->stop(); });
        loop->run_forever();
        posted.wait_for(3);
        loop.reset();
        stop = true;
        other.join();
    }
}

// A call that ends the loop, which is destroyed while the thread that posted it is still on its way out.
TEST(call_soon_threadsafe, may_end_the_loop_that_it_wakes) {
    for (int i = 0; i < 200; ++i) {
        auto loop = std::make_unique<bide::event_loop>();
        std::thread other([&] { loop->call_soon_threadsafe([&] { loop->stop(); }); });
        loop->run_forever();
        loop.reset();
        other.join();
    }
}

// --- wrap_future ---

BIDE_TEST(wrap_future, ends_as_its_source_does) {
    auto value = bide::create_concurrent_future<std::string>();
    auto failure = bide::create_concurrent_future<int>();
    auto cancelled = bide::create_concurrent_future<void>();
    auto a = bide::wrap_future(value);
    auto b = bide::wrap_future(failure);
    auto c = bide::wrap_future(cancelled);
    EXPECT_EQ(pending(), 3U);
    std::thread other([&] {
        value.set_result("text");
        failure.set_exception(std::make_exception_ptr(std::out_of_range("far")));
        cancelled.cancel();
    });
    const std::string text = co_await a;
    EXPECT_EQ(text, "text");
    EXPECT_EQ(value.result(), "text");
    const auto second = co_await outcome(b);
    EXPECT_EQ(second, "far");
    const auto third = co_await outcome(c);
    EXPECT_EQ(third, "cancelled");
    other.join();
    EXPECT_EQ(pending(), 0U);
}

BIDE_TEST(wrap_future, of_one_that_is_done_ends_in_a_later_turn) {
    auto source = bide::create_concurrent_future<std::unique_ptr<int>>();
    source.set_result(std::make_unique<int>(3));
    auto wrapped = bide::wrap_future(source);
    EXPECT_FALSE(wrapped.done());
    const auto value = co_await wrapped;
    EXPECT_EQ(*value, 3);
}

BIDE_TEST(wrap_future, cancels_its_source_if_that_has_not_started) {
    gate started;
    gate leave;
    bide::thread_pool pool(1);
    const auto running = pool.submit([&] {
        started.open();
        leave.wait();
        return 1;
    });
    const auto queued = pool.submit([] { return 2; });
    started.wait();
    auto a = bide::wrap_future(running);
    auto b = bide::wrap_future(queued);
    EXPECT_TRUE(a.cancel());
    EXPECT_TRUE(b.cancel());
    EXPECT_FALSE(running.cancelled());
    EXPECT_TRUE(queued.cancelled());
    EXPECT_TRUE(a.cancelled());
    leave.open();
    EXPECT_EQ(running.result(), 1);
    co_await until([] { return pending() == 0; });
}

TEST(wrap_future, nothing_is_delivered_into_a_closed_loop) {
    const auto source = bide::create_concurrent_future<int>();
    const auto never = bide::create_concurrent_future<int>();
    bide::future<int> wrapped;
    {
        bide::event_loop loop;
        loop.call_soon([&] {
            wrapped = bide::wrap_future(source);
            static_cast<void>(bide::wrap_future(never));
            loop.stop();
        });
        loop.run_forever();
    }
    source.set_result(1);
    EXPECT_FALSE(wrapped.done());
}

// --- task_handle ---

BIDE_TEST(task_handle, cancels_a_task_from_any_thread) {
    auto task = bide::create_task(sleep_long());
    {
        const bide::task_handle handle = bide::threadsafe_handle(task);
        EXPECT_EQ(pending(), 1U);
        std::thread other([&] { EXPECT_TRUE(handle.cancel_threadsafe("from outside")); });
        std::string message;
        try {
            co_await task;
        } catch (const bide::cancelled_error& e) { message = e.message(); }
        EXPECT_EQ(message, "from outside");
        other.join();
        EXPECT_TRUE(handle.cancel_threadsafe());  // done already: no effect
    }
    co_await until([] { return pending() == 0; });
}

BIDE_TEST(task_handle, may_be_dropped_on_another_thread) {
    auto task = bide::create_task(sleep_long());
    std::thread other([handle = bide::threadsafe_handle(task)]() mutable {
        const bide::task_handle copy = handle;
        handle = {};
        EXPECT_FALSE(handle);
        EXPECT_FALSE(handle.cancel_threadsafe());
        copy.cancel_threadsafe();
    });
    const std::string text = co_await outcome(task);
    EXPECT_EQ(text, "cancelled");
    other.join();
    co_await until([] { return pending() == 0; });
}

TEST(task_handle, has_no_effect_after_its_loop_has_closed) {
    bide::task_handle handle;
    bide::task_handle unused;
    bide::testing::run_test([&]() -> bide::coro<void> {
        handle = bide::threadsafe_handle(bide::current_task());
        unused = handle;
        co_return;
    });
    EXPECT_TRUE(handle);
    EXPECT_FALSE(handle.cancel_threadsafe());
}

// --- event_loop_handle ---

BIDE_TEST(event_loop_handle, calls_into_the_loop_and_counts_as_pending) {
    auto waiting = bide::create_future();
    {
        bide::event_loop_handle handle(bide::get_running_loop());
        const bide::event_loop_handle copy = handle;
        EXPECT_EQ(pending(), 1U);
        // The thread is a parked worker for the loop, so without the handle this would look like a deadlock.
        static_cast<void>(bide::run_in_executor(nullptr, [handle = std::move(handle), &waiting] {
            EXPECT_TRUE(handle.call_soon_threadsafe([](bide::future<>* f) { f->set_result(); }, &waiting));
        }));
        co_await waiting;
    }
    co_await until([] { return pending() == 0; });
}

TEST(event_loop_handle, says_when_the_loop_is_closed) {
    bide::event_loop_handle handle;
    EXPECT_FALSE(handle.call_soon_threadsafe([] {}));
    {
        bide::event_loop loop;
        handle = bide::event_loop_handle(loop);
        EXPECT_TRUE(handle.call_soon_threadsafe([] {}));
    }
    EXPECT_TRUE(handle);
    EXPECT_FALSE(handle.call_soon_threadsafe([] {}));
}
