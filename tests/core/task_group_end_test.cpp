// bide/core: tests of what a task group ends with: the numbered statements of asyncio's semantics.
#include "support/async_test.hpp"
#include "support/children.hpp"
#include "support/outcome.hpp"

#include <bide/task_group.hpp>

#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace {

using namespace std::chrono_literals;
using bide::task_group;
using namespace bide_test;

std::size_t cancels() { return bide::current_task().cancelling(); }
bide::time_point now() { return bide::get_running_loop().time(); }

}  // namespace

BIDE_TEST(section17, s42_a_cancelled_child_is_no_error_and_does_not_end_the_group) {
    bool other_ran = false;
    const int value = co_await bide::with_task_group([&](task_group& group) -> bide::coro<int> {
        auto child = group.create_task(value_after(1h));
        group.create_task([&]() -> bide::coro<void> {
            co_await bide::sleep(20ms);
            other_ran = true;
        });
        group.create_task([]() -> bide::coro<void> {
            co_await bide::sleep(1ms);
            throw bide::cancelled_error();  // without anybody's request
        });
        co_await bide::sleep(5ms);
        child.cancel();
        co_await bide::sleep(5ms);
        co_return 3;
    });
    EXPECT_EQ(value, 3);
    EXPECT_TRUE(other_ran);
}

BIDE_TEST(section17, s43_the_first_failure_cancels_siblings_and_body_and_takes_that_back) {
    int cancelled = 0;
    const std::string text =
        co_await failures(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled));
            group.create_task(fail_after(5ms));
            group.create_task(wait_long(cancelled));
            co_await wait_long(cancelled);
        }));
    EXPECT_EQ(text, "failed");
    EXPECT_EQ(cancelled, 3);
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(section17, s43_a_failure_while_the_group_waits_for_its_children) {
    int cancelled = 0;
    const std::string text =
        co_await failures(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled, 10ms));
            group.create_task(fail_after(5ms));
            co_return;
        }));
    EXPECT_EQ(text, "failed");
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(now(), bide::time_point(15ms));
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(section17, s43_the_last_child_fails) {
    const std::string text =
        co_await failures(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(fail_after(5ms));
            co_return;
        }));
    EXPECT_EQ(text, "failed");
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(section17, s43_a_body_that_ignores_the_groups_cancellation) {
    const std::string text =
        co_await failures(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(fail_after(5ms));
            try {
                co_await bide::sleep(1h);
            } catch (const bide::cancelled_error&) {}
            co_await bide::sleep(5ms);
        }));
    EXPECT_EQ(text, "failed");
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(section17, s43_inside_the_clean_up_of_a_cancelled_task_no_cancellation_is_made_up) {
    auto task = bide::create_task([]() -> bide::coro<std::string> {
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) {}
        const std::string text =
            co_await failures(bide::with_task_group([](task_group& group) -> bide::coro<void> {
                group.create_task(fail_after(5ms));
                co_await bide::sleep(1h);
            }));
        EXPECT_EQ(cancels(), 1u);
        co_await bide::sleep(1ms);
        co_return text;
    });
    co_await bide::sleep(1ms);
    task.cancel();
    const std::string text = co_await task;
    EXPECT_EQ(text, "failed");
}

BIDE_TEST(section17,
          s44_external_cancel_and_failures_the_group_is_thrown_and_the_cancellation_arrives_later) {
    for (const bool in_body : {true, false}) {
        std::string text;
        std::string next;
        auto task = bide::create_task([&]() -> bide::coro<void> {
            text = co_await failures(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
                group.create_task([]() -> bide::coro<void> {
                    try {
                        co_await bide::sleep(1h);
                    } catch (const bide::cancelled_error&) { throw std::runtime_error("in clean-up"); }
                });
                if (in_body) co_await bide::sleep(1h);
            }));
            EXPECT_EQ(cancels(), 1u);
            next = co_await outcome(bide::sleep(1ms));
            EXPECT_EQ(cancels(), 1u);
        });
        co_await bide::sleep(5ms);
        task.cancel("from outside");
        co_await task;
        EXPECT_EQ(text, "in clean-up");
        EXPECT_EQ(next, "cancelled");
    }
}

BIDE_TEST(section17, s44_external_cancel_after_the_group_began_to_fail) {
    std::string next;
    auto task = bide::create_task([&]() -> bide::coro<std::string> {
        const std::string text =
            co_await failures(bide::with_task_group([](task_group& group) -> bide::coro<void> {
                static int cancelled = 0;
                group.create_task(wait_long(cancelled, 20ms));
                group.create_task(fail_after(5ms));
                co_return;
            }));
        next = co_await outcome(bide::sleep(1ms));
        EXPECT_EQ(cancels(), 1u);
        co_return text;
    });
    co_await bide::sleep(10ms);
    task.cancel();
    const std::string text = co_await task;
    EXPECT_EQ(text, "failed");
    EXPECT_EQ(next, "cancelled");
}

