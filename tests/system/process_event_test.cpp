// bide/tests: process_event.
// bide-test: no-shuffle
#include <bide/process_event.hpp>

#include <memory>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/ipc_support.hpp"

namespace {

using namespace ipc_tests;
using bide::process_event;

BIDE_TEST(process_event, is_one_flag_for_all_handles) {
    const named<process_event> my("event");
    process_event one(my.name);
    process_event other(my.name);
    EXPECT_FALSE(other.is_set());
    one.set();
    EXPECT_TRUE(other.is_set());
    co_await other.wait();  // does not suspend
    other.clear();
    EXPECT_FALSE(one.is_set());
}

BIDE_TEST(process_event, set_releases_all_even_when_clear_follows) {
    const named<process_event> my("set-clear");
    process_event one(my.name);
    process_event other(my.name);
    int released = 0;
    const auto wait_for = [&](process_event& flag) -> bide::coro<void> {
        process_event& it = flag;
        co_await it.wait();
        ++released;
    };
    auto first = bide::create_task(wait_for(one));
    auto second = bide::create_task(wait_for(one));
    auto third = bide::create_task(wait_for(other));
    co_await bide::sleep(0ms);
    one.set();
    one.clear();
    co_await first;
    co_await second;
    co_await third;
    EXPECT_EQ(released, 3);
    auto late = bide::create_task(wait_for(other));
    co_await bide::sleep(20ms);
    EXPECT_EQ(released, 3);
    one.set();
    co_await late;
}

BIDE_TEST(process_event, cancelled_waiter_leaves) {
    process_event flag;
    auto first = bide::create_task([&]() -> bide::coro<void> { co_await flag.wait(); });
    auto second = bide::create_task([&]() -> bide::coro<void> { co_await flag.wait(); });
    co_await bide::sleep(0ms);
    first.cancel();
    const std::string how = co_await bide_test::outcome(first);
    EXPECT_EQ(how, "cancelled");
    flag.set();
    co_await second;
}

TEST(process_event, cancel_sweep) {
    const named<process_event> my("event-sweep");
    const auto body = [&]() -> bide::coro<void> {
        process_event one(my.name);
        process_event other(my.name);
        one.clear();
        const auto mine = [&]() -> bide::coro<void> { co_await one.wait(); };
        const auto theirs = [&]() -> bide::coro<void> {
            auto second = bide::create_task(mine);
            co_await bide::sleep(2ms);
            other.set();
            other.clear();
            co_await second;
        };
        co_await against(mine, theirs);
    };
    const auto runs = bide::testing::cancel_everywhere(body, [](std::uint64_t) {}, real_time());
    EXPECT_GT(runs, 3U);
}

TEST(process_event, errors_name_the_event) {
    const named<process_event> my("event-errors");
    using bide_test::has;
    using bide_test::thrown;
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return process_event::open(my.name); }), "process_event",
                    my.name));
    const process_event made = process_event::create(my.name);
    EXPECT_TRUE(
        has(thrown<std::system_error>([&] { return process_event::create(my.name); }), my.name, "exists"));
    process_event nameless;
    EXPECT_THROW(nameless.unlink(), bide::invalid_state_error);
    EXPECT_GE(nameless.fileno(), 0);
}

// [start]
bide::coro<void> start_together(std::string name) {
    bide::process_event start(std::move(name));  // in each of the processes
    co_await start.wait();
}
// [/start]

TEST(process_event, several_processes_wait_for_one) {
    const named<process_event> my("start");
    process_event ready(my.name);
    std::vector<child> children;
    const signal_pipe waiting;
    for (int i = 0; i < 3; ++i) {
        children.emplace_back([&] {
            return run_here([&]() -> bide::coro<void> {
                auto task = bide::create_task(start_together(my.name));
                co_await bide::sleep(0ms);
                waiting.tell();
                co_await task;
            });
        });
    }
    for (int i = 0; i < 3; ++i) waiting.wait();
    ready.set();
    ready.clear();
    for (child& each : children) EXPECT_EQ(each.status(), 0);
}

TEST(process_event, child_of_a_fork_sets_it_for_the_parent_and_waits_for_it) {
    process_event ping;
    process_event pong;
    int code = -1;
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            auto waiting = bide::create_task([&]() -> bide::coro<void> { co_await ping.wait(); });
            co_await bide::sleep(0ms);
            child forked([&] {
                return run_here([&]() -> bide::coro<void> {
                    ping.set();
                    co_await pong.wait();
                    ping.clear();
                    co_await bide::with_timeout(1ms, [&]() -> bide::coro<void> { co_await ping.wait(); });
                });
            });
            co_await waiting;
            pong.set();
            co_await until_ended(forked);
            code = forked.status();
        },
        real_time());
    EXPECT_EQ(code, 99);  // the timeout
}

TEST(process_event, setter_killed_at_every_step_has_set_it_for_all_or_none) {
    const named<process_event> my("set-steps");
    const signal_pipe both_wait;
    const auto victim = [&] {
        process_event flag(my.name);
        both_wait.wait();
        flag.set();
        flag.clear();
        return 0;
    };
    const auto survivor = [&](child& prey) {
        process_event one(
            my.name);  // outlives the tasks that wait for it, also where one of them waits in vain
        process_event two(my.name);
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                auto first = bide::create_task([&]() -> bide::coro<void> { co_await one.wait(); });
                auto second = bide::create_task([&]() -> bide::coro<void> { co_await two.wait(); });
                co_await bide::sleep(0ms);
                both_wait.tell();
                co_await until_ended(prey);
                const auto both_or_none = [&]() -> bide::coro<void> {
                    while (first.done() != second.done()) co_await bide::sleep(1ms);
                };
                co_await bide::sleep(10ms);
                co_await bide::with_timeout(20s, both_or_none);
                one.set();
                co_await bide::wait_for(first, 20s);
                co_await bide::wait_for(second, 20s);
            },
            real_time());
        both_wait.forget();
        one.clear();
    };
    const int steps = kill_everywhere(victim, survivor);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 5); }
}

}  // namespace
