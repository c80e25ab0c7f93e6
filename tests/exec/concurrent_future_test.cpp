// bide/exec: tests of results that are set and waited for on different threads.
// bide-test: once
#include "support/expect.hpp"
#include "support/gate.hpp"

#include <bide/concurrent_future.hpp>
#include <bide/loop.hpp>

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
using bide::create_concurrent_future;
using bide_test::counter;
using bide_test::gate;
using bide_test::has;
using bide_test::thrown;

// Those who wait are counted in just before they do.
template <class F>
std::thread waiter(counter& about_to, F wait) {
    return std::thread([&about_to, wait = std::move(wait)]() mutable {
        about_to.add();
        wait();
    });
}

TEST(concurrent_future, a_thread_waits_for_what_another_sets) {
    auto future = create_concurrent_future<std::string>();
    counter waiting;
    std::string seen;
    std::thread other = waiter(waiting, [&] { seen = future.result(); });
    waiting.wait_for(1);
    EXPECT_FALSE(future.done());
    future.set_result("value");
    other.join();
    EXPECT_EQ(seen, "value");
    EXPECT_TRUE(future.done());
    EXPECT_EQ(future.result(), "value");
}

// [example]
TEST(concurrent_future, bridges_a_thread_that_reports_by_callback) {
    auto answer = bide::create_concurrent_future<int>();
    std::thread device([answer] { answer.set_result(42); });
    EXPECT_EQ(answer.result(10s), 42);
    device.join();
}
// [/example]

TEST(concurrent_future, many_threads_wait_for_one_result) {
    auto future = create_concurrent_future<int>();
    counter waiting;
    std::atomic<int> sum{0};
    std::vector<std::thread> others;
    for (int i = 0; i < 8; ++i) others.push_back(waiter(waiting, [&] { sum += future.result(); }));
    waiting.wait_for(8);
    future.set_result(5);
    for (std::thread& each : others) each.join();
    EXPECT_EQ(sum, 40);
}

TEST(concurrent_future, passes_on_an_exception) {
    auto future = create_concurrent_future<int>();
    future.set_exception(std::make_exception_ptr(std::out_of_range("too far")));
    EXPECT_THROW(future.result(), std::out_of_range);
    EXPECT_EQ(bide::describe_exception(future.exception()), "too far");
    EXPECT_TRUE(future.done());
    EXPECT_FALSE(future.cancelled());
}

TEST(concurrent_future, a_time_limit_leaves_the_job_alone) {
    auto future = create_concurrent_future<void>();
    EXPECT_THROW(future.result(1ms), bide::timeout_error);
    EXPECT_THROW(static_cast<void>(future.exception(-1s)), bide::timeout_error);
    EXPECT_FALSE(future.done());
    future.set_result();
    future.result(0ms);
    EXPECT_EQ(future.exception(0ms), nullptr);
}

TEST(concurrent_future, goes_from_pending_to_running_to_finished) {
    auto future = create_concurrent_future<int>();
    EXPECT_FALSE(future.running());
    EXPECT_TRUE(future.set_running_or_notify_cancel());
    EXPECT_TRUE(future.running());
    EXPECT_FALSE(future.done());
    EXPECT_FALSE(future.cancel());
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return future.set_running_or_notify_cancel(); }),
                    "before"));
    future.set_result(1);
    EXPECT_FALSE(future.running());
    EXPECT_FALSE(future.cancel());
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return future.set_running_or_notify_cancel(); }),
                    "before"));
}

TEST(concurrent_future, cancel_succeeds_until_it_runs) {
    auto future = create_concurrent_future<int>();
    EXPECT_TRUE(future.cancel());
    EXPECT_TRUE(future.cancel());
    EXPECT_TRUE(future.cancelled());
    EXPECT_TRUE(future.done());
    EXPECT_FALSE(future.set_running_or_notify_cancel());
    EXPECT_THROW(future.result(), bide::cancelled_error);
    EXPECT_THROW(static_cast<void>(future.exception()), bide::cancelled_error);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] {
                        future.set_result(1);
                        return 0;
                    }),
                    "cancelled"));
}

TEST(concurrent_future, takes_one_result) {
    auto future = create_concurrent_future<int>();
    future.set_result(1);
    EXPECT_THROW(future.set_result(2), bide::invalid_state_error);
    EXPECT_THROW(future.set_exception(std::make_exception_ptr(1)), bide::invalid_state_error);
    EXPECT_EQ(future.result(), 1);
}

TEST(concurrent_future, cancel_wakes_those_who_wait) {
    auto future = create_concurrent_future<int>();
    counter waiting;
    bool thrown_there = false;
    std::thread other = waiter(waiting, [&] {
        try {
            future.result();
        } catch (const bide::cancelled_error&) { thrown_there = true; }
    });
    waiting.wait_for(1);
    future.cancel();
    other.join();
    EXPECT_TRUE(thrown_there);
}

