// bide/introspect: the call graph of tasks, suspended and running.
// bide-test: no-shuffle
#include <bide/introspect.hpp>

#include <bide/readiness.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::outcome;

int inner_line = 0;
int middle_line = 0;

bide::coro<int> inner() {
    inner_line = __LINE__ + 1;
    co_await bide::sleep(1s);
    co_return 1;
}
bide::coro<int> middle() {
    middle_line = __LINE__ + 1;
    const int value = co_await inner();
    co_return value;
}
bide::coro<int> on_task(bide::task<int> what) {
    const int value = co_await what;
    co_return value;
}

BIDE_TEST(introspect, the_call_stack_of_a_suspended_task_innermost_first) {
    const auto task = bide::create_task(middle(), bide::task_options().name("worker"));
    co_await bide::sleep(0s);
    const bide::call_graph graph = bide::capture_call_graph(task);
    EXPECT_EQ(graph.name(), "worker");
    EXPECT_EQ(graph.waits_for(), "sleep");
    EXPECT_EQ(graph.call_stack().size(), 2U);
    const bide::frame_call_graph_entry& first = graph.call_stack().front();
    EXPECT_EQ(first.function, "inner");
    EXPECT_EQ(first.line, static_cast<unsigned>(inner_line));
    EXPECT_TRUE(has(first.file, "introspect_test.cpp"));
    EXPECT_EQ(graph.call_stack().back().function, "middle");
    EXPECT_EQ(graph.call_stack().back().line, static_cast<unsigned>(middle_line));
    EXPECT_TRUE(graph.awaited_by().empty());
    co_await task;
}

BIDE_TEST(introspect, before_its_first_step_a_task_stands_where_its_coroutine_is_defined) {
    const auto task = bide::create_task(inner());
    const bide::call_graph graph = bide::capture_call_graph(task);
    EXPECT_EQ(graph.waits_for(), "its turn");
    EXPECT_EQ(graph.call_stack().size(), 1U);
    EXPECT_EQ(graph.call_stack().front().function, "inner");
    co_await task;
    EXPECT_EQ(bide::capture_call_graph(task).waits_for(), "nothing, it is done");
    EXPECT_TRUE(bide::capture_call_graph(task).call_stack().empty());
}

BIDE_TEST(introspect, who_awaits_it_directly_and_through_a_gather) {
    const auto task = bide::create_task(middle(), bide::task_options().name("worker"));
    const auto direct = bide::create_task(on_task(task), bide::task_options().name("direct"));
    const auto above = bide::create_task(on_task(direct), bide::task_options().name("above"));
    const auto gathers = bide::create_task(
        [](bide::task<int> of) -> bide::coro<void> {
            const auto all = bide::gather(of, bide::create_task(inner()));
            co_await all;
        },
        task);
    gathers.set_name("gatherer");
    co_await bide::sleep(0s);
    co_await bide::sleep(0s);
    const bide::call_graph graph = bide::capture_call_graph(task);
    EXPECT_EQ(graph.awaited_by().size(), 2U);
    EXPECT_EQ(graph.awaited_by().front().name(), "direct");
    EXPECT_EQ(graph.awaited_by().front().waits_for(), "task 'worker'");
    EXPECT_EQ(graph.awaited_by().front().awaited_by().front().name(), "above");
    EXPECT_EQ(graph.awaited_by().back().name(), "gatherer");
    EXPECT_EQ(graph.awaited_by().back().waits_for(), "gather");
    co_await above;
    co_await gathers;
}

BIDE_TEST(introspect, tasks_in_a_ring_are_shown_once) {
    auto ring = std::make_shared<std::vector<bide::task<void>>>();
    const auto member = [](std::shared_ptr<std::vector<bide::task<void>>> in,
                           std::size_t which) -> bide::coro<void> {
        const bide::task<void> next = in->at(which);
        co_await next;
    };
    ring->push_back(bide::create_task(member(ring, 1)));
    ring->push_back(bide::create_task(member(ring, 0)));
    co_await bide::sleep(0s);
    const bide::call_graph graph = bide::capture_call_graph(ring->at(0));
    EXPECT_EQ(graph.awaited_by().size(), 1U);
    EXPECT_TRUE(graph.awaited_by().front().awaited_by().empty());
    ring->at(0).cancel();
    co_await bide::sleep(1s);
    EXPECT_TRUE(ring->at(0).done() && ring->at(1).done());
    ring->clear();
}

