// bide/core: tests of task groups that are cancelled: from outside, by group.cancel(), by a deadline.
#include "support/async_test.hpp"
#include "support/children.hpp"
#include "support/outcome.hpp"

#include <bide/task_group.hpp>
#include <bide/timeout.hpp>

#include <optional>
#include <stdexcept>

namespace {

using namespace std::chrono_literals;
using bide::task_group;
using namespace bide_test;

std::size_t cancels() { return bide::current_task().cancelling(); }
bide::time_point now() { return bide::get_running_loop().time(); }

}  // namespace

// --- from outside ---

BIDE_TEST(task_group_cancel, from_outside_while_the_body_runs) {
    int cancelled = 0;
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled, 10ms));
            group.create_task(wait_long(cancelled, 20ms));
            co_await wait_long(cancelled);
        });
    });
    co_await bide::sleep(5ms);
    task.cancel("from outside");
    std::string message;
    try {
        co_await task;
    } catch (const bide::cancelled_error& error) { message = error.message(); }
    EXPECT_EQ(message, "from outside");
    EXPECT_EQ(cancelled, 3);
    EXPECT_EQ(now(), bide::time_point(25ms));
    EXPECT_EQ(task.cancelling(), 1u);
}

BIDE_TEST(task_group_cancel, from_outside_while_the_group_waits_for_its_children) {
    int cancelled = 0;
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled, 10ms));
            co_return;
        });
    });
    co_await bide::sleep(5ms);
    task.cancel("from outside");
    const std::string how = co_await outcome(task);
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(now(), bide::time_point(15ms));
}

BIDE_TEST(task_group_cancel, repeatedly_from_outside_cancels_the_children_once) {
    int cancelled = 0;
    int extra = 0;
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task([&]() -> bide::coro<void> {
                for (int i = 0; i < 5; ++i) {
                    try {
                        co_await bide::sleep(10ms);
                    } catch (const bide::cancelled_error&) { ++(cancelled == 0 ? cancelled : extra); }
                }
            });
            co_return;
        });
    });
    co_await bide::sleep(5ms);
    for (int i = 0; i < 3; ++i) {
        task.cancel();
        co_await bide::sleep(1ms);
    }
    const std::string how = co_await outcome(task);
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(extra, 0);
    EXPECT_EQ(task.cancelling(), 3u);
}

BIDE_TEST(task_group_cancel, from_outside_children_that_ignore_it_are_waited_for) {
    bool done = false;
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task([&]() -> bide::coro<void> {
                try {
                    co_await bide::sleep(1h);
                } catch (const bide::cancelled_error&) {}
                co_await bide::sleep(20ms);
                done = true;
            });
            co_return;
        });
    });
    co_await bide::sleep(5ms);
    task.cancel();
    const std::string how = co_await outcome(task);
    EXPECT_EQ(how, "cancelled");
    EXPECT_TRUE(done);
}

BIDE_TEST(task_group_cancel, a_cancellation_that_nobody_requested_propagates) {
    int cancelled = 0;
    const std::string how =
        co_await outcome(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled));
            co_await bide::sleep(1ms);
            throw bide::cancelled_error("by hand");
        }));
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(cancelled, 1);
}

BIDE_TEST(task_group_cancel, before_its_first_step_the_body_never_runs) {
    bool ran = false;
    auto task = bide::create_task(bide::with_task_group([&](task_group&) -> bide::coro<void> {
        ran = true;
        co_return;
    }));
    task.cancel();
    const std::string how = co_await outcome(task);
    EXPECT_EQ(how, "cancelled");
    EXPECT_FALSE(ran);
}

// --- group.cancel() ---

BIDE_TEST(task_group_cancel, group_cancel_ends_children_and_body_without_an_error) {
    int cancelled = 0;
    bool reached = false;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        group.create_task(wait_long(cancelled, 10ms));
        bide::get_running_loop().call_later(5ms, [&group] { group.cancel(); });
        co_await wait_long(cancelled);
        reached = true;
    });
    EXPECT_EQ(cancelled, 2);
    EXPECT_FALSE(reached);
    EXPECT_EQ(cancels(), 0u);
    EXPECT_EQ(now(), bide::time_point(15ms));
    co_await bide::sleep(1ms);
}

