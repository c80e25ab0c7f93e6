// bide/core: tests of with_timeout, with_timeout_at and the scope they hand out. wait_for: wait_for_test.cpp.
#include "support/async_test.hpp"
#include "support/outcome.hpp"

#include <bide/timeout.hpp>

#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>

#include "loop/loop_core.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::in_order;
using bide_test::outcome;

std::size_t timers_left() { return bide::get_running_loop().core().timers.size(); }
std::size_t cancels() { return bide::current_task().cancelling(); }
bide::time_point now() { return bide::get_running_loop().time(); }

bide::coro<int> value_after(std::chrono::milliseconds delay, int value = 42) {
    co_await bide::sleep(delay);
    co_return value;
}

// No coroutine: it throws before there is one.
bide::coro<int> refuse_at_once() { throw std::runtime_error("at once"); }

// Ignores every cancellation until `delay` has passed.
bide::coro<int> stubborn(std::chrono::milliseconds delay) {
    const auto end = now() + delay;
    while (now() < end) {
        try {
            co_await bide::sleep(end - now());
        } catch (const bide::cancelled_error&) {}
    }
    co_return 7;
}

}  // namespace

BIDE_TEST(timeout, a_body_in_time_gives_its_value_and_leaves_no_timer) {
    const int value = co_await bide::with_timeout(1s, [](bide::timeout& scope) -> bide::coro<int> {
        EXPECT_FALSE(scope.expired());
        EXPECT_EQ(timers_left(), 1u);
        const int inner = co_await value_after(10ms);
        co_return inner + 1;
    });
    EXPECT_EQ(value, 43);
    EXPECT_EQ(timers_left(), 0u);
    EXPECT_EQ(now(), bide::time_point(10ms));
}

BIDE_TEST(timeout, as_in_the_reference) {
    const auto connect = [] { return bide::sleep(1s); };
    const auto download = [] { return bide::sleep(9s, std::string("text")); };
    // [with_timeout]
    std::string text = co_await bide::with_timeout(2s, [&](bide::timeout& scope) -> bide::coro<std::string> {
        co_await connect();
        scope.reschedule(bide::get_running_loop().time() + 10s);  // what follows may take longer
        co_return co_await download();
    });
    // [/with_timeout]
    EXPECT_EQ(text, "text");
}

BIDE_TEST(timeout, the_body_need_not_take_the_scope) {
    const int value = co_await bide::with_timeout(1s, [] { return value_after(1ms); });
    EXPECT_EQ(value, 42);
}

BIDE_TEST(timeout, a_late_body_is_cancelled_at_its_await) {
    bool saw_cancel = false;
    const std::string how = co_await outcome(bide::with_timeout(20ms, [&]() -> bide::coro<void> {
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) {
            saw_cancel = true;
            throw;
        }
    }));
    EXPECT_EQ(how, "timeout");
    EXPECT_TRUE(saw_cancel);
    EXPECT_EQ(now(), bide::time_point(20ms));
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);  // nothing of the cancellation is left
}

BIDE_TEST(timeout, when_is_the_deadline_and_expired_tells_that_it_fired) {
    co_await bide::sleep(5ms);
    co_await bide::with_timeout(20ms, [](bide::timeout& scope) -> bide::coro<void> {
        EXPECT_EQ(scope.when(), bide::time_point(25ms));
        EXPECT_FALSE(scope.expired());
        const int value = co_await stubborn(30ms);
        EXPECT_EQ(value, 7);
        EXPECT_TRUE(scope.expired());
        EXPECT_EQ(scope.when(), bide::time_point(25ms));
    });
}

BIDE_TEST(timeout, at_a_moment_of_the_clock) {
    const auto when = now() + 20ms;
    const auto body = [&](bide::timeout& scope) -> bide::coro<void> {
        EXPECT_EQ(scope.when(), when);
        co_await bide::sleep(1h);
    };
    const std::string how = co_await outcome(bide::with_timeout_at(when, body));
    EXPECT_EQ(how, "timeout");
    EXPECT_EQ(now(), when);
    const int in_time = co_await bide::with_timeout_at(when + 1s, [] { return value_after(1ms); });
    EXPECT_EQ(in_time, 42);
}

BIDE_TEST(timeout, no_deadline_never_fires) {
    const auto body = [](bide::timeout& scope) -> bide::coro<int> {
        EXPECT_FALSE(scope.when().has_value());
        const int value = co_await value_after(100ms);
        EXPECT_FALSE(scope.expired());
        co_return value;
    };
    const int a = co_await bide::with_timeout(std::nullopt, body);
    const int b = co_await bide::with_timeout_at(std::nullopt, body);
    const std::optional<std::chrono::seconds> none;
    const int c = co_await bide::with_timeout(none, body);
    EXPECT_EQ(a + b + c, 3 * 42);
}

