// bide/tests: process_lock when a process dies: one that has it, one that waits for it, one that puts things right.
// bide-test: no-shuffle
#include <bide/process_lock.hpp>

#include <utility>

#include "support/async_test.hpp"
#include "system/ipc_support.hpp"

namespace {

using namespace ipc_tests;
using bide::process_lock;

TEST(process_lock_death, dead_owner_is_reported_to_those_who_wait_and_those_who_come) {
    const named<process_lock> my("dead");
    const signal_pipe locked;
    process_lock here(my.name);
    child owner([&] {
        return run_here([&]() -> bide::coro<void> {
            process_lock mutex(my.name);
            co_await mutex.acquire();
            locked.tell();
            co_await bide::sleep(1h);
        });
    });
    locked.wait();
    const int pid = owner.pid();
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            int reported = 0;
            const auto wait = [&]() -> bide::coro<void> {
                try {
                    co_await here.acquire();
                } catch (const bide::owner_died_error& died) {
                    EXPECT_EQ(died.pid(), pid);
                    ++reported;
                }
            };
            auto first = bide::create_task(wait);
            auto second = bide::create_task(wait);
            co_await bide::sleep(30ms);
            owner.kill();
            co_await first;
            co_await second;
            EXPECT_EQ(reported, 2);
            co_await wait();
            EXPECT_EQ(reported, 3);
            const bool abandoned = co_await here.recover();
            EXPECT_TRUE(abandoned);
            here.release();
            co_await here.acquire();
            here.release();
        },
        real_time());
}

TEST(process_lock_death, dead_waiter_does_not_keep_others_from_their_turn) {
    const named<process_lock> my("dead-waiter");
    const signal_pipe waiting;
    process_lock here(my.name);
    process_lock there(my.name);
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            co_await here.acquire();
            child prey([&] {
                return run_here([&]() -> bide::coro<void> {
                    process_lock mutex(my.name);
                    auto task = bide::create_task([&]() -> bide::coro<void> { co_await mutex.acquire(); });
                    co_await bide::sleep(0ms);
                    waiting.tell();
                    co_await task;
                });
            });
            co_await waiting.told();
            auto mine = bide::create_task([&]() -> bide::coro<void> { auto held = co_await there.scoped(); });
            co_await bide::sleep(20ms);
            prey.kill();
            prey.status();
            here.release();
            co_await mine;
        },
        real_time());
}

TEST(process_lock_death, owner_killed_at_every_step_leaves_a_lock_that_can_be_had) {
    const named<process_lock> my("steps");
    const auto victim = [&] {
        return run_here([&]() -> bide::coro<void> {
            process_lock mutex(my.name);
            for (int i = 0; i < 2; ++i) {
                const bool repaired = co_await mutex.recover();
                co_await bide::sleep(repaired ? 0ms : 3ms);
                mutex.release();
            }
        });
    };
    const auto survivor = [&](child& prey) {
        const auto body = [&]() -> bide::coro<void> {
            process_lock here(my.name);
            const auto once = [&]() -> bide::coro<void> {
                for (;;) {
                    try {
                        auto held = co_await here.scoped();
                        co_await bide::sleep(1ms);
                        co_return;
                    } catch (const bide::owner_died_error&) {}
                    static_cast<void>(co_await here.recover());
                    here.release();
                }
            };
            while (!prey.has_ended()) co_await bide::with_timeout(20s, once);
            co_await bide::with_timeout(20s, once);
        };
        bide::testing::run_test(body, real_time());
    };
    const int steps = kill_everywhere(victim, survivor);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 15); }
    EXPECT_LT(steps, 500);
}

// Takes it whatever has happened to it.
bide::coro<void> take_and_release(process_lock& mutex) {
    process_lock& it = mutex;
    static_cast<void>(co_await it.recover());
    it.release();
}

TEST(process_lock_death, waiter_killed_at_every_step_lets_the_others_have_it) {
    const named<process_lock> my("waiter-steps");
    const auto victim = [&] {
        return run_here([&]() -> bide::coro<void> {
            process_lock mutex(my.name);
            co_await take_and_release(mutex);
        });
    };
    process_lock holder(my.name);
    const auto survivor = [&](child& prey) {
        process_lock other(my.name);
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                co_await bide::sleep(2ms);
                auto waiting = bide::create_task(take_and_release(other));
                co_await bide::sleep(1ms);
                holder.release();
                co_await bide::wait_for(waiting, 20s);
                co_await until_ended(prey);
                co_await bide::wait_for(take_and_release(other), 20s);
            },
            real_time());
        bide::run(
            [&]() -> bide::coro<void> { static_cast<void>(co_await holder.recover()); }());  // for the next
    };
    bide::run([&]() -> bide::coro<void> { co_await holder.acquire(); }());
    const int steps = kill_everywhere(victim, survivor);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 10); }
    EXPECT_LT(steps, 500);
    holder.release();
}

TEST(process_lock_death, whoever_puts_right_what_a_dead_one_left_may_die_as_well) {
    const named<process_lock> my("recovery-steps");
    const process_lock keeps_it_open(my.name);
    const auto victim = [&] {
        const std::uint64_t dies_at = std::exchange(bide::detail::ipc_dies_at, 0);
        child owner([&] {
            process_lock mutex(my.name);
            bide::run([&]() -> bide::coro<void> { static_cast<void>(co_await mutex.recover()); }());
            ::_exit(0);  // without a release
            return 0;
        });
        EXPECT_EQ(owner.status(), 0);
        bide::detail::ipc_dies_at = dies_at;
        return run_here([&]() -> bide::coro<void> {
            process_lock mutex(my.name);
            co_await take_and_release(mutex);
        });
    };
    const auto survivor = [&](child& prey) {
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                process_lock here(my.name);
                auto waiting = bide::create_task(take_and_release(here));
                co_await until_ended(prey);
                co_await bide::wait_for(waiting, 20s);
                co_await bide::wait_for(take_and_release(here), 20s);
                co_await here.acquire();
                here.release();
            },
            real_time());
    };
    const int steps = kill_everywhere(victim, survivor);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 10); }
    EXPECT_LT(steps, 500);
}

// ... and then the one that comes next still names the owner, not the one that only wanted to put things right.
TEST(process_lock_death, the_owner_is_named_however_many_died_while_they_put_things_right) {
    const named<process_lock> my("named-steps");
    const process_lock keeps_it_open(my.name);
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const auto victim = [&] {
        const std::uint64_t dies_at = std::exchange(bide::detail::ipc_dies_at, 0);
        child owner([&] {
            process_lock mutex(my.name);
            bide::run([&]() -> bide::coro<void> { co_await mutex.acquire(); }());
            ::_exit(0);  // without a release
            return 0;
        });
        const int pid = owner.pid();
        EXPECT_EQ(owner.status(), 0);
        EXPECT_EQ(::write(ends[1], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
        bide::detail::ipc_dies_at = dies_at;
        const process_lock mutex(my.name);  // takes nothing
        return 0;
    };
    const auto survivor = [&](child& prey) {
        prey.status();
        int owner = 0;
        EXPECT_EQ(::read(ends[0], &owner, sizeof owner), static_cast<ssize_t>(sizeof owner));
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                process_lock here(my.name);
                int reported = 0;
                try {
                    co_await here.acquire();
                } catch (const bide::owner_died_error& died) { reported = died.pid(); }
                EXPECT_EQ(reported, owner);
                co_await take_and_release(here);
            },
            real_time());
    };
    const int steps = kill_everywhere(victim, survivor);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 6); }
    EXPECT_LT(steps, 500);
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace
