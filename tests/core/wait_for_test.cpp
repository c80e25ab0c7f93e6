// bide/core: tests of wait_for.
#include "support/async_test.hpp"
#include "support/outcome.hpp"

#include <bide/timeout.hpp>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <utility>

#include "loop/loop_core.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::outcome;

std::size_t timers_left() { return bide::get_running_loop().core().timers.size(); }
std::size_t cancels() { return bide::current_task().cancelling(); }
bide::time_point now() { return bide::get_running_loop().time(); }

bide::coro<int> value_after(std::chrono::milliseconds delay, int value = 42) {
    co_await bide::sleep(delay);
    co_return value;
}

bide::coro<void> note(bool& started) {
    started = true;
    co_return;
}

// What a coroutine does with the first cancellation.
enum class answer { value, failure };
bide::coro<int> cancelled_then(answer what, std::chrono::milliseconds clean_up = 0ms) {
    try {
        co_await bide::sleep(1h);
    } catch (const bide::cancelled_error&) {}
    co_await bide::sleep(clean_up);
    if (what == answer::failure) throw std::runtime_error("failed while it was cancelled");
    co_return 7;
}

bool is_timeout(const std::exception_ptr& error) {
    try {
        if (error) std::rethrow_exception(error);
    } catch (const bide::timeout_error&) { return true; } catch (...) {
    }
    return false;
}

bide::context_var<int> variable{0};

}  // namespace

BIDE_TEST(wait_for, a_coroutine_in_time_gives_its_value) {
    const int value = co_await bide::wait_for(value_after(10ms), 1s);
    EXPECT_EQ(value, 42);
    EXPECT_EQ(timers_left(), 0u);
}

BIDE_TEST(wait_for, as_in_the_reference) {
    const auto fetch = [] { return value_after(1s); };
    bool in_time = false;
    // [wait_for]
    int value = co_await bide::wait_for(fetch(), 2s);

    auto other = co_await bide::as_result(bide::wait_for(fetch(), 100ms));
    in_time = other.error() != std::errc::timed_out;
    // [/wait_for]
    EXPECT_EQ(value, 42);
    EXPECT_FALSE(in_time);
}