BIDE_TEST(timeout, a_deadline_beyond_the_clock_never_fires) {
    const int a = co_await bide::with_timeout(std::chrono::hours::max(), [] { return value_after(100ms); });
    const int b = co_await bide::with_timeout(std::numeric_limits<double>::infinity() * 1s,
                                              [] { return value_after(1ms); });
    EXPECT_EQ(a + b, 2 * 42);
}

BIDE_TEST(timeout, nan_is_refused) {
    bool refused = false;
    try {
        co_await bide::with_timeout(std::chrono::duration<double>(std::nan("")),
                                    [] { return value_after(1ms); });
    } catch (const std::invalid_argument&) { refused = true; }
    EXPECT_TRUE(refused);
}

BIDE_TEST(timeout, the_error_names_the_time_and_what_was_waited_for) {
    std::string text;
    try {
        co_await bide::with_timeout(1500ms, [] { return value_after(1h); });
    } catch (const bide::timeout_error& error) {
        text = error.what();
        EXPECT_EQ(error.code(), std::errc::timed_out);
    }
    EXPECT_NE(text.find("timed out after 1.5 s, waiting for sleep at "), std::string::npos) << text;
    EXPECT_NE(text.find("timeout_test.cpp:"), std::string::npos) << text;
}

BIDE_TEST(timeout, as_result_gives_the_error_as_a_value) {
    const auto late = co_await bide::as_result(bide::with_timeout(20ms, [] { return value_after(1h); }));
    EXPECT_EQ(late.error(), std::errc::timed_out);
    bool is_timeout = false;
    try {
        std::rethrow_exception(late.exception());
    } catch (const bide::timeout_error&) { is_timeout = true; }
    EXPECT_TRUE(is_timeout);
    const auto in_time = co_await bide::as_result(bide::with_timeout(20ms, [] { return value_after(1ms); }));
    EXPECT_TRUE(in_time.has_value());
    const auto nothing =
        co_await bide::as_result(bide::with_timeout(20ms, []() -> bide::coro<void> { co_return; }));
    EXPECT_TRUE(nothing.has_value());
    const auto failed = co_await bide::as_result(bide::with_timeout(20ms, []() -> bide::coro<int> {
        co_await bide::sleep(0s);
        throw std::invalid_argument("odd");
    }));
    EXPECT_EQ(failed.error(), std::errc::invalid_argument);
}

BIDE_TEST(timeout, values_that_only_move_and_references_pass_through) {
    auto body = [p = std::make_unique<int>(5)]() mutable -> bide::coro<std::unique_ptr<int>> {
        co_await bide::sleep(1ms);
        co_return std::move(p);
    };
    const std::unique_ptr<int> value = co_await bide::with_timeout(1s, std::move(body));
    EXPECT_EQ(*value, 5);
    int target = 1;
    const auto refer = [&]() -> bide::coro<int&> {
        co_await bide::sleep(1ms);
        co_return target;
    };
    int& reference = co_await bide::with_timeout(1s, refer);
    EXPECT_EQ(&reference, &target);
}

BIDE_TEST(timeout, the_bodys_captures_live_until_its_coroutine_has_ended) {
    auto text = std::make_shared<std::string>("captured");
    auto body = [text]() -> bide::coro<std::size_t> {
        co_await bide::sleep(10ms);
        co_return text->size();
    };
    auto scope = bide::with_timeout(1s, std::move(body));
    text.reset();
    const std::size_t size = co_await std::move(scope);
    EXPECT_EQ(size, 8u);
}

BIDE_TEST(timeout, a_body_that_throws_before_it_gives_a_coroutine_leaves_no_timer) {
    const std::string how = co_await outcome(bide::with_timeout(1s, [] { return refuse_at_once(); }));
    EXPECT_EQ(how, "at once");
    EXPECT_EQ(timers_left(), 0u);
}

BIDE_TEST(timeout, works_in_a_task_and_in_several_at_once) {
    std::vector<bide::task<std::string>> tasks;
    for (int i = 0; i < 10; ++i) {
        const auto body = [i]() -> bide::coro<std::string> {
            const std::string how = co_await outcome(
                bide::with_timeout(50ms, [i] { return value_after(std::chrono::milliseconds(10 * i + 5)); }));
            co_return how;
        };
        tasks.push_back(bide::create_task(body));
    }
    for (int i = 0; i < 10; ++i) {
        const std::string how = co_await tasks[static_cast<std::size_t>(i)];
        EXPECT_EQ(how, i < 5 ? "value" : "timeout") << i;
    }
}

// --- section 17; 20, 21 and 23 are in cancel_test.cpp ---