BIDE_TEST(section17, s45_an_exit_request_of_the_body_is_thrown_by_itself) {
    int cancelled = 0;
    int code = 0;
    try {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled));
            co_await bide::sleep(1ms);
            throw bide::system_exit(3);
        });
    } catch (const bide::system_exit& exit) { code = exit.code(); }
    EXPECT_EQ(code, 3);
    EXPECT_EQ(cancelled, 1);
}

TEST(section17, s45_a_keyboard_interrupt_of_a_child_is_thrown_by_itself_and_what_it_hides_is_reported) {
    std::vector<std::string> reports;
    int cancelled = 0;
    bide::event_loop loop;
    loop.set_exception_handler([&](bide::event_loop&, const bide::exception_context& context) {
        reports.push_back(bide::describe_exception(context.exception));
    });
    auto main = bide::create_task(loop, [](int& count) -> bide::coro<std::string> {
        std::string how = "nothing";
        try {
            co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
                group.create_task(wait_long(count));
                group.create_task(fail_after(0ms, "hidden"));
                group.create_task([]() -> bide::coro<void> {
                    try {
                        co_await bide::sleep(1h);
                    } catch (const bide::cancelled_error&) { throw bide::keyboard_interrupt(); }
                });
                co_return;
            });
        } catch (const bide::keyboard_interrupt&) { how = "interrupt"; }
        EXPECT_EQ(cancels(), 0u);
        co_return how;
    }(cancelled));
    EXPECT_THROW(loop.run_until_complete(main), bide::keyboard_interrupt);  // it ends the loop as well
    EXPECT_EQ(loop.run_until_complete(main), "interrupt");
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(reports, std::vector<std::string>{"hidden"});
}

BIDE_TEST(section17, s45_another_base_exception_of_a_child_goes_into_the_group) {
    bool has_base = false;
    try {
        co_await bide::with_task_group([](task_group& group) -> bide::coro<void> {
            group.create_task([]() -> bide::coro<void> {
                co_await bide::sleep(0s);
                throw bide::generator_exit();
            });
            co_return;
        });
    } catch (const bide::exception_group& group) { has_base = group.has_base_exception(); }
    EXPECT_TRUE(has_base);
}

BIDE_TEST(section17, s46_children_may_spawn_siblings_while_the_group_exits) {
    int ran = 0;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        group.create_task([&]() -> bide::coro<void> {
            co_await bide::sleep(5ms);
            group.create_task([&]() -> bide::coro<void> {
                co_await bide::sleep(5ms);
                ++ran;
                group.create_task([&]() -> bide::coro<void> {
                    ++ran;
                    co_return;
                });
            });
            ++ran;
        });
        co_return;
    });
    EXPECT_EQ(ran, 3);
}

BIDE_TEST(section17, s46_create_task_after_the_shutdown_throws_and_closes_the_coroutine) {
    auto owned = std::make_shared<int>(1);
    const auto hold = [](std::shared_ptr<int>) -> bide::coro<void> { co_return; };
    std::string text;
    const std::string failed =
        co_await failures(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(fail_after(1ms));
            try {
                co_await bide::sleep(1h);
            } catch (const bide::cancelled_error&) {}
            auto late = hold(owned);
            EXPECT_EQ(owned.use_count(), 2);
            try {
                group.create_task(std::move(late));
            } catch (const bide::invalid_state_error& error) { text = error.what(); }
            EXPECT_EQ(owned.use_count(), 1);
        }));
    EXPECT_EQ(failed, "failed");
    EXPECT_NE(text.find("shutting down"), std::string::npos) << text;
}

BIDE_TEST(section17, s46_create_task_when_no_child_is_left_throws) {
    auto owned = std::make_shared<int>(1);
    const auto hold = [](std::shared_ptr<int>) -> bide::coro<void> { co_return; };
    std::string text;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        auto child = group.create_task(value_after(1ms));
        // Runs after the group has seen its last child end, and before the parent runs again.
        child.add_done_callback([&](const bide::task<int>&) {
            try {
                group.create_task(hold(owned));
            } catch (const bide::invalid_state_error& error) { text = error.what(); }
        });
        co_return;
    });
    EXPECT_EQ(owned.use_count(), 1);
    if (std::getenv("BIDE_SHUFFLE") == nullptr) {
        EXPECT_NE(text.find("finished"), std::string::npos) << text;
    }
}

BIDE_TEST(section17, s47_leaving_by_exception_waits_for_every_child) {
    int cancelled = 0;
    const std::string text =
        co_await failures(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled, 50ms));
            group.create_task(wait_long(cancelled, 100ms));
            co_await bide::sleep(1ms);
            throw std::runtime_error("body");
        }));
    EXPECT_EQ(text, "body");
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ(now(), bide::time_point(101ms));
}
