// bide/core: how an async generator ends: closed, destroyed, cancelled, with its loop.
#include "support/async_test.hpp"

#include <bide/async_generator.hpp>
#include <bide/detail/core/promise.hpp>
#include <bide/timeout.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/core_services.hpp"

namespace {

using namespace std::chrono_literals;
using bide::async_generator;
using bide::coro;
using bide::invalid_state_error;
using log = std::vector<std::string>;

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// Collects what is reported to the running loop.
void keep_reports(log& reports) {
    bide::get_running_loop().set_exception_handler(
        [&reports](bide::event_loop&, const bide::exception_context& what) {
            reports.push_back(what.message +
                              (what.exception ? ": " + bide::describe_exception(what.exception) : ""));
        });
}

// Its clean-up awaits. C++ cannot co_await in a handler, so the handler only notes what is to be done.
// [clean_up]
async_generator<int> numbers(log& out) {
    bool closing = false;
    for (int i = 0; !closing; ++i) {
        try {
            co_yield i;
        } catch (const bide::generator_exit&) { closing = true; }
    }
    co_await bide::sleep(1s);
    out.emplace_back("cleaned up");
}
// [/clean_up]

// Its clean-up does not.
async_generator<int> plain_numbers(log& out) {
    const std::shared_ptr<void> guard(nullptr, [&out](void*) { out.emplace_back("destroyed"); });
    try {
        for (int i = 0;; ++i) {
            co_await bide::sleep(1s);
            co_yield i;
        }
    } catch (const bide::generator_exit&) {
        out.emplace_back("exit");
        throw;
    }
}

// aclose.

BIDE_TEST(async_generator_close, throws_generator_exit_at_the_yield_and_clean_up_may_await) {
    log out;
    auto gen = numbers(out);
    co_await gen.next();
    co_await gen.close();
    EXPECT_EQ(out, log{"cleaned up"});
    EXPECT_TRUE(gen.done());
    auto ended = co_await gen.next();
    EXPECT_EQ(ended, std::nullopt);
    co_await gen.close();  // again: nothing
    EXPECT_EQ(out.size(), 1U);
}

BIDE_TEST(async_generator_close, before_the_start_does_not_run_the_body) {
    log out;
    auto gen = numbers(out);
    co_await gen.close();
    auto ended = co_await gen.next();
    EXPECT_EQ(ended, std::nullopt);
    EXPECT_TRUE(out.empty());
}

async_generator<int> stubborn() {
    for (int i = 0; i < 3; ++i) {
        try {
            co_yield i;
        } catch (const bide::generator_exit&) {}
    }
}

BIDE_TEST(async_generator_close, a_yield_while_being_closed_is_an_error) {
    auto gen = stubborn();
    co_await gen.next();
    std::string text;
    try {
        co_await gen.close();
    } catch (const invalid_state_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "async generator ignored generator_exit")) << text;
    auto next = co_await gen.next();  // as in Python it lives on
    EXPECT_EQ(next, 2);
    auto ended = co_await gen.next();
    EXPECT_EQ(ended, std::nullopt);
}

async_generator<int> fails_to_close() {
    try {
        co_yield 1;
    } catch (const bide::generator_exit&) { throw std::runtime_error("clean-up failed"); }
}

BIDE_TEST(async_generator_close, passes_on_what_the_body_throws_instead) {
    auto gen = fails_to_close();
    co_await gen.next();
    auto closed = co_await bide::as_result(gen.close());
    EXPECT_FALSE(closed);
    EXPECT_TRUE(gen.done());
}

// contextlib.aclosing.