BIDE_TEST(section17, s22_a_swallowed_cancellation_makes_an_enclosing_scope_misjudge) {
    auto task = bide::create_task([]() -> bide::coro<std::string> {
        const std::string how = co_await outcome(bide::with_timeout(20ms, []() -> bide::coro<void> {
            try {
                co_await bide::sleep(10ms);
            } catch (const bide::cancelled_error&) {  // and no uncancel()
            }
            co_await bide::sleep(1h);
        }));
        co_return how;
    });
    co_await bide::sleep(5ms);
    task.cancel();
    const std::string how = co_await task;
    EXPECT_EQ(how, "cancelled");
}

BIDE_TEST(section17, s27_with_an_external_cancel_in_flight_the_cancellation_wins) {
    for (const bool external_first : {true, false}) {
        auto task = bide::create_task(
            []() -> bide::coro<void> { co_await bide::with_timeout(20ms, [] { return value_after(1h); }); });
        const auto external = [&] { task.cancel("from outside"); };
        if (external_first) bide::get_running_loop().call_at(now() + 20ms, external);
        co_await bide::sleep(0s);
        if (!external_first) bide::get_running_loop().call_at(now() + 20ms, external);
        const std::string how = co_await outcome(task);
        EXPECT_EQ(how, "cancelled");
        EXPECT_TRUE(task.cancelled());
        EXPECT_EQ(task.cancelling(), 1u);
    }
}

BIDE_TEST(section17, s27_inside_the_clean_up_of_a_cancelled_task_a_scope_converts_all_the_same) {
    auto task = bide::create_task([]() -> bide::coro<std::string> {
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) {}
        EXPECT_EQ(cancels(), 1u);
        const std::string how = co_await outcome(bide::with_timeout(20ms, [] { return value_after(1h); }));
        EXPECT_EQ(cancels(), 1u);
        co_await bide::sleep(1ms);
        co_return how;
    });
    co_await bide::sleep(1ms);
    task.cancel();
    const std::string how = co_await task;
    EXPECT_EQ(how, "timeout");
}

BIDE_TEST(section17, s27_a_cancel_that_was_requested_before_entry_is_external) {
    auto task = bide::create_task([]() -> bide::coro<void> {
        bide::current_task().cancel();
        // What it waits for takes until after the deadline to end.
        co_await bide::with_timeout(10ms, []() -> bide::coro<void> {
            std::exception_ptr error;
            try {
                co_await bide::sleep(0s);
            } catch (const bide::cancelled_error&) { error = std::current_exception(); }
            co_await stubborn(20ms);
            std::rethrow_exception(error);
        });
    });
    const std::string how = co_await outcome(task);
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(task.cancelling(), 1u);
}