// Statement 13, its second half.
TEST(section17, s13_concurrent_done_callbacks_run_at_once_in_the_completing_thread_in_order) {
    auto future = create_concurrent_future<int>();
    std::vector<std::string> calls;
    std::thread::id where;
    future.add_done_callback([&](const concurrent_future<int>& f) {
        where = std::this_thread::get_id();
        calls.push_back("first " + std::to_string(f.result()));
    });
    future.add_done_callback(
        [&](const concurrent_future<int>& f) { calls.push_back(f == future ? "second" : "other"); });
    std::thread other([&] {
        future.set_result(3);
        EXPECT_EQ(calls.size(), 2U);  // not later: inside set_result
    });
    const std::thread::id setter = other.get_id();
    other.join();
    EXPECT_EQ(where, setter);
    EXPECT_EQ(calls, (std::vector<std::string>{"first 3", "second"}));
    future.add_done_callback([&](const concurrent_future<int>&) { where = std::this_thread::get_id(); });
    EXPECT_EQ(where, std::this_thread::get_id());  // done already: here and now
}

TEST(concurrent_future, callbacks_of_a_cancelled_one_run_in_the_cancelling_thread) {
    auto future = create_concurrent_future<int>();
    std::thread::id where;
    future.add_done_callback([&](const concurrent_future<int>& f) {
        EXPECT_TRUE(f.cancelled());
        where = std::this_thread::get_id();
    });
    future.cancel();
    EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(concurrent_future, an_exception_in_a_callback_is_reported_and_ignored) {
    auto future = create_concurrent_future<int>();
    bool second = false;
    future.add_done_callback(
        [](const concurrent_future<int>&) { throw std::runtime_error("callback failed"); });
    future.add_done_callback([&](const concurrent_future<int>&) { second = true; });
    testing::internal::CaptureStderr();
    future.set_result(1);
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(second);
    EXPECT_TRUE(has(text, "callback", "callback failed"));
}

TEST(concurrent_future, an_exception_that_nobody_looks_at_is_reported) {
    testing::internal::CaptureStderr();
    create_concurrent_future<int>().set_exception(std::make_exception_ptr(std::runtime_error("unseen")));
    EXPECT_TRUE(has(testing::internal::GetCapturedStderr(), "never retrieved", "unseen"));
    testing::internal::CaptureStderr();
    {
        auto seen = create_concurrent_future<int>();
        seen.set_exception(std::make_exception_ptr(std::runtime_error("seen")));
        EXPECT_NE(seen.exception(), nullptr);
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(concurrent_future, a_callback_may_drop_the_last_handle) {
    auto future = std::make_unique<concurrent_future<int>>(create_concurrent_future<int>());
    future->add_done_callback([&](const concurrent_future<int>&) { future.reset(); });
    const concurrent_future<int> copy = *future;
    copy.cancel();
    EXPECT_EQ(future, nullptr);
}

TEST(concurrent_future, a_value_that_cannot_be_copied_is_moved_out_once) {
    auto future = create_concurrent_future<std::unique_ptr<int>>();
    const auto other = future;
    future.set_result(std::make_unique<int>(7));
    EXPECT_EQ(*other.result(), 7);
    const std::unique_ptr<int> taken = std::move(future).result();
    EXPECT_EQ(*taken, 7);
    auto again = other;
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return std::move(again).result(); }), "moved out"));
}

TEST(concurrent_future, a_temporary_gives_its_value_away) {
    const auto make = [] {
        auto future = create_concurrent_future<std::string>();
        future.set_result("a text that does not fit into the string itself");
        return future;
    };
    const std::string& kept = make().result();
    EXPECT_EQ(kept, "a text that does not fit into the string itself");
}

TEST(concurrent_future, holds_references) {
    int target = 1;
    auto future = create_concurrent_future<int&>();
    future.set_result(target);
    future.result() = 5;
    EXPECT_EQ(target, 5);
    EXPECT_EQ(&std::move(future).result(), &target);
}

TEST(concurrent_future, an_empty_handle_says_so) {
    const concurrent_future<int> empty;
    EXPECT_FALSE(empty);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return empty.done(); }), "empty"));
    auto moved = create_concurrent_future<int>();
    const auto to = std::move(moved);
    EXPECT_FALSE(moved);
    EXPECT_TRUE(to);
}

TEST(concurrent_future, setting_and_cancelling_at_the_same_time_has_one_outcome) {
    for (int i = 0; i < 200; ++i) {
        auto future = create_concurrent_future<int>();
        std::atomic<int> calls{0};
        future.add_done_callback([&](const concurrent_future<int>&) { ++calls; });
        bool set = false;
        std::thread setter([&] {
            try {
                future.set_result(1);
                set = true;
            } catch (const bide::invalid_state_error&) {}
        });
        const bool cancelled = future.cancel();
        setter.join();
        EXPECT_NE(set, cancelled);
        EXPECT_EQ(future.cancelled(), cancelled);
        EXPECT_EQ(calls, 1);
    }
}

}  // namespace