BIDE_TEST(with_aclosing, closes_on_every_way_out_and_gives_the_result) {
    log out;
    const auto first_of = [](async_generator<int>& gen) -> coro<int> {
        int first = co_await bide::anext(gen);
        co_return first;
    };
    int first = co_await bide::with_aclosing(numbers(out), first_of);
    EXPECT_EQ(first, 0);
    EXPECT_EQ(out.size(), 1U);

    // [with_aclosing]
    co_await bide::with_aclosing(numbers(out), [](async_generator<int>& gen) -> coro<void> {
        while (auto x = co_await gen.next()) {
            if (*x == 3) break;
        }
    });
    // [/with_aclosing]
    EXPECT_EQ(out.size(), 2U);

    const auto fail = [](async_generator<int>& gen) -> coro<void> {
        co_await gen.next();
        throw std::domain_error("left by an error");
    };
    auto failed = co_await bide::as_result(bide::with_aclosing(numbers(out), fail));
    EXPECT_FALSE(failed);
    EXPECT_EQ(out.size(), 3U);

    int kept = 0;
    const auto reference = [&kept](async_generator<int>& gen) -> coro<int&> {
        co_await gen.next();
        co_return kept;
    };
    int& same = co_await bide::with_aclosing(numbers(out), reference);
    EXPECT_EQ(&same, &kept);
}

BIDE_TEST(with_aclosing, of_two_errors_one_is_thrown_and_one_reported) {
    log reports;
    keep_reports(reports);
    const auto fail = [](async_generator<int>& gen) -> coro<void> {
        co_await gen.next();
        throw std::domain_error("left by an error");
    };
    std::string text;
    try {
        co_await bide::with_aclosing(fails_to_close(), fail);
    } catch (const std::domain_error& e) { text = e.what(); }
    EXPECT_EQ(text, "left by an error");
    EXPECT_EQ(reports.size(), 1U);
    EXPECT_TRUE(!reports.empty() && has(reports[0], "clean-up failed"));
}

// 91. Leaving a loop early. Here destroying the generator ends it at once and in the same task, as far as that goes
// without awaiting.

BIDE_TEST(section17, s91_a_generator_that_is_left_early_ends_at_once_in_the_same_task) {
    log out;
    {
        auto gen = plain_numbers(out);
        while (auto x = co_await gen.next()) {
            if (*x == 2) break;
        }
        out.emplace_back("left the loop");
    }
    EXPECT_EQ(out, (log{"left the loop", "exit", "destroyed"}));
}

BIDE_TEST(section17, s91_clean_up_that_must_await_is_reported_when_the_generator_is_destroyed) {
    log out;
    log reports;
    keep_reports(reports);
    {
        auto gen = numbers(out);
        co_await gen.next();
    }
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(reports.size(), 1U);
    EXPECT_TRUE(!reports.empty() && has(reports[0], "with_aclosing()")) << reports[0];
    co_await bide::sleep(1ms);  // the task can still await
}

BIDE_TEST(async_generator_drop, not_started_or_ended_is_silent) {
    log out;
    { auto gen = numbers(out); }
    {
        auto gen = numbers(out);
        co_await gen.next();
        co_await gen.close();
    }
    EXPECT_EQ(out.size(), 1U);
}

BIDE_TEST(async_generator_drop, allow_drop_runs_destructors_only) {
    log out;
    {
        auto gen = plain_numbers(out).allow_drop();
        co_await gen.next();
        auto silent = numbers(out);
        silent.allow_drop();
        co_await silent.next();
    }
    EXPECT_EQ(out, log{"destroyed"});
}

BIDE_TEST(async_generator_drop, an_error_and_a_yield_are_reported) {
    log reports;
    keep_reports(reports);
    {
        auto gen = fails_to_close();
        co_await gen.next();
    }
    EXPECT_TRUE(reports.size() == 1 && has(reports[0], "clean-up failed"));
    {
        auto gen = stubborn();
        co_await gen.next();
    }
    EXPECT_TRUE(reports.size() == 2 && has(reports[1], "ignored generator_exit"));
}

BIDE_TEST(async_generator_drop, during_an_operation_lets_it_end_first) {
    log out;
    std::optional<async_generator<int>> gen(plain_numbers(out));
    const auto take = [](async_generator<int>& from) -> coro<std::optional<int>> {
        co_return co_await from.next();
    };
    auto busy = bide::create_task(take(*gen));
    co_await bide::sleep(10ms);
    gen.reset();
    EXPECT_TRUE(out.empty());
    auto value = co_await busy;
    EXPECT_EQ(value, 0);
    EXPECT_EQ(out, (log{"exit", "destroyed"}));
}