BIDE_TEST(section17, s28_of_nested_scopes_that_expire_together_only_the_outermost_throws) {
    std::string inner_how;
    bool inner_expired = false;
    bool outer_expired = false;
    const auto when = now() + 20ms;
    const std::string how =
        co_await outcome(bide::with_timeout_at(when, [&](bide::timeout& outer) -> bide::coro<void> {
            std::exception_ptr error;
            try {
                co_await bide::with_timeout_at(when, [&](bide::timeout& inner) -> bide::coro<void> {
                    try {
                        co_await bide::sleep(1h);
                    } catch (...) {
                        inner_expired = inner.expired();
                        throw;
                    }
                });
            } catch (const bide::timeout_error&) {
                inner_how = "timeout";
            } catch (const bide::cancelled_error&) {
                inner_how = "cancelled";
                error = std::current_exception();
            }
            outer_expired = outer.expired();
            if (error) std::rethrow_exception(error);
        }));
    EXPECT_EQ(inner_how, "cancelled");
    EXPECT_EQ(how, "timeout");
    EXPECT_TRUE(inner_expired);
    EXPECT_TRUE(outer_expired);
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(section17, s28_the_outer_scope_first_the_inner_lets_the_cancellation_pass) {
    bool inner_expired = true;
    const std::string how = co_await outcome(bide::with_timeout(20ms, [&]() -> bide::coro<void> {
        co_await bide::with_timeout(1s, [&](bide::timeout& inner) -> bide::coro<void> {
            try {
                co_await bide::sleep(1h);
            } catch (...) {
                inner_expired = inner.expired();
                throw;
            }
        });
    }));
    EXPECT_EQ(how, "timeout");
    EXPECT_FALSE(inner_expired);
    EXPECT_EQ(timers_left(), 0u);
}

BIDE_TEST(section17, s28_the_inner_scope_first_throws_inside_the_outer) {
    const std::string how = co_await bide::with_timeout(1s, []() -> bide::coro<std::string> {
        const std::string inner = co_await outcome(bide::with_timeout(20ms, [] { return value_after(1h); }));
        co_await bide::sleep(1ms);
        co_return inner;
    });
    EXPECT_EQ(how, "timeout");
}

BIDE_TEST(section17, s29_the_error_is_thrown_on_leaving_so_the_body_cannot_catch_it) {
    bool inside = false;
    const std::string how = co_await outcome(bide::with_timeout(20ms, [&]() -> bide::coro<void> {
        try {
            co_await bide::sleep(1h);
        } catch (const bide::timeout_error&) { inside = true; }
    }));
    EXPECT_EQ(how, "timeout");
    EXPECT_FALSE(inside);
}

BIDE_TEST(section17, s30_another_exception_of_the_body_propagates) {
    const std::string how = co_await outcome(bide::with_timeout(20ms, []() -> bide::coro<void> {
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) { throw std::runtime_error("while being timed out"); }
    }));
    EXPECT_EQ(how, "while being timed out");
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(section17, s30_a_body_that_ends_normally_gives_its_value) {
    const int value = co_await bide::with_timeout(20ms, [] { return stubborn(50ms); });
    EXPECT_EQ(value, 7);
    EXPECT_EQ(now(), bide::time_point(50ms));
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(section17, s31_zero_does_not_fire_without_a_suspension) {
    const int value = co_await bide::with_timeout(0s, []() -> bide::coro<int> { co_return 5; });
    EXPECT_EQ(value, 5);
    const int later = co_await bide::with_timeout(-1s, []() -> bide::coro<int> { co_return 6; });
    EXPECT_EQ(later, 6);
    co_await bide::sleep(0s);
    co_await bide::sleep(1ms);
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST_WITH(section17, s31_zero_fires_at_the_first_suspension, in_order()) {
    for (const auto delay : {0s, -1s}) {
        int steps = 0;
        const std::string how = co_await outcome(bide::with_timeout(delay, [&]() -> bide::coro<void> {
            ++steps;
            co_await bide::sleep(0s);
            ++steps;
        }));
        EXPECT_EQ(how, "timeout");
        EXPECT_EQ(steps, 1);
    }
}

BIDE_TEST(section17, s35_reschedule_moves_the_deadline) {
    const int value = co_await bide::with_timeout(20ms, [](bide::timeout& scope) -> bide::coro<int> {
        scope.reschedule(now() + 100ms);
        EXPECT_EQ(scope.when(), bide::time_point(100ms));
        const int inner = co_await value_after(50ms);
        co_return inner;
    });
    EXPECT_EQ(value, 42);
    const auto start = now();
    const std::string how =
        co_await outcome(bide::with_timeout(1s, [](bide::timeout& scope) -> bide::coro<void> {
            scope.reschedule(now() + 5ms);
            co_await bide::sleep(1h);
        }));
    EXPECT_EQ(how, "timeout");
    EXPECT_EQ(now() - start, 5ms);
}

BIDE_TEST(section17, s35_reschedule_sets_and_clears) {
    const int value = co_await bide::with_timeout(20ms, [](bide::timeout& scope) -> bide::coro<int> {
        scope.reschedule(std::nullopt);
        EXPECT_FALSE(scope.when().has_value());
        EXPECT_EQ(timers_left(), 0u);
        const int inner = co_await value_after(1h);
        co_return inner;
    });
    EXPECT_EQ(value, 42);
    const std::string how =
        co_await outcome(bide::with_timeout(std::nullopt, [](bide::timeout& scope) -> bide::coro<void> {
            scope.reschedule(now() + 5ms);
            co_await bide::sleep(1h);
        }));
    EXPECT_EQ(how, "timeout");
}

BIDE_TEST_WITH(section17, s35_a_past_deadline_fires_in_the_next_turn, in_order()) {
    int steps = 0;
    co_await bide::sleep(10ms);
    const std::string how =
        co_await outcome(bide::with_timeout(1s, [&](bide::timeout& scope) -> bide::coro<void> {
            scope.reschedule(now() - 5ms);
            EXPECT_FALSE(scope.expired());
            ++steps;
            co_await bide::sleep(0s);
            ++steps;
        }));
    EXPECT_EQ(how, "timeout");
    EXPECT_EQ(steps, 1);
}

BIDE_TEST(section17, s35_reschedule_after_it_fired_throws) {
    bool refused = false;
    const std::string how =
        co_await outcome(bide::with_timeout(5ms, [&](bide::timeout& scope) -> bide::coro<void> {
            std::exception_ptr error;
            try {
                co_await bide::sleep(1h);
            } catch (const bide::cancelled_error&) { error = std::current_exception(); }
            try {
                scope.reschedule(now() + 1h);
            } catch (const bide::invalid_state_error&) { refused = true; }
            std::rethrow_exception(error);
        }));
    EXPECT_EQ(how, "timeout");
    EXPECT_TRUE(refused);
}
