// bide/core: run() and runner: results, clean-up, errors that end a loop.
#include <bide/run.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::noted;
using bide_test::report_log;
using bide_test::thrown;

using names = std::vector<std::string>;

bide::coro<int> give(int value) {
    co_await bide::sleep(0s);
    co_return value;
}
bide::coro<int&> refer(int& to) {
    co_await bide::sleep(0s);
    co_return to;
}
bide::coro<void> nothing() { co_await bide::sleep(0s); }
bide::coro<int> fail() {
    co_await bide::sleep(0s);
    throw std::runtime_error("main failed");
}

// --- results ---

TEST(run, returns_the_result) {
    int target = 1;
    EXPECT_EQ(bide::run(give(5)), 5);
    EXPECT_EQ(&bide::run(refer(target)), &target);
    bide::run(nothing());
    EXPECT_EQ(bide::run(give(6), bide::run_options().debug(true)), 6);
    EXPECT_EQ(thrown<std::runtime_error>([] { return bide::run(fail()); }), "main failed");
    const auto owned = []() -> bide::coro<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
    EXPECT_EQ(*bide::run(owned()), 7);
}

TEST(run, takes_every_awaitable) {
    bide::run(bide::sleep(0s));
    EXPECT_EQ(bide::run(bide::sleep(0s, 8)), 8);
    const bide::result<int> failed = bide::run(bide::as_result(fail()));
    EXPECT_FALSE(failed);
}

TEST(run, uses_a_new_loop_each_time_and_closes_it) {
    bide::event_loop* seen = nullptr;
    const auto look = [&]() -> bide::coro<void> {
        seen = &bide::get_running_loop();
        co_return;
    };
    EXPECT_EQ(bide::running_loop(), nullptr);
    bide::run(look());
    EXPECT_NE(seen, nullptr);
    EXPECT_EQ(bide::running_loop(), nullptr);
}

BIDE_TEST(run, inside_a_running_loop_is_refused) {
    auto body = give(1);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return bide::run(std::move(body)); }),
                    "run was called while an event loop runs in this thread", "use co_await or create_task"));
    const int value = co_await std::move(body);  // it was left alone
    EXPECT_EQ(value, 1);
}

TEST(run, the_loop_being_stopped_is_an_error) {
    const auto body = []() -> bide::coro<void> {
        bide::get_running_loop().stop();
        co_await bide::sleep(1h);
    };
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return bide::run(body()), 0; }),
                    "the event loop was stopped before the awaitable was done"));
}

// --- clean-up ---

// Runs `body` on a runner whose loop reports to the log that is returned.
std::string reports_of_run(bide::coro<void> body) {
    bide::runner runner;
    const report_log reports(runner.get_loop());
    runner.run(std::move(body));
    runner.close();
    return reports.text();
}

TEST(section17, s90_run_cancels_the_remaining_tasks_and_waits_for_them) {
    names log;
    const auto straggler = [&](std::string name) -> bide::coro<void> {
        const noted local(log, name + " gone");
        bool cancelled = false;
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) { cancelled = true; }
        co_await bide::sleep(1ms);  // clean-up may take its time
        log.push_back(name + (cancelled ? " cancelled" : " not cancelled"));
    };
    const auto body = [&]() -> bide::coro<void> {
        bide::create_task(straggler("a"));
        bide::create_task(straggler("b"));
        co_await bide::sleep(0s);
        co_await bide::sleep(0s);
    };
    EXPECT_EQ(reports_of_run(body()), "");
    EXPECT_EQ(log.size(), 4U);
    EXPECT_NE(std::find(log.begin(), log.end(), "a cancelled"), log.end());
    EXPECT_NE(std::find(log.begin(), log.end(), "b cancelled"), log.end());
}

// asyncio cancels once and destroys what clean-up code starts; bide cancels that in a further round.
TEST(section17, s90_tasks_that_clean_up_creates_are_cancelled_too) {
    names log;
    const auto late = [&]() -> bide::coro<void> {
        const noted local(log, "late gone");
        co_await bide::sleep(1h);
    };
    const auto body = [&]() -> bide::coro<void> {
        bide::create_task([&]() -> bide::coro<void> {
            const noted local(log, "early gone");
            bool cancelled = false;
            try {
                co_await bide::sleep(1h);
            } catch (const bide::cancelled_error&) { cancelled = true; }
            if (cancelled) bide::create_task(late());
            co_await bide::sleep(0s);
            co_await bide::sleep(0s);
        });
        co_await bide::sleep(0s);
        co_await bide::sleep(0s);
    };
    EXPECT_EQ(reports_of_run(body()), "");
    EXPECT_EQ(log, (names{"early gone", "late gone"}));
}

