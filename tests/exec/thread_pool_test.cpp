// bide/exec: tests of the pool of threads, without a loop.
// bide-test: once
#include "support/expect.hpp"
#include "support/gate.hpp"

#include <bide/concurrent_wait.hpp>
#include <bide/thread_pool.hpp>

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide::concurrent_future;
using bide::shutdown_options;
using bide::thread_pool;
using bide::thread_pool_options;
using bide_test::counter;
using bide_test::gate;
using bide_test::has;
using bide_test::noted;
using bide_test::thrown;

TEST(thread_pool, submit_runs_a_function_with_its_arguments_on_another_thread) {
    thread_pool pool(2);
    const auto sum = pool.submit([](int a, int b) { return a + b; }, 20, 22);
    EXPECT_EQ(sum.result(), 42);
    EXPECT_NE(pool.submit([] { return std::this_thread::get_id(); }).result(), std::this_thread::get_id());
    pool.submit([] {}).result();
}

TEST(thread_pool, arguments_are_moved_in_and_results_moved_out) {
    thread_pool pool(1);
    auto future = pool.submit([](std::unique_ptr<int> a) { return a; }, std::make_unique<int>(5));
    EXPECT_EQ(*std::move(future).result(), 5);
    int target = 0;
    pool.submit([](int& to) -> int& { return to; }, std::ref(target)).result() = 3;
    EXPECT_EQ(target, 3);
}

TEST(thread_pool, the_callable_is_destroyed_on_the_worker_before_the_result_is_there) {
    thread_pool pool(1);
    std::vector<std::string> log;
    pool.submit([kept = noted(log, "gone")] {}).result();
    EXPECT_EQ(log, std::vector<std::string>{"gone"});
}

TEST(thread_pool, exceptions_travel) {
    thread_pool pool(1);
    const auto future = pool.submit([]() -> int { throw std::out_of_range("far"); });
    EXPECT_THROW(future.result(), std::out_of_range);
    const auto cancelled = pool.submit([] { throw bide::cancelled_error("inside"); });
    EXPECT_THROW(cancelled.result(), bide::cancelled_error);
    EXPECT_FALSE(cancelled.cancelled());
}

TEST(thread_pool, the_default_is_a_few_more_than_the_processors) {
    const thread_pool pool;
    EXPECT_GE(pool.max_workers(), 5U);
    EXPECT_LE(pool.max_workers(), 32U);
    EXPECT_EQ(pool.threads(), 0U);
    EXPECT_THROW(thread_pool(0), std::invalid_argument);
}

TEST(thread_pool, a_waiting_caller_who_submits_again_finds_an_idle_thread) {
    thread_pool pool(8);
    for (int i = 0; i < 200; ++i) pool.submit([] {}).result();
    EXPECT_EQ(pool.threads(), 1U);
}

TEST(thread_pool, cancels_what_has_not_started) {
    gate started;
    gate leave;
    thread_pool pool(1);
    std::vector<std::string> log;
    const auto first = pool.submit([&] {
        started.open();
        leave.wait();
    });
    const auto second = pool.submit([kept = noted(log, "dropped")] {});
    started.wait();
    EXPECT_TRUE(first.running());
    EXPECT_FALSE(first.cancel());
    EXPECT_FALSE(second.running());
    EXPECT_TRUE(second.cancel());
    EXPECT_EQ(log, std::vector<std::string>{"dropped"});  // at once, not when its turn would have come
    EXPECT_THROW(second.result(), bide::cancelled_error);
    leave.open();
    first.result();
}

TEST(thread_pool, shutdown_lets_every_job_run) {
    thread_pool pool(2);
    std::atomic<int> ran{0};
    for (int i = 0; i < 50; ++i) pool.submit([&] { ++ran; });
    pool.shutdown();
    EXPECT_EQ(ran, 50);
    EXPECT_EQ(pool.threads(), 0U);
    pool.shutdown();
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] {
                        pool.submit([] {});
                        return 0;
                    }),
                    "shut down"));
}

TEST(thread_pool, shutdown_need_not_wait_and_may_cancel) {
    gate started;
    gate leave;
    thread_pool pool(1);
    const auto first = pool.submit([&] {
        started.open();
        leave.wait();
        return 1;
    });
    const auto second = pool.submit([] { return 2; });
    started.wait();
    pool.shutdown(shutdown_options().wait(false));
    EXPECT_FALSE(second.done());
    pool.shutdown(shutdown_options().wait(false).cancel_futures(true));
    EXPECT_TRUE(second.cancelled());
    EXPECT_FALSE(first.done());
    leave.open();
    pool.shutdown();
    EXPECT_EQ(first.result(), 1);
}