BIDE_TEST(task_group_cancel, group_cancel_by_the_body_itself) {
    int cancelled = 0;
    const int value = co_await bide::with_task_group([&](task_group& group) -> bide::coro<int> {
        group.create_task(wait_long(cancelled));
        co_await bide::sleep(1ms);
        group.cancel();
        group.cancel();  // once is enough
        co_return 5;
    });
    EXPECT_EQ(value, 5);
    EXPECT_EQ(cancelled, 1);
    const int alone = co_await bide::with_task_group([](task_group& group) -> bide::coro<int> {
        group.cancel();
        co_return 6;
    });
    EXPECT_EQ(alone, 6);
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(task_group_cancel, group_cancel_by_a_child) {
    int cancelled = 0;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        group.create_task(wait_long(cancelled));
        group.create_task([&]() -> bide::coro<void> {
            co_await bide::sleep(5ms);
            group.cancel();
            co_await wait_long(cancelled);
        });
        co_return;
    });
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(task_group_cancel, group_cancel_after_the_last_child_does_nothing) {
    co_await bide::with_task_group([](task_group& group) -> bide::coro<void> {
        auto child = group.create_task(value_after(1ms));
        child.add_done_callback([&group](const bide::task<int>&) { group.cancel(); });
        co_return;
    });
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(task_group_cancel, group_cancel_does_not_hide_a_failure_on_the_way_out) {
    const std::string text =
        co_await failures(bide::with_task_group([](task_group& group) -> bide::coro<void> {
            group.create_task([]() -> bide::coro<void> {
                try {
                    co_await bide::sleep(1h);
                } catch (const bide::cancelled_error&) { throw std::runtime_error("in clean-up"); }
            });
            co_await bide::sleep(1ms);
            group.cancel();
            co_await bide::sleep(1h);
        }));
    EXPECT_EQ(text, "in clean-up");
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(task_group_cancel, group_cancel_refuses_further_children) {
    bool refused = false;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        group.cancel();
        try {
            group.create_task(value_after(1ms));
        } catch (const bide::invalid_state_error&) { refused = true; }
        co_return;
    });
    EXPECT_TRUE(refused);
}

BIDE_TEST(task_group_cancel, group_cancel_of_a_body_with_a_value) {
    const auto optional =
        co_await bide::with_task_group([](task_group& group) -> bide::coro<std::optional<int>> {
            group.cancel();
            co_await bide::sleep(1h);
            co_return 3;
        });
    EXPECT_FALSE(optional.has_value());
    const std::string how = co_await outcome(bide::with_task_group([](task_group& group) -> bide::coro<int> {
        group.cancel();
        co_await bide::sleep(1h);
        co_return 3;
    }));
    EXPECT_NE(how.find("std::optional"), std::string::npos) << how;
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(task_group_cancel, a_cancel_from_outside_after_group_cancel_is_not_lost) {
    int cancelled = 0;
    bool reached = false;
    auto task = bide::create_task([&]() -> bide::coro<void> {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled, 20ms));
            co_await bide::sleep(1ms);
            group.cancel();
        });
        reached = true;
    });
    co_await bide::sleep(10ms);
    task.cancel();
    const std::string how = co_await outcome(task);
    EXPECT_EQ(how, "cancelled");
    EXPECT_FALSE(reached);
    EXPECT_EQ(task.cancelling(), 1u);
}

BIDE_TEST(task_group_cancel, group_cancel_in_the_clean_up_of_a_cancelled_task_is_taken_back) {
    auto task = bide::create_task([]() -> bide::coro<std::string> {
        const std::string first = co_await outcome(bide::sleep(1h));
        EXPECT_EQ(first, "cancelled");
        co_await bide::with_task_group([](task_group& group) -> bide::coro<void> {
            group.cancel();  // nothing awaits any more, so it is not delivered
            co_return;
        });
        EXPECT_EQ(cancels(), 1u);
        const std::string next = co_await outcome(bide::sleep(1ms));
        co_return next;
    });
    co_await bide::sleep(1ms);
    task.cancel();
    const std::string next = co_await task;
    EXPECT_EQ(next, "value");
}