TEST(run, errors_of_tasks_during_clean_up_are_reported) {
    const auto failing = []() -> bide::coro<void> {
        bool cancelled = false;
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) { cancelled = true; }
        if (cancelled) throw std::runtime_error("clean-up failed");
    };
    const auto body = [&]() -> bide::coro<void> {
        bide::create_task(failing(), bide::task_options().name("sloppy"));
        co_await bide::sleep(0s);
        co_await bide::sleep(0s);
    };
    EXPECT_TRUE(has(reports_of_run(body()), "Unhandled exception during the shutdown of run()", "sloppy",
                    "clean-up failed"));
}

TEST(run, cleans_up_although_main_failed) {
    names log;
    const auto body = [&]() -> bide::coro<void> {
        bide::create_task([&]() -> bide::coro<void> {
            const noted local(log, "gone");
            co_await bide::sleep(1h);
        });
        co_await bide::sleep(0s);
        co_await bide::sleep(0s);
        throw std::runtime_error("main failed");
    };
    EXPECT_EQ(thrown<std::runtime_error>([&] { return bide::run(body()), 0; }), "main failed");
    EXPECT_EQ(log, names{"gone"});
}

TEST(run, a_task_that_will_not_end_is_a_deadlock_and_not_a_hang) {
    const auto stubborn = []() -> bide::coro<void> {
        const auto never = bide::create_future<void>();
        for (;;) {
            try {
                co_await never;
            } catch (const bide::cancelled_error&) {}
            co_await bide::create_future<void>();  // swallows the cancellation and waits for nothing
        }
    };
    const auto body = [&]() -> bide::coro<void> {
        bide::create_task(stubborn(), bide::task_options().name("stubborn"));
        co_await bide::sleep(0s);
        co_await bide::sleep(0s);
    };
    testing::internal::CaptureStderr();
    EXPECT_TRUE(has(thrown<bide::deadlock_error>([&] { return bide::run(body()), 0; }),
                    "task 'stubborn' waits for future"));
    EXPECT_TRUE(
        has(testing::internal::GetCapturedStderr(), "Task was destroyed but it is pending", "stubborn"));
}

// --- keyboard_interrupt and system_exit ---

TEST(run, system_exit_from_a_task_ends_it_and_cleans_up) {
    names log;
    const auto exiting = []() -> bide::coro<void> {
        co_await bide::sleep(0s);
        throw bide::system_exit(3);
    };
    const auto body = [&]() -> bide::coro<void> {
        const noted local(log, "main gone");
        bide::create_task(exiting());
        co_await bide::sleep(1h);
    };
    int code = 0;
    try {
        bide::run(body());
    } catch (const bide::system_exit& e) { code = e.code(); }
    EXPECT_EQ(code, 3);
    EXPECT_EQ(log, names{"main gone"});
}

TEST(run, keyboard_interrupt_from_a_callback_ends_it_and_cleans_up) {
    names log;
    const auto body = [&]() -> bide::coro<void> {
        const noted local(log, "main gone");
        bide::get_running_loop().call_soon([] { throw bide::keyboard_interrupt(); });
        co_await bide::sleep(1h);
    };
    EXPECT_EQ(thrown<bide::keyboard_interrupt>([&] { return bide::run(body()), 0; }),
              "interrupted from the keyboard");
    EXPECT_EQ(log, names{"main gone"});
}

TEST(run, keyboard_interrupt_from_main_is_stored_in_the_task_and_thrown) {
    const auto interrupted = []() -> bide::coro<int> {
        co_await bide::sleep(0s);
        throw bide::keyboard_interrupt();
    };
    EXPECT_EQ(thrown<bide::keyboard_interrupt>([&] { return bide::run(interrupted()); }),
              "interrupted from the keyboard");
}

BIDE_TEST(run, other_exceptions_stay_in_their_task) {
    const auto failing = bide::create_task(fail());
    co_await bide::sleep(1s);
    EXPECT_EQ(bide::describe_exception(failing.exception()), "main failed");
}

TEST(run, the_rest_of_the_turn_runs_in_the_next_run) {
    names log;
    bide::event_loop loop(bide::loop_options().shuffle(0));
    loop.call_soon([] { throw bide::system_exit(1); });
    loop.call_soon([&] { log.emplace_back("after"); });
    EXPECT_EQ(thrown<bide::system_exit>([&] { return loop.run_forever(), 0; }), "exit requested");
    EXPECT_TRUE(log.empty());
    loop.run_until_complete(nothing());
    EXPECT_EQ(log, names{"after"});
}

// --- runner ---

bide::context_var<int> number(0);

bide::coro<int> set_number(int value) {
    const int before = number.get();
    number.set(value);
    co_await bide::sleep(0s);
    co_return before;
}
bide::coro<void> set_number_and_fail(int value) {
    number.set(value);
    throw std::runtime_error("failed after set");
    co_return;
}

TEST(runner, all_runs_share_one_loop_and_one_context) {
    bide::runner runner;
    bide::event_loop* const loop = &runner.get_loop();
    EXPECT_EQ(runner.run(set_number(1)), 0);
    EXPECT_EQ(runner.run(set_number(2)), 1);
    EXPECT_THROW(runner.run(set_number_and_fail(3)), std::runtime_error);
    EXPECT_EQ(runner.run(set_number(4)), 3);  // also what a failed run has set
    EXPECT_EQ(&runner.get_loop(), loop);
    EXPECT_EQ(bide::run(set_number(9)), 0);
}

TEST(runner, the_example_in_the_reference) {
    // [runner]
    bide::runner runner;
    const int first = runner.run(give(1));
    const int second = runner.run(give(2));  // on the same loop
    runner.close();
    // [/runner]
    EXPECT_EQ(first + second, 3);
}

TEST(runner, tasks_live_on_from_run_to_run) {
    bide::runner runner;
    bide::task<int> kept;
    const auto start = [&]() -> bide::coro<void> {
        kept = bide::create_task(give(5));
        co_return;
    };
    const auto finish = [&]() -> bide::coro<int> {
        const int value = co_await kept;
        co_return value;
    };
    runner.run(start());
    EXPECT_EQ(runner.run(finish()), 5);
}

TEST(runner, close_is_idempotent_and_final) {
    bide::runner unused;
    unused.close();
    unused.close();
    bide::runner runner;
    EXPECT_EQ(runner.run(give(1)), 1);
    runner.close();
    runner.close();
    auto body = give(2);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return runner.run(std::move(body)); }),
                    "this runner is closed; make a new one"));
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return &runner.get_loop(); }), "closed"));
    EXPECT_TRUE(body);
    body.close();
}

BIDE_TEST(runner, close_inside_a_running_loop_is_refused_and_works_afterwards) {
    auto runner = std::make_unique<bide::runner>();
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return runner->close(), 0; }),
                    "runner::close was called while an event loop runs"));
    co_return;
}

TEST(runner, loop_factory_makes_the_loop) {
    int made = 0;
    bide::run_options options;
    options.loop_factory([&] {
        ++made;
        return std::make_unique<bide::event_loop>(bide::loop_options().debug(true));
    });
    bide::runner runner(options);
    EXPECT_EQ(made, 0);
    EXPECT_EQ(runner.run(give(1)), 1);
    EXPECT_EQ(runner.run(give(2)), 2);
    EXPECT_EQ(made, 1);
    EXPECT_TRUE(runner.get_loop().get_debug());
    bide::runner broken(bide::run_options().loop_factory([] { return std::unique_ptr<bide::event_loop>(); }));
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return &broken.get_loop(); }), "returned no event loop"));
}

TEST(runner, dropped_without_close_cleans_up) {
    names log;
    {
        bide::runner runner;
        const auto body = [&]() -> bide::coro<void> {
            bide::create_task([&]() -> bide::coro<void> {
                const noted local(log, "gone");
                co_await bide::sleep(1h);
            });
            co_await bide::sleep(0s);
            co_await bide::sleep(0s);
        };
        runner.run(body());
        EXPECT_TRUE(log.empty());
    }
    EXPECT_EQ(log, names{"gone"});
}

// --- run_until_complete ---

TEST(run_until_complete, takes_coroutines_tasks_and_futures) {
    int target = 0;
    bide::event_loop loop;
    EXPECT_EQ(loop.run_until_complete(give(1)), 1);
    EXPECT_EQ(&loop.run_until_complete(refer(target)), &target);
    const auto task = bide::create_task(loop, give(2));
    EXPECT_EQ(loop.run_until_complete(task), 2);
    EXPECT_EQ(loop.run_until_complete(task), 2);
    const auto future = bide::create_future<int>(loop);
    loop.call_soon([future] { future.set_result(3); });
    EXPECT_EQ(loop.run_until_complete(future), 3);
    EXPECT_EQ(thrown<std::runtime_error>([&] { return loop.run_until_complete(fail()); }), "main failed");
}

TEST(run_until_complete, on_a_closed_loop_is_refused) {
    bide::event_loop loop;
    const auto future = bide::create_future<int>(loop);
    loop.close();
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return loop.run_until_complete(give(1)); }),
                    "the event loop is closed; make a new one"));
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return loop.run_until_complete(future); }),
                    "the event loop is closed; make a new one"));
}

}  // namespace
