// bide/core: tests of task groups: their children and their failures. See also task_group_end_test, task_group_cancel_test.
#include "support/async_test.hpp"
#include "support/children.hpp"
#include "support/outcome.hpp"

#include <bide/task_group.hpp>
#include <bide/timeout.hpp>

#include <memory>
#include <stdexcept>

namespace {

using namespace std::chrono_literals;
using bide::task_group;
using namespace bide_test;

std::size_t cancels() { return bide::current_task().cancelling(); }
bide::time_point now() { return bide::get_running_loop().time(); }

}  // namespace

BIDE_TEST(task_group, waits_for_its_children_and_gives_the_bodys_value) {
    bide::task<int> a;
    bide::task<int> b;
    const int sum = co_await bide::with_task_group([&](task_group& group) -> bide::coro<int> {
        a = group.create_task(value_after(10ms, 1));
        b = group.create_task(value_after(20ms, 2));
        EXPECT_EQ(now(), bide::time_point());
        co_return 7;
    });
    EXPECT_EQ(sum, 7);
    EXPECT_TRUE(a.done() && b.done());
    EXPECT_EQ(a.result() + b.result(), 3);
    EXPECT_EQ(now(), bide::time_point(20ms));
}

BIDE_TEST(task_group, as_in_the_reference) {
    const std::vector<std::string> names = {"one", "three"};
    const auto size_of = [](std::string name) { return bide::sleep(1ms, static_cast<int>(name.size())); };
    // [group]
    int total = 0;
    co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
        for (const std::string& name : names) {
            group.create_task([&, name]() -> bide::coro<void> {
                const int size = co_await size_of(name);
                total += size;
            });
        }
        co_return;
    });
    // here every child has ended
    // [/group]
    EXPECT_EQ(total, 8);
}

BIDE_TEST(task_group, without_children_it_is_the_body) {
    const auto turn = now();
    co_await bide::with_task_group([](task_group&) -> bide::coro<void> { co_return; });
    int target = 0;
    const auto refer = [&](task_group&) -> bide::coro<int&> { co_return target; };
    int& reference = co_await bide::with_task_group(refer);
    EXPECT_EQ(&reference, &target);
    const auto make = [](task_group&) -> bide::coro<std::unique_ptr<int>> {
        co_return std::make_unique<int>(3);
    };
    const std::unique_ptr<int> moved = co_await bide::with_task_group(make);
    EXPECT_EQ(*moved, 3);
    EXPECT_EQ(now(), turn);
}

BIDE_TEST(task_group, a_child_is_a_coroutine_a_callable_or_an_awaitable) {
    std::string seen;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        auto named = group.create_task(value_after(1ms), bide::task_options().name("the child"));
        EXPECT_EQ(named.get_name(), "the child");
        const std::string captured = "captured";
        auto callable = [captured, &seen](std::string given) -> bide::coro<void> {
            co_await bide::sleep(1ms);
            seen = captured + " " + given;
        };
        group.create_task(std::move(callable), "given");
        auto slept = group.create_task(bide::sleep(2ms, 5));
        auto waited = group.create_task(bide::wait_for(value_after(1ms), 1s));
        const int value = co_await slept;
        EXPECT_EQ(value, 5);
        const int other = co_await waited;
        EXPECT_EQ(other, 42);
    });
    EXPECT_EQ(seen, "captured given");
}

BIDE_TEST(task_group, a_thousand_children) {
    int ran = 0;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        for (int i = 0; i < 1000; ++i) {
            group.create_task([&ran, i]() -> bide::coro<void> {
                if (i % 3 == 0) co_await bide::sleep(0s);
                if (i % 3 == 1) co_await bide::sleep(std::chrono::milliseconds(i));
                ++ran;
            });
        }
        co_return;
    });
    EXPECT_EQ(ran, 1000);
}

BIDE_TEST(task_group, a_body_that_throws_before_it_gives_a_coroutine_still_joins) {
    int cancelled = 0;
    struct body {
        int& cancelled;
        bide::coro<void> operator()(task_group& group) const {  // no coroutine itself
            group.create_task(wait_long(cancelled));
            throw std::runtime_error("at once");
        }
    };
    const std::string text = co_await failures(bide::with_task_group(body{cancelled}));
    EXPECT_EQ(text, "at once");
    EXPECT_EQ(cancelled, 0);  // before its first step
}