BIDE_TEST(task_group_cancel, group_cancel_inside_another_group) {
    int cancelled = 0;
    bool reached = false;
    co_await bide::with_task_group([&](task_group& outer) -> bide::coro<void> {
        auto sibling = outer.create_task(value_after(50ms));
        co_await bide::with_task_group([&](task_group& inner) -> bide::coro<void> {
            inner.create_task(wait_long(cancelled));
            inner.cancel();
            co_await bide::sleep(1h);
        });
        reached = true;
        const int value = co_await sibling;
        EXPECT_EQ(value, 42);
    });
    EXPECT_TRUE(reached);
    EXPECT_EQ(cancelled, 0);  // before its first step
}

// --- eager children ---

BIDE_TEST(section17, s48_an_eager_child_that_fails_does_not_unwind_the_body_in_create_task) {
    bool after_create = false;
    bool after_await = false;
    const std::string text =
        co_await failures(bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            const auto fails = []() -> bide::coro<void> {
                throw std::runtime_error("eager");
                co_return;
            };
            auto child = group.create_task(fails(), bide::task_options().eager_start());
            EXPECT_TRUE(child.done());
            after_create = true;
            group.create_task(value_after(1ms));  // still open
            co_await bide::sleep(1h);
            after_await = true;
        }));
    EXPECT_EQ(text, "eager");
    EXPECT_TRUE(after_create);
    EXPECT_FALSE(after_await);
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(task_group_cancel, an_eager_child_runs_in_create_task) {
    int step = 0;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        const auto child = [&]() -> bide::coro<void> {
            step = 1;
            co_await bide::sleep(1ms);
            step = 2;
        };
        group.create_task(child(), bide::task_options().eager_start());
        EXPECT_EQ(step, 1);
        co_return;
    });
    EXPECT_EQ(step, 2);
}

BIDE_TEST(task_group_cancel, an_eager_child_that_cancels_the_group_is_cancelled_too) {
    int cancelled = 0;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        const auto child = [&]() -> bide::coro<void> {
            group.cancel();
            co_await wait_long(cancelled);
        };
        group.create_task(child(), bide::task_options().eager_start());
        co_await wait_long(cancelled);
    });
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ(cancels(), 0u);
}

// --- with deadlines ---

BIDE_TEST(task_group_cancel, a_deadline_around_a_group) {
    for (const bool in_body : {true, false}) {
        int cancelled = 0;
        const auto start = now();
        const std::string how = co_await outcome(bide::with_timeout(20ms, [&]() -> bide::coro<void> {
            co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
                group.create_task(wait_long(cancelled, 5ms));
                if (in_body) co_await bide::sleep(1h);
            });
        }));
        EXPECT_EQ(how, "timeout");
        EXPECT_EQ(cancelled, 1);
        EXPECT_EQ(now() - start, 25ms);
        EXPECT_EQ(cancels(), 0u);
    }
}

BIDE_TEST(task_group_cancel, a_deadline_around_a_group_whose_children_fail_on_the_way_out) {
    const std::string text = co_await failures(bide::with_timeout(20ms, []() -> bide::coro<void> {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task([]() -> bide::coro<void> {
                try {
                    co_await bide::sleep(1h);
                } catch (const bide::cancelled_error&) { throw std::runtime_error("in clean-up"); }
            });
            co_return;
        });
    }));
    EXPECT_EQ(text, "in clean-up");  // as in a scope whose body throws something else
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}

BIDE_TEST(task_group_cancel, a_deadline_inside_a_group) {
    const std::string text =
        co_await failures(bide::with_task_group([](task_group& group) -> bide::coro<void> {
            int cancelled = 0;
            group.create_task(wait_long(cancelled));
            co_await bide::wait_for(bide::sleep(1h), 20ms);
        }));
    EXPECT_EQ(text.substr(0, 15), "timed out after") << text;
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(task_group_cancel, a_child_fails_in_the_turn_in_which_the_deadline_passes) {
    const std::string text = co_await failures(bide::with_timeout(20ms, []() -> bide::coro<void> {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(fail_after(20ms));
            co_await bide::sleep(1h);
        });
    }));
    EXPECT_EQ(text, "failed");
    EXPECT_EQ(cancels(), 0u);
    co_await bide::sleep(1ms);
}