BIDE_TEST(async_generator_drop, by_its_own_body_lets_the_operation_end_first) {
    std::optional<async_generator<int>> gen;
    const auto suicidal = [](std::optional<async_generator<int>>& self) -> async_generator<int> {
        self.reset();
        co_await bide::sleep(1ms);
        co_yield 1;
    };
    gen.emplace(suicidal(gen));
    auto step = gen->next();
    auto value = co_await std::move(step);
    EXPECT_EQ(value, 1);
}

// Cancellation inside an async generator.

BIDE_TEST(async_generator_cancel, is_thrown_at_its_await_and_ends_it) {
    log out;
    auto gen = plain_numbers(out);
    const auto take = [](async_generator<int>& from) -> coro<void> { co_await from.next(); };
    auto busy = bide::create_task(take(gen));
    co_await bide::sleep(10ms);
    busy.cancel();
    try {
        co_await busy;
    } catch (const bide::cancelled_error&) { out.emplace_back("cancelled"); }
    EXPECT_EQ(out, (log{"destroyed", "cancelled"}));
    EXPECT_TRUE(gen.done());
    auto ended = co_await gen.next();
    EXPECT_EQ(ended, std::nullopt);
}

BIDE_TEST(async_generator_cancel, may_be_caught_inside) {
    const auto tough = []() -> async_generator<std::string> {
        std::string state = "slept";
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) { state = "caught"; }
        co_yield state;
    };
    auto gen = tough();
    const auto take = [](async_generator<std::string>& from) -> coro<std::string> {
        co_return co_await bide::anext(from);
    };
    auto busy = bide::create_task(take(gen));
    co_await bide::sleep(10ms);
    busy.cancel();
    std::string state = co_await busy;
    EXPECT_EQ(state, "caught");
    co_await gen.close();
}

BIDE_TEST(async_generator_cancel, a_timeout_around_next_ends_it) {
    log out;
    auto gen = plain_numbers(out);
    auto first = co_await bide::wait_for(gen.next(), 2s);
    EXPECT_EQ(first, 0);
    bool late = false;
    try {
        co_await bide::wait_for(gen.next(), 100ms);
    } catch (const bide::timeout_error&) { late = true; }
    EXPECT_TRUE(late);
    EXPECT_TRUE(gen.done());
}

TEST(async_generator_cancel, in_every_turn_leaves_nothing_behind) {
    log out;
    const auto body = [&out]() -> coro<void> {
        out.clear();
        const auto read = [](async_generator<int>& gen) -> coro<void> {
            for (int i = 0; i < 3; ++i) {
                co_await gen.next();
                co_await bide::sleep(1ms);
            }
        };
        co_await bide::with_aclosing(numbers(out), read);
        auto plain = plain_numbers(out);
        while (auto x = co_await plain.next()) {
            co_await bide::sleep(1ms);
            if (*x == 2) break;
        }
    };
    EXPECT_GT(bide::testing::cancel_everywhere(body), 8U);
}

// loop hooks, shutdown_asyncgens.

// A last step of run()'s clean-up, after the generators have been closed.
template <class F>
void at_shutdown(F step) {
    bide::detail::services_of(bide::get_running_loop()).at_shutdown.emplace_back([step]() -> coro<void> {
        step();
        co_return;
    });
}

TEST(async_generator_shutdown, run_closes_what_is_left_newest_first_before_other_clean_up) {
    log out;
    std::vector<async_generator<int>> kept;  // by nobody that runs
    bide::testing::run_test([&]() -> coro<void> {
        at_shutdown([&] {
            out.emplace_back("executor joined");
            EXPECT_TRUE(kept[0].done());
            EXPECT_FALSE(kept[4].done());
            kept.clear();
        });
        for (int i = 0; i < 2; ++i) {
            kept.push_back(numbers(out));
            kept.push_back(plain_numbers(out));
        }
        for (auto& each : kept) co_await each.next();
        auto ended = numbers(out);
        co_await ended.next();
        co_await ended.close();
        out.clear();
        kept.push_back(numbers(out));  // never started
    });
    EXPECT_EQ(out,
              (log{"exit", "destroyed", "exit", "destroyed", "cleaned up", "cleaned up", "executor joined"}));
}