BIDE_TEST(task_group, a_failure_of_the_body_cancels_the_children_and_comes_last) {
    int cancelled = 0;
    std::string message;
    std::string text;
    try {
        co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
            group.create_task(wait_long(cancelled, 20ms));
            group.create_task([]() -> bide::coro<void> {
                try {
                    co_await bide::sleep(1h);
                } catch (const bide::cancelled_error&) { throw std::runtime_error("in clean-up"); }
            });
            co_await bide::sleep(5ms);
            throw std::runtime_error("of the body");
        });
    } catch (const bide::exception_group& group) {
        message = group.message();
        text = texts(group);
    }
    EXPECT_EQ(message, "unhandled errors in a task group");
    EXPECT_EQ(text, "in clean-up,of the body");
    EXPECT_EQ(cancelled, 1);
    EXPECT_EQ(now(), bide::time_point(25ms));
}

BIDE_TEST(task_group, errors_come_in_the_order_in_which_the_children_ended) {
    const std::string text =
        co_await failures(bide::with_task_group([](task_group& group) -> bide::coro<void> {
            for (const int delay : {30, 10, 20}) {
                group.create_task([delay]() -> bide::coro<void> {
                    try {
                        co_await bide::sleep(1h);
                    } catch (const bide::cancelled_error&) {}
                    co_await fail_after(std::chrono::milliseconds(delay), std::to_string(delay));
                });
            }
            co_await fail_after(1ms, "body");
        }));
    EXPECT_EQ(text, "10,20,30,body");
}

BIDE_TEST(task_group, nested_groups_nest_their_failures) {
    int cancelled = 0;
    const std::string text =
        co_await failures(bide::with_task_group([&](task_group& outer) -> bide::coro<void> {
            outer.create_task(wait_long(cancelled));
            co_await bide::with_task_group([&](task_group& inner) -> bide::coro<void> {
                inner.create_task(wait_long(cancelled));
                inner.create_task(fail_after(5ms, "inner"));
                co_return;
            });
        }));
    EXPECT_EQ(text, "[inner]");
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(task_group, a_failure_outside_ends_the_group_inside_without_an_error_of_its_own) {
    int cancelled = 0;
    const std::string text =
        co_await failures(bide::with_task_group([&](task_group& outer) -> bide::coro<void> {
            outer.create_task(fail_after(5ms, "outer"));
            co_await bide::with_task_group([&](task_group& inner) -> bide::coro<void> {
                inner.create_task(wait_long(cancelled));
                co_await wait_long(cancelled);
            });
        }));
    EXPECT_EQ(text, "outer");
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ(cancels(), 0u);
}

BIDE_TEST(task_group, children_start_with_a_copy_of_the_context) {
    static bide::context_var<int> variable{0};
    variable.set(1);
    int seen = 0;
    co_await bide::with_task_group([&](task_group& group) -> bide::coro<void> {
        group.create_task([&]() -> bide::coro<void> {
            seen = variable.get();
            variable.set(2);
            co_return;
        });
        co_return;
    });
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(variable.get(), 1);
}

BIDE_TEST(task_group, the_call_graph_shows_a_child_below_its_group) {
    auto parent =
        bide::create_task(bide::with_task_group([](task_group& group) -> bide::coro<void> {
                              group.create_task(value_after(10ms), bide::task_options().name("child"));
                              co_return;
                          }),
                          bide::task_options().name("parent"));
    co_await bide::sleep(5ms);
    for (const bide::any_task& each : bide::all_tasks()) {
        const bide::call_graph graph = bide::capture_call_graph(each);
        EXPECT_TRUE(graph.name() != "parent" || graph.waits_for() == "task_group");
        if (graph.name() != "child") continue;
        EXPECT_EQ(graph.awaited_by().size(), 1u);
        for (const bide::call_graph& by : graph.awaited_by()) EXPECT_EQ(by.name(), "parent");
    }
    co_await parent;
}

BIDE_TEST(task_group, a_child_that_is_awaited_and_fails_shows_once_in_the_group) {
    const std::string text =
        co_await failures(bide::with_task_group([](task_group& group) -> bide::coro<void> {
            auto child = group.create_task(fail_after(5ms));
            co_await child;
        }));
    // The body is cancelled by the group, or ends with the child's failure: whichever it sees first.
    EXPECT_TRUE(text == "failed" || text == "failed,failed") << text;
}