TEST(thread_pool, the_destructor_waits) {
    std::atomic<int> ran{0};
    {
        thread_pool pool(2);
        for (int i = 0; i < 20; ++i) pool.submit([&] { ++ran; });
    }
    EXPECT_EQ(ran, 20);
}

TEST(thread_pool, a_job_cannot_wait_for_the_end_of_its_own_pool) {
    thread_pool pool(1);
    const auto future = pool.submit([&] { pool.shutdown(); });
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] {
                        future.result();
                        return 0;
                    }),
                    "its own pool"));
}

TEST(thread_pool, the_initializer_runs_once_in_each_thread) {
    std::atomic<int> ran{0};
    thread_pool pool(thread_pool_options().max_workers(3).initializer([&](int by) { ran += by; }, 10));
    counter inside;
    gate leave;
    for (int i = 0; i < 3; ++i) {
        pool.submit([&] {
            inside.add();
            leave.wait();
        });
    }
    inside.wait_for(3);
    leave.open();
    pool.shutdown();
    EXPECT_EQ(ran, 30);
}

TEST(thread_pool, an_initializer_that_throws_breaks_it_for_pending_and_later_jobs) {
    testing::internal::CaptureStderr();
    gate submitted;
    thread_pool pool(thread_pool_options().max_workers(1).initializer([&] {
        submitted.wait();
        throw std::runtime_error("no device");
    }));
    const auto first = pool.submit([] { return 1; });
    const auto second = pool.submit([] { return 2; });
    submitted.open();
    EXPECT_TRUE(
        has(thrown<bide::broken_thread_pool>([&] { return first.result(); }), "initializer", "no device"));
    EXPECT_THROW(second.result(), bide::broken_thread_pool);
    EXPECT_THROW(pool.submit([] {}), bide::broken_thread_pool);
    EXPECT_TRUE(has(testing::internal::GetCapturedStderr(), "initializer", "no device"));
}

TEST(thread_pool, names_its_threads) {
    thread_pool pool(thread_pool_options().max_workers(1).thread_name_prefix("resize"));
    const auto name = pool.submit([] {
        char text[32] = {};
        ::pthread_getname_np(::pthread_self(), text, sizeof text);
        return std::string(text);
    });
    EXPECT_EQ(name.result(), "resize_0");
}

TEST(thread_pool, can_be_moved) {
    thread_pool pool(1);
    const auto before = pool.submit([] { return 1; });
    thread_pool other(std::move(pool));
    EXPECT_EQ(other.submit([] { return 2; }).result(), 2);
    EXPECT_EQ(before.result(), 1);
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return pool.submit([] { return 3; }); }), "moved from"));
}

TEST(thread_pool, a_future_may_outlive_its_pool) {
    concurrent_future<int> future;
    {
        thread_pool pool(1);
        future = pool.submit([] { return 9; });
    }
    EXPECT_EQ(future.result(), 9);
    EXPECT_FALSE(future.cancel());
}

TEST(thread_pool, a_failure_that_nobody_looks_at_is_reported) {
    testing::internal::CaptureStderr();
    {
        thread_pool pool(1);
        pool.submit([] { throw std::runtime_error("lost"); });
    }
    EXPECT_TRUE(has(testing::internal::GetCapturedStderr(), "never retrieved", "lost"));
}

TEST(thread_pool, done_callbacks_do_not_keep_others_waiting) {
    gate leave;
    gate in_callback;
    gate go;
    thread_pool pool(2);  // last: its end waits for the callback
    const auto first = pool.submit([&] { go.wait(); });
    first.add_done_callback([&](const concurrent_future<void>&) {
        in_callback.open();
        leave.wait();
    });
    go.open();
    in_callback.wait();
    // The thread is still in the callback: the next job must get another one.
    EXPECT_EQ(pool.submit([] { return 1; }).result(), 1);
    leave.open();
}

TEST(thread_pool, many_threads_may_submit_and_cancel) {
    thread_pool pool(3);
    std::atomic<int> ran{0};
    std::atomic<int> cancelled{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
        clients.emplace_back([&, i] {
            for (int n = 0; n < 300; ++n) {
                const auto future = pool.submit([&] { ++ran; });
                if (n % 3 == i % 3 && future.cancel()) ++cancelled;
            }
        });
    }
    for (std::thread& each : clients) each.join();
    pool.shutdown();
    EXPECT_EQ(ran + cancelled, 1200);
}

TEST(thread_pool, wait_and_as_completed_take_its_futures) {
    thread_pool pool(2);
    std::vector<concurrent_future<int>> all;
    for (int i = 0; i < 10; ++i) all.push_back(pool.submit([i] { return i; }));
    int sum = 0;
    for (const auto& each : bide::concurrent::as_completed(all)) sum += each.result();
    EXPECT_EQ(sum, 45);
    EXPECT_EQ(bide::concurrent::wait(all).done.size(), 10U);
}

}  // namespace