TEST(async_generator_shutdown, an_inner_generator_is_closed_before_the_outer_one_drops_it) {
    log out;
    const auto outer = [](async_generator<int> inner) -> async_generator<int> {
        while (auto x = co_await inner.next()) co_yield *x;
    };
    std::optional<async_generator<int>> kept;
    bide::testing::run_test([&]() -> coro<void> {
        at_shutdown([&] { kept.reset(); });
        kept.emplace(outer(numbers(out)));
        co_await kept->next();
    });
    EXPECT_EQ(out, log{"cleaned up"});  // and no report
}

BIDE_TEST(async_generator_shutdown, reports_errors_and_late_starters) {
    log out;
    log reports;
    keep_reports(reports);
    auto good = numbers(out);
    auto bad = fails_to_close();
    auto busy = plain_numbers(out);
    co_await good.next();
    co_await bad.next();
    const auto take = [](async_generator<int>& from) -> coro<void> { co_await from.next(); };
    auto task = bide::create_task(take(busy));
    co_await bide::sleep(10ms);
    co_await bide::shutdown_asyncgens();
    EXPECT_EQ(out, log{"cleaned up"});
    EXPECT_EQ(reports.size(), 2U);
    for (const std::string& each : reports) {
        EXPECT_TRUE(has(each, "already running") || has(each, "clean-up failed")) << each;
    }
    co_await task;
    auto late = plain_numbers(out);
    co_await late.next();
    const std::size_t warned = BIDE_CHECKED != 0 ? 3 : 2;
    EXPECT_EQ(reports.size(), warned);
    co_await busy.close();
    co_await late.close();
}

TEST(async_generator_shutdown, a_loop_that_is_closed_in_the_middle_destroys_every_frame) {
    log out;
    const std::int64_t before = bide::detail::live_frames;
    {
        std::optional<async_generator<int>> shared(plain_numbers(out));
        async_generator<int> outside = plain_numbers(out);
        async_generator<int> paused = plain_numbers(out);
        bide::event_loop loop;
        const auto take = [](async_generator<int>& from) -> coro<void> { co_await from.next(); };
        const auto own = [](async_generator<int> mine) -> coro<void> {
            co_await mine.next();
            co_await bide::sleep(1h);
        };
        const auto delegate = [](async_generator<int> inner) -> async_generator<int> {
            while (auto x = co_await inner.next()) co_yield *x;
        };
        const auto skip = []() -> async_generator<int> {
            co_yield 1;
            co_yield 2;
        };
        auto a = bide::create_task(loop, take(*shared));
        auto b = bide::create_task(loop, take(outside));
        auto c = bide::create_task(loop, own(delegate(plain_numbers(out))));
        auto d = bide::create_task(loop, own(skip()));
        loop.call_later(0ms, [&] {
            shared.reset();
            loop.stop();
        });
        loop.run_forever();
        testing::internal::CaptureStderr();
        loop.close();
        const std::string text = testing::internal::GetCapturedStderr();
        EXPECT_FALSE(has(text, "async generator")) << text;  // a report for each task, none for generators
        EXPECT_TRUE(outside.done());
    }
    EXPECT_EQ(bide::detail::live_frames, before);
}

// 93. A yield inside a timeout or task group breaks their scoping: here the body of either is a coroutine of its own,
// and a coroutine cannot yield. See also compile_fail/yield_in_scope.cpp.

template <class Coroutine>
concept can_yield = requires(typename Coroutine::promise_type& promise) { promise.yield_value(1); };

TEST(section17, s93_a_yield_inside_the_body_of_a_scope_does_not_compile) {
    static_assert(can_yield<async_generator<int>>);
    static_assert(!can_yield<coro<int>> && !can_yield<coro<void>>);
}

}  // namespace