BIDE_TEST(wait_for, a_late_coroutine_is_cancelled) {
    const std::string how = co_await outcome(bide::wait_for(value_after(1h), 20ms));
    EXPECT_EQ(how, "timeout");
    EXPECT_EQ(now(), bide::time_point(20ms));
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(wait_for, without_a_limit_it_is_a_plain_await) {
    const int a = co_await bide::wait_for(value_after(1h), std::nullopt);
    auto task = bide::create_task(value_after(1h));
    const int b = co_await bide::wait_for(task, std::optional<std::chrono::seconds>());
    co_await bide::wait_for(bide::sleep(1h), std::nullopt);
    EXPECT_EQ(a + b, 84);
    const auto failed =
        co_await bide::as_result(bide::wait_for(cancelled_then(answer::value), std::optional(1ms)));
    EXPECT_EQ(*failed, 7);
}

BIDE_TEST(wait_for, a_failure_in_time_propagates) {
    const auto fails = []() -> bide::coro<int> {
        co_await bide::sleep(1ms);
        throw std::invalid_argument("odd");
    };
    const std::string a = co_await outcome(bide::wait_for(fails(), 1s));
    auto task = bide::create_task(fails());
    const std::string b = co_await outcome(bide::wait_for(task, 1s));
    EXPECT_EQ(a, "odd");
    EXPECT_EQ(b, "odd");
}

BIDE_TEST(wait_for, a_task_is_cancelled_when_the_time_runs_out) {
    auto task = bide::create_task(value_after(1h));
    const std::string how = co_await outcome(bide::wait_for(task, 20ms));
    EXPECT_EQ(how, "timeout");
    EXPECT_TRUE(task.cancelled());
    auto quick = bide::create_task(value_after(1ms));
    const int value = co_await bide::wait_for(quick, 20ms);
    EXPECT_EQ(value, 42);
    const int again = co_await bide::wait_for(quick, 20ms);
    EXPECT_EQ(again, 42);
}

BIDE_TEST(wait_for, a_task_that_somebody_else_cancels_is_no_timeout) {
    auto task = bide::create_task(value_after(1h));
    bide::get_running_loop().call_later(5ms, [&] { task.cancel(); });
    const std::string how = co_await outcome(bide::wait_for(task, 20ms));
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(now(), bide::time_point(5ms));
    EXPECT_EQ(timers_left(), 0u);
}

BIDE_TEST(wait_for, a_future_is_cancelled_when_the_time_runs_out) {
    auto future = bide::create_future<int>();
    const std::string how = co_await outcome(bide::wait_for(future, 20ms));
    EXPECT_EQ(how, "timeout");
    EXPECT_TRUE(future.cancelled());
    auto set = bide::create_future<int>();
    bide::get_running_loop().call_later(5ms, [&] { set.set_result(9); });
    const int value = co_await bide::wait_for(set, 20ms);
    EXPECT_EQ(value, 9);
}

BIDE_TEST(wait_for, a_future_that_fails_with_cancelled_error_when_it_is_cancelled) {
    auto children = bide::gather(bide::sleep(1h), bide::sleep(2h));
    const std::string how = co_await outcome(bide::wait_for(children, 20ms));
    EXPECT_EQ(how, "timeout");
    const auto late = co_await bide::as_result(bide::wait_for(bide::gather(bide::sleep(1h)), 20ms));
    EXPECT_EQ(late.error(), std::errc::timed_out);
    const auto none = co_await bide::as_result(bide::wait_for(bide::gather(bide::sleep(1h)), 0s));
    EXPECT_EQ(none.error(), std::errc::timed_out);
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(wait_for, what_is_done_gives_its_result_at_once) {
    auto future = bide::create_future<int>();
    future.set_result(5);
    const int a = co_await bide::wait_for(future, 0s);
    const int b = co_await bide::wait_for(future, -1s);
    const int c = co_await bide::wait_for(future, 1s);
    EXPECT_EQ(a + b + c, 15);
    EXPECT_EQ(timers_left(), 0u);
}

BIDE_TEST(wait_for, other_awaitables) {
    const int value = co_await bide::wait_for(bide::sleep(1ms, 5), 1s);
    EXPECT_EQ(value, 5);
    const std::string how = co_await outcome(bide::wait_for(bide::sleep(1h), 20ms));
    EXPECT_EQ(how, "timeout");
    EXPECT_EQ(timers_left(), 0u);
    const std::string inner = co_await outcome(bide::wait_for(bide::wait_for(value_after(1h), 20ms), 1s));
    EXPECT_EQ(inner, "timeout");
    const std::string outer = co_await outcome(bide::wait_for(bide::wait_for(value_after(1h), 1s), 20ms));
    EXPECT_EQ(outer, "timeout");
    const int both = co_await bide::wait_for(bide::with_timeout(1s, [] { return value_after(1ms); }), 1s);
    EXPECT_EQ(both, 42);
    EXPECT_EQ(timers_left(), 0u);
}

BIDE_TEST(wait_for, values_that_only_move) {
    const auto make = []() -> bide::coro<std::unique_ptr<int>> {
        co_await bide::sleep(1ms);
        co_return std::make_unique<int>(3);
    };
    const std::unique_ptr<int> a = co_await bide::wait_for(make(), 1s);
    const std::unique_ptr<int> b = co_await bide::wait_for(bide::create_task(make()), 1s);
    EXPECT_EQ(*a + *b, 6);
}

BIDE_TEST(wait_for, as_result_gives_the_timeout_as_a_value) {
    const auto a = co_await bide::as_result(bide::wait_for(value_after(1h), 20ms));
    auto task = bide::create_task(value_after(1h));
    const auto b = co_await bide::as_result(bide::wait_for(task, 20ms));
    const auto c = co_await bide::as_result(bide::wait_for(bide::create_future<int>(), 20ms));
    const auto d = co_await bide::as_result(bide::wait_for(bide::sleep(1h), 20ms));
    const auto e = co_await bide::as_result(bide::wait_for(bide::wait_for(value_after(1h), 20ms), 1s));
    EXPECT_EQ(a.error(), std::errc::timed_out);
    EXPECT_EQ(b.error(), std::errc::timed_out);
    EXPECT_EQ(c.error(), std::errc::timed_out);
    EXPECT_EQ(d.error(), std::errc::timed_out);
    EXPECT_EQ(e.error(), std::errc::timed_out);
    EXPECT_TRUE(is_timeout(a.exception()) && is_timeout(b.exception()) && is_timeout(c.exception()) &&
                is_timeout(d.exception()) && is_timeout(e.exception()));
    EXPECT_EQ(cancels(), 0u);
    const auto in_time = co_await bide::as_result(bide::wait_for(bide::sleep(1ms, 4), 20ms));
    EXPECT_EQ(*in_time, 4);
    const auto value = co_await bide::as_result(bide::wait_for(bide::create_task(value_after(1ms)), 20ms));
    EXPECT_EQ(*value, 42);
    const auto nothing = co_await bide::as_result(bide::wait_for(bide::sleep(1ms), 20ms));
    EXPECT_TRUE(nothing.has_value());
}

BIDE_TEST(wait_for, as_result_lets_a_cancellation_from_outside_through) {
    for (const int kind : {0, 1, 2}) {
        bool reached = false;
        auto task = bide::create_task([&]() -> bide::coro<void> {
            if (kind == 0) {
                auto r = co_await bide::as_result(bide::wait_for(value_after(1h), 20ms));
                static_cast<void>(r);
            } else if (kind == 1) {
                auto r = co_await bide::as_result(bide::wait_for(bide::create_future<int>(), 20ms));
                static_cast<void>(r);
            } else {
                auto r = co_await bide::as_result(bide::wait_for(bide::sleep(1h), 20ms));
                static_cast<void>(r);
            }
            reached = true;
        });
        co_await bide::sleep(1ms);
        task.cancel();
        const std::string how = co_await outcome(task);
        EXPECT_EQ(how, "cancelled");
        EXPECT_FALSE(reached);
        EXPECT_EQ(timers_left(), 0u);
    }
}

BIDE_TEST(wait_for, nan_is_refused) {
    bool refused = false;
    try {
        co_await bide::wait_for(bide::sleep(1ms), std::chrono::duration<double>(std::nan("")));
    } catch (const std::invalid_argument&) { refused = true; }
    EXPECT_TRUE(refused);
}

BIDE_TEST(wait_for, the_caller_may_be_cancelled_and_so_is_what_it_awaits) {
    auto inner = bide::create_task(value_after(1h));
    auto task = bide::create_task([inner]() -> bide::coro<void> { co_await bide::wait_for(inner, 1h); });
    co_await bide::sleep(1ms);
    task.cancel();
    const std::string how = co_await outcome(task);
    EXPECT_EQ(how, "cancelled");
    EXPECT_TRUE(inner.cancelled());
    EXPECT_EQ(timers_left(), 0u);
}

// --- section 17 ---

BIDE_TEST(section17, s32_wait_for_runs_a_coroutine_inline) {
    const auto self = bide::current_task();
    variable.set(1);
    const auto body = [self]() -> bide::coro<void> {
        EXPECT_EQ(bide::current_task(), self);
        variable.set(2);
        co_return;
    };
    const auto before = bide::all_tasks().size();
    co_await bide::wait_for(body(), 1s);
    EXPECT_EQ(variable.get(), 2);
    EXPECT_EQ(bide::all_tasks().size(), before);
}

BIDE_TEST(section17, s32_wait_for_zero_never_starts_what_it_is_given) {
    for (const auto limit : {0ms, -5ms}) {
        bool started = false;
        const std::string a = co_await outcome(bide::wait_for(note(started), limit));
        EXPECT_EQ(a, "timeout");
        EXPECT_FALSE(started);
        auto task = bide::create_task(note(started));
        const std::string b = co_await outcome(bide::wait_for(task, limit));
        EXPECT_EQ(b, "timeout");
        EXPECT_FALSE(started);
        EXPECT_TRUE(task.cancelled());
        auto future = bide::create_future();
        const std::string c = co_await outcome(bide::wait_for(future, limit));
        EXPECT_EQ(c, "timeout");
        EXPECT_TRUE(future.cancelled());
        const std::string d = co_await outcome(bide::wait_for(bide::sleep(0s), limit));
        EXPECT_EQ(d, "timeout");
        const auto e = co_await bide::as_result(bide::wait_for(note(started), limit));
        EXPECT_EQ(e.error(), std::errc::timed_out);
        const auto f = co_await bide::as_result(bide::wait_for(bide::sleep(0s), limit));
        EXPECT_EQ(f.error(), std::errc::timed_out);
    }
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(section17, s32_wait_for_zero_gives_way_so_that_a_loop_of_them_starves_nobody) {
    bool ran = false;
    bool started = false;
    auto other = bide::create_task([&]() -> bide::coro<void> {
        ran = true;
        co_return;
    });
    for (int i = 0; i < 100 && !ran; ++i) {
        const auto timed_out = co_await bide::as_result(bide::wait_for(note(started), 0s));
        EXPECT_FALSE(timed_out.has_value());
    }
    EXPECT_TRUE(ran);
}

BIDE_TEST(section17, s32_wait_for_zero_is_a_point_of_cancellation) {
    for (const bool future : {true, false}) {
        auto task = bide::create_task([future]() -> bide::coro<void> {
            bool started = false;
            bide::current_task().cancel();
            if (future) {
                co_await bide::wait_for(bide::create_future(), 0s);
            } else {
                co_await bide::wait_for(note(started), 0s);
            }
        });
        const std::string how = co_await outcome(task);
        EXPECT_EQ(how, "cancelled");
    }
}

BIDE_TEST(section17, s32_wait_for_zero_waits_for_the_cancelled_task_and_may_get_its_value) {
    auto task = bide::create_task(cancelled_then(answer::value, 5ms));
    co_await bide::sleep(1ms);
    const int value = co_await bide::wait_for(task, 0s);
    EXPECT_EQ(value, 7);
    EXPECT_EQ(now(), bide::time_point(6ms));
}

BIDE_TEST(section17, s33_a_value_despite_the_cancellation_is_returned) {
    const int inlined = co_await bide::wait_for(cancelled_then(answer::value, 30ms), 20ms);
    EXPECT_EQ(inlined, 7);
    EXPECT_EQ(now(), bide::time_point(50ms));  // longer than the limit, without bound
    const int of_task = co_await bide::wait_for(bide::create_task(cancelled_then(answer::value)), 20ms);
    EXPECT_EQ(of_task, 7);
    const auto as_value =
        co_await bide::as_result(bide::wait_for(bide::create_task(cancelled_then(answer::value)), 20ms));
    EXPECT_EQ(*as_value, 7);
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(section17, s33_a_value_despite_the_cancellation_of_any_awaitable) {
    const int value = co_await bide::wait_for(bide::wait_for(cancelled_then(answer::value, 30ms), 1s), 20ms);
    EXPECT_EQ(value, 7);
    EXPECT_EQ(cancels(), 0u);
    const auto result =
        co_await bide::as_result(bide::wait_for(bide::wait_for(cancelled_then(answer::value), 1s), 20ms));
    EXPECT_EQ(*result, 7);
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(section17, s33_a_failure_during_the_cancellation_propagates) {
    const std::string text = "failed while it was cancelled";
    const std::string inlined = co_await outcome(bide::wait_for(cancelled_then(answer::failure), 20ms));
    EXPECT_EQ(inlined, text);
    const std::string of_task =
        co_await outcome(bide::wait_for(bide::create_task(cancelled_then(answer::failure)), 20ms));
    EXPECT_EQ(of_task, text);
    const auto as_value = co_await bide::as_result(bide::wait_for(cancelled_then(answer::failure), 20ms));
    EXPECT_EQ(bide::describe_exception(as_value.exception()), text);
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}