bide::coro<bide::call_graph> look_around() {
    // [running]
    const bide::call_graph graph = co_await bide::capture_call_graph();  // does not suspend
    // [/running]
    co_return graph;
}
bide::coro<bide::call_graph> call_look_around() {
    const bide::call_graph graph = co_await look_around();
    co_return graph;
}

BIDE_TEST(introspect, the_running_task_from_this_await_outwards) {
    bool others_ran = false;
    bide::get_running_loop().call_soon([&] { others_ran = true; });
    const auto task =
        bide::create_task(call_look_around(), bide::task_options().name("curious").eager_start());
    EXPECT_FALSE(others_ran);
    const bide::call_graph graph = task.result();
    EXPECT_EQ(graph.name(), "curious");
    EXPECT_EQ(graph.call_stack().size(), 2U);
    EXPECT_EQ(graph.call_stack().front().function, "look_around");
    EXPECT_EQ(graph.call_stack().back().function, "call_look_around");
    co_await bide::sleep(0s);
}

BIDE_TEST(introspect, as_text) {
    const auto task = bide::create_task(middle(), bide::task_options().name("worker"));
    const auto waiter = bide::create_task(on_task(task), bide::task_options().name("waiter"));
    co_await bide::sleep(0s);
    const std::string text = bide::format_call_graph(bide::capture_call_graph(task));
    EXPECT_TRUE(has(text, "* task 'worker' waits for sleep\n", "+ call stack:\n", "inner (",
                    "introspect_test.cpp:", "middle (", "+ awaited by:\n",
                    "    * task 'waiter' waits for task 'worker'\n", "on_task ("));
    std::FILE* const file = std::tmpfile();
    bide::print_call_graph(bide::capture_call_graph(task), file);
    EXPECT_EQ(std::ftell(file), static_cast<long>(text.size()));
    std::fclose(file);
    co_await waiter;
}

BIDE_TEST(introspect, an_operation_of_the_operating_system_has_its_name_and_descriptor) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const auto task = bide::create_task(outcome(bide::wait_readable(ends[0])));
    co_await bide::sleep(0s);
    EXPECT_EQ(bide::capture_call_graph(task).waits_for(),
              "poll for reading on descriptor " + std::to_string(ends[0]));
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    co_await task;
    bide::get_running_loop().forget(ends[0]);
    for (const int each : ends) ::close(each);
}

BIDE_TEST(introspect, the_tree_of_a_loop) {
    const auto task = bide::create_task(middle(), bide::task_options().name("worker"));
    const auto waiter = bide::create_task(on_task(task), bide::task_options().name("waiter"));
    co_await bide::sleep(0s);
    const std::string text = bide::format_task_tree(bide::get_running_loop());
    EXPECT_TRUE(has(text, "task 'test body' waits for nothing, it is running"));
    EXPECT_TRUE(has(text, "task 'waiter' waits for task 'worker'\n  at on_task",
                    "\n    task 'worker' waits for sleep\n", "at middle", "at inner"));
    co_await waiter;
}

BIDE_TEST(introspect, the_stack_of_a_task_is_outermost_first_and_can_be_limited) {
    const auto task = bide::create_task(middle());
    co_await bide::sleep(0s);
    const auto all = task.get_stack();
    EXPECT_EQ(all.size(), 2U);
    EXPECT_EQ(all.front().function, "middle");
    EXPECT_EQ(all.back().function, "inner");
    const auto innermost = task.get_stack(1);
    EXPECT_EQ(innermost.size(), 1U);
    EXPECT_EQ(innermost.front().function, "inner");
    EXPECT_TRUE(task.get_stack(0).empty());
    EXPECT_TRUE(has(task.format_stack(), "at middle (", "at inner ("));
    co_await task;
}

BIDE_TEST(introspect, names_what_is_waited_for) {
    const auto future = bide::create_future<void>();
    bide::lock lock;
    co_await lock.acquire();
    const auto locker = [](bide::lock& in) -> bide::coro<void> {
        co_await in.acquire();
        in.release();
    };
    std::vector<bide::any_task> tasks;
    tasks.push_back(bide::create_task(outcome(bide::sleep(1s))));
    tasks.push_back(bide::create_task(outcome(bide::sleep(0s))));
    tasks.push_back(bide::create_task(outcome(future)));
    tasks.push_back(bide::create_task(locker(lock)));
    co_await bide::sleep(0s);
    const std::vector<std::string> names{"sleep", "sleep(0)", "future", "lock.acquire"};
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        EXPECT_EQ(bide::capture_call_graph(tasks[i]).waits_for(), names[i]);
    }
    future.set_result();
    lock.release();
    co_await bide::sleep(2s);
}

}  // namespace
