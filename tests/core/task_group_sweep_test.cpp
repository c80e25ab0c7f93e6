// bide/core: tests of task groups and deadlines that are cancelled at every suspension, or closed with their loop.
#include "support/async_test.hpp"
#include "support/children.hpp"
#include "support/outcome.hpp"

#include <bide/detail/base/scope_guard.hpp>
#include <bide/task_group.hpp>
#include <bide/timeout.hpp>

#include <cstdint>
#include <exception>

namespace {

using namespace std::chrono_literals;
using bide::task_group;
using namespace bide_test;

// Groups and deadlines inside each other, with children that come, go, fail and ignore cancellations.
bide::coro<void> all_of_it(int& alive) {
    const auto child = [&alive](std::chrono::milliseconds delay) -> bide::coro<void> {
        ++alive;
        const bide::detail::scope_guard end([&alive] { --alive; });
        std::exception_ptr error;
        try {
            co_await bide::sleep(delay);
        } catch (...) { error = std::current_exception(); }
        const auto late = co_await bide::as_result(bide::wait_for(bide::sleep(2ms), 1ms));
        EXPECT_EQ(late.error(), std::errc::timed_out);
        if (error) std::rethrow_exception(error);
    };
    const auto inner = [&](task_group& group) -> bide::coro<void> {
        group.create_task(child(1ms));
        group.create_task(child(50ms));
        group.create_task(child(0ms));
        co_await bide::sleep(2ms);
        group.create_task(child(1ms));
        co_await bide::with_timeout(3ms, [&] { return child(1ms); });
    };
    const auto outer = [&](task_group& group) -> bide::coro<void> {
        group.create_task(child(5ms));
        auto timed = bide::wait_for(bide::with_task_group(inner), 20ms);
        auto ended = co_await bide::as_result(std::move(timed));
        EXPECT_EQ(ended.error(), std::errc::timed_out);
        group.create_task(child(2ms));
        co_await bide::sleep(1ms);
        group.cancel();
        co_await child(1ms);
    };
    co_await bide::with_task_group(outer);
}

}  // namespace

TEST(task_group_sweep, at_every_suspension) {
    int alive = 0;
    const auto runs = bide::testing::cancel_everywhere([&] { return all_of_it(alive); },
                                                       [&](std::uint64_t) { EXPECT_EQ(alive, 0); });
    EXPECT_GT(runs, 20u);
}

TEST(task_group_sweep, a_cancellation_that_arrived_is_never_lost) {
    // Whatever the group does at that moment: the task ends cancelled, or it was done.
    bool reached_end = false;
    bide::testing::cancel_everywhere(
        [&]() -> bide::coro<void> {
            reached_end = false;
            int cancelled = 0;
            co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
                group.create_task(wait_long(cancelled, 3ms));
                co_await bide::sleep(1ms);
                group.cancel();
                co_await bide::sleep(1h);
            });
            const bool pending = bide::current_task().cancelling() != 0;
            co_await bide::sleep(0s);
            EXPECT_FALSE(pending);
            reached_end = true;
        },
        [&](std::uint64_t) { reached_end = false; });
}

TEST(task_group_sweep, a_loop_that_closes_with_a_group_in_it) {
    int reports = 0;
    int cancelled = 0;
    {
        bide::event_loop loop;
        loop.set_exception_handler([&](bide::event_loop&, const bide::exception_context&) { ++reports; });
        const auto body = [](int& count) -> bide::coro<void> {
            co_await bide::with_timeout(1h, [&]() -> bide::coro<void> {
                co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
                    group.create_task(wait_long(count));
                    group.create_task(value_after(0ms));
                    co_await bide::with_timeout(2h, [&] { return wait_long(count); });
                });
            });
        };
        auto main = bide::create_task(loop, body(cancelled));
        for (int turns = 0; turns < 3; ++turns) {
            loop.stop();
            loop.run_forever();
        }
        loop.close();
        EXPECT_TRUE(main.cancelled());
    }
    EXPECT_EQ(reports, 2);  // "destroyed but pending": the parent and the child that was left
    EXPECT_EQ(cancelled, 0);
}
