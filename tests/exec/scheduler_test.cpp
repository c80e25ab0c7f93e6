// bide/exec: tests of tasks that take turns by hand.
// bide-test: no-shuffle
#include "support/async_test.hpp"
#include "support/expect.hpp"

#include <bide/scheduler.hpp>
#include <bide/to_thread.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "os/backend.hpp"
#include "testing/test_backend.hpp"

namespace {

using namespace std::chrono_literals;
using bide::coro;
using bide::scheduler;
using bide::task;
using bide_test::has;
using log_t = std::vector<std::string>;

// Its clock is virtual: sleeping takes no time.
bide::run_options virtual_time() {
    return bide::run_options().loop_factory([] {
        auto real = bide::detail::choose_backend(bide::detail::backend_kind::automatic);
        auto backend = std::make_unique<bide::detail::test_backend>(std::move(real.chosen), true);
        auto* const kept = backend.get();
        auto loop = std::make_unique<bide::event_loop>(std::move(backend), bide::loop_options().shuffle(0));
        kept->attach(loop->state());
        return loop;
    });
}

// [example]
coro<void> player(scheduler& table, std::string name, task<void>& next, std::vector<std::string>& log) {
    for (int round = 1; round <= 2; ++round) {
        log.push_back(name + std::to_string(round));
        co_await table.switch_to(next);  // pauses this one, runs the other at once
    }
}

TEST(scheduler, tasks_take_turns_by_hand) {
    std::vector<std::string> log;
    scheduler table;
    task<void> ann;
    task<void> bob;
    task<void> eve;
    ann = table.start_new_task(player(table, "ann", bob, log));
    bob = table.start_new_task(player(table, "bob", eve, log));
    eve = table.start_new_task(player(table, "eve", ann, log));
    table.run();  // until everybody is done or paused
    EXPECT_EQ(log, (std::vector<std::string>{"ann1", "bob1", "eve1", "ann2", "bob2", "eve2"}));
    // Ann was switched to last: she is done, and the others are paused after their last move.
    EXPECT_TRUE(ann.done());
    EXPECT_TRUE(table.resume_task(bob));
    EXPECT_TRUE(table.resume_task(eve));
    table.run();
    EXPECT_TRUE(bob.done() && eve.done());
}
// [/example]

TEST(scheduler, new_tasks_run_in_the_order_in_which_they_were_started) {
    log_t log;
    scheduler s;
    for (const char* const name : {"a", "b", "c"}) {
        s.start_new_task(
            [](log_t& to, std::string text) -> coro<void> {
                to.push_back(text + "1");
                co_await bide::sleep(0s);
                to.push_back(text + "2");
            },
            std::ref(log), std::string(name));
    }
    EXPECT_TRUE(log.empty());  // not inside start_new_task
    s.run();
    EXPECT_EQ(log, (log_t{"a1", "b1", "c1", "a2", "b2", "c2"}));
}

TEST(scheduler, a_switch_goes_before_everybody_who_is_ready) {
    log_t log;
    scheduler s;
    task<void> last;
    auto note = [](log_t& to, std::string text) -> coro<void> {
        to.push_back(std::move(text));
        co_return;
    };
    auto first = s.start_new_task([&]() -> coro<void> {
        log.push_back("first");
        co_await s.switch_to(last);
        log.push_back("never resumed");
    });
    s.start_new_task(note, std::ref(log), std::string("between"));
    last = s.start_new_task(note, std::ref(log), std::string("last"));
    s.run();
    EXPECT_EQ(log, (log_t{"first", "last", "between"}));
    EXPECT_FALSE(first.done());
}

TEST(scheduler, a_resumed_task_runs_behind_those_that_are_ready) {
    log_t log;
    scheduler s;
    auto sleeper = s.start_new_task([&]() -> coro<void> {
        co_await s.pause();
        log.push_back("resumed");
    });
    s.start_new_task([&]() -> coro<void> {
        log.push_back("before");
        EXPECT_TRUE(s.resume_task(sleeper));
        EXPECT_FALSE(s.resume_task(sleeper));  // ready already
        log.push_back("after");
        co_return;
    });
    s.start_new_task([&]() -> coro<void> {
        log.push_back("ready");
        co_return;
    });
    s.run();
    EXPECT_EQ(log, (log_t{"before", "after", "ready", "resumed"}));
    EXPECT_FALSE(s.resume_task(sleeper));  // done
}

TEST(scheduler, two_tasks_may_switch_a_million_times) {
    scheduler s;
    int switches = 0;
    task<void> a;
    task<void> b;
    const auto play = [&](task<void>& other) -> coro<void> {
        task<void>& next = other;
        while (switches < 1'000'000) {
            ++switches;
            co_await s.switch_to(next);
        }
    };
    a = s.start_new_task(play, std::ref(b));
    b = s.start_new_task(play, std::ref(a));
    s.run();
    EXPECT_EQ(switches, 1'000'000);
}

TEST(scheduler, results_and_exceptions_stay_in_their_tasks) {
    scheduler s;
    const auto good = s.start_new_task([]() -> coro<int> { co_return 5; });
    const auto bad = s.start_new_task([]() -> coro<int> {
        co_await bide::sleep(0s);
        throw std::out_of_range("far");
    });
    s.run();
    EXPECT_EQ(good.result(), 5);
    EXPECT_THROW(bad.result(), std::out_of_range);
}

TEST(scheduler, run_waits_for_sleeping_tasks_but_not_for_paused_ones) {
    scheduler s(virtual_time());
    log_t log;
    const auto start = s.loop().time();
    s.start_new_task([&]() -> coro<void> {
        co_await bide::sleep(2h);
        log.push_back("slept");
    });
    auto paused = s.start_new_task([&]() -> coro<void> { co_await s.pause(); });
    auto waits_for_paused = s.start_new_task([&]() -> coro<void> { co_await paused; });
    s.run();
    EXPECT_EQ(log, log_t{"slept"});
    EXPECT_EQ(s.loop().time() - start, 2h);
    EXPECT_FALSE(paused.done());
    s.resume_task(paused);
    s.run();
    EXPECT_TRUE(waits_for_paused.done());
    s.run();  // nothing to do
}

TEST(scheduler, tasks_await_everything_that_tasks_await) {
    scheduler s;
    const auto sum = s.start_new_task([]() -> coro<int> {
        const int a = co_await bide::to_thread([] { return 20; });
        auto child = bide::create_task([]() -> coro<int> { co_return 22; });
        const int b = co_await child;
        co_return a + b;
    });
    s.run();
    EXPECT_EQ(sum.result(), 42);
}

// A loop of one's own, such as a game's: one step for everybody who is ready in each frame, never waiting.
TEST(scheduler, run_once_gives_each_ready_task_one_step) {
    scheduler s;
    int steps = 0;
    task<void> walker = s.start_new_task([&]() -> coro<void> {
        for (int i = 0; i < 3; ++i) {
            ++steps;
            co_await bide::sleep(0s);
        }
    });
    auto sleeper = s.start_new_task([]() -> coro<void> { co_await bide::sleep(1000h); });
    EXPECT_TRUE(s.run_once());
    EXPECT_EQ(steps, 1);
    EXPECT_TRUE(s.run_once());
    EXPECT_EQ(steps, 2);
    EXPECT_TRUE(s.run_once());
    EXPECT_TRUE(s.run_once());
    EXPECT_TRUE(walker.done());
    sleeper.cancel();
    EXPECT_FALSE(s.run_once());
    EXPECT_TRUE(sleeper.cancelled());
}

TEST(scheduler, a_cancellation_ends_a_pause) {
    scheduler s;
    log_t log;
    const auto wait = [&](std::string name) -> coro<void> {
        const std::string mine = std::move(name);
        try {
            co_await s.pause();
        } catch (const bide::cancelled_error& e) {
            log.push_back(mine + " " + e.message());
            throw;
        }
    };
    auto a = s.start_new_task(wait, std::string("a"));
    auto b = s.start_new_task(wait, std::string("b"));
    s.run();
    a.cancel("stop");
    s.run();
    EXPECT_TRUE(a.cancelled());
    // Resumed, and cancelled before it runs.
    s.resume_task(b);
    b.cancel("late");
    s.run();
    EXPECT_TRUE(b.cancelled());
    EXPECT_EQ(log, (log_t{"a stop", "b late"}));
}

TEST(scheduler, a_task_that_is_cancelled_while_it_is_switched_to_sees_it) {
    scheduler s;
    auto target = s.start_new_task([&]() -> coro<void> { co_await s.pause(); });
    s.run();
    s.start_new_task([&]() -> coro<void> {
        target.cancel();  // ready now, with the cancellation in it
        co_await s.switch_to(target);
    });
    s.run();
    EXPECT_TRUE(target.cancelled());
}

TEST(scheduler, switching_to_a_task_that_is_cancelled_before_its_first_step_ends_it) {
    scheduler s;
    bool ran = false;
    task<void> target;
    auto first = s.start_new_task([&]() -> coro<void> {
        target.cancel();
        co_await s.switch_to(target);
    });
    target = s.start_new_task([&]() -> coro<void> {
        ran = true;
        co_return;
    });
    s.run();
    EXPECT_FALSE(ran);
    EXPECT_TRUE(target.cancelled());
}

TEST(scheduler, says_why_a_task_cannot_be_switched_to) {
    scheduler s(virtual_time());
    std::string done;
    std::string sleeping;
    std::string foreign;
    bool itself = false;
    scheduler other;
    auto elsewhere = other.start_new_task([]() -> coro<void> { co_return; });
    auto finished = s.start_new_task([]() -> coro<void> { co_return; }());
    auto sleeper = s.start_new_task([]() -> coro<void> { co_await bide::sleep(1h); });
    const auto try_to = [&](bide::any_task target) -> coro<std::string> {
        std::string why = "(nothing was thrown)";
        try {
            co_await s.switch_to(target);
        } catch (const bide::invalid_state_error& e) { why = e.what(); }
        co_return why;
    };
    s.start_new_task([&]() -> coro<void> {
        done = co_await try_to(finished);
        sleeping = co_await try_to(sleeper);
        foreign = co_await try_to(elsewhere);
        co_await s.switch_to(bide::current_task());
        itself = true;
    });
    s.run();
    EXPECT_TRUE(has(done, "switch_to", "is done"));
    EXPECT_TRUE(has(sleeping, "neither paused nor ready", "sleep"));
    EXPECT_TRUE(has(foreign, "another loop"));
    EXPECT_TRUE(itself);
    EXPECT_THROW(other.resume_task(sleeper), bide::invalid_state_error);
}

TEST(scheduler, its_pauses_are_for_its_own_tasks_and_it_runs_in_no_other_loop) {
    scheduler s;
    s.run();
    bide::testing::run_test([&]() -> coro<void> {
        std::string why;
        try {
            co_await s.pause();
        } catch (const bide::invalid_state_error& e) { why = e.what(); }
        EXPECT_TRUE(has(why, "does not belong to this scheduler"));
        EXPECT_THROW(s.run(), bide::invalid_state_error);
        EXPECT_THROW(s.run_once(), bide::invalid_state_error);
    });
}

TEST(scheduler, its_end_cancels_what_is_left_and_lets_it_clean_up) {
    log_t log;
    {
        scheduler s;
        task<void> helper;
        s.start_new_task([&]() -> coro<void> {
            try {
                co_await s.pause();
            } catch (const bide::cancelled_error&) { log.push_back("cancelled"); }
            co_await bide::sleep(0s);
            log.push_back("cleaned up");
        });
        helper = s.start_new_task([&]() -> coro<void> { co_await s.switch_to(bide::current_task()); });
        s.run();
        EXPECT_TRUE(log.empty());
    }
    EXPECT_EQ(log, (log_t{"cancelled", "cleaned up"}));
}

TEST(scheduler, stop_ends_a_run_after_the_turn) {
    scheduler s;
    int steps = 0;
    s.start_new_task([&]() -> coro<void> {
        for (;;) {
            if (++steps == 3) bide::get_running_loop().stop();
            co_await bide::sleep(0s);
        }
    });
    s.run();
    EXPECT_EQ(steps, 3);
    s.close();
    EXPECT_THROW(s.run(), bide::invalid_state_error);
}

}  // namespace
