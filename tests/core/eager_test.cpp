// bide/core: tasks that start inside create_task.
// bide-test: no-shuffle
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::noted;
using bide_test::outcome;
using bide_test::report_log;

using names = std::vector<std::string>;

bide::task_options eagerly() { return bide::task_options().eager_start(); }

BIDE_TEST(section17, s49_the_first_part_runs_inside_create_task_as_the_new_task) {
    names log;
    const bide::any_task outer = bide::current_task();
    bide::any_task inner;
    const auto body = [&]() -> bide::coro<void> {
        log.emplace_back("begin");
        inner = bide::current_task();
        co_await bide::sleep(1s);
        log.emplace_back("end");
    };
    const auto task = bide::create_task(body(), eagerly());
    log.emplace_back("created");
    EXPECT_TRUE(bide::current_task() == outer);
    EXPECT_TRUE(inner == bide::any_task(task));
    co_await task;
    EXPECT_EQ(log, (names{"begin", "created", "end"}));
}

bide::context_var<int> level(0);

BIDE_TEST(section17, s49_it_has_its_own_context_and_the_creators_is_put_back) {
    level.set(1);
    const auto body = []() -> bide::coro<int> {
        const int before = level.get();
        level.set(2);
        co_await bide::sleep(1s);
        co_return before * 10 + level.get();
    };
    const auto task = bide::create_task(body(), eagerly());
    EXPECT_EQ(level.get(), 1);
    const int levels = co_await task;
    EXPECT_EQ(levels, 12);
}

BIDE_TEST(section17, s50_one_that_ends_at_once_is_a_task_like_any_other) {
    names log;
    std::size_t alive = 0;
    const auto body = [&]() -> bide::coro<int> {
        alive = bide::all_tasks().size();
        co_return 5;
    };
    const std::size_t before = bide::all_tasks().size();
    const auto task = bide::create_task(body(), eagerly().name("quick"));
    EXPECT_EQ(alive, before + 1);
    EXPECT_TRUE(task.done());
    EXPECT_EQ(task.result(), 5);
    EXPECT_EQ(task.get_name(), "quick");
    EXPECT_EQ(bide::all_tasks().size(), before);
    EXPECT_FALSE(task.cancel());
    task.add_done_callback([&](const bide::task<int>& of) { log.push_back(std::to_string(of.result())); });
    EXPECT_TRUE(log.empty());
    co_await bide::sleep(0s);
    EXPECT_EQ(log, names{"5"});
    const int again = co_await task;
    EXPECT_EQ(again, 5);
}

BIDE_TEST(eager, a_failure_stays_in_the_task) {
    const auto body = []() -> bide::coro<void> {
        throw std::runtime_error("at once");
        co_return;
    };
    const auto task = bide::create_task(body(), eagerly());
    EXPECT_TRUE(task.done());
    const std::string ended = co_await outcome(task);
    EXPECT_EQ(ended, "at once");
}

BIDE_TEST(eager, nests) {
    names log;
    const auto inner = [&](std::string name) -> bide::coro<void> {
        log.push_back(name + " begins in " + bide::current_task().get_name());
        co_await bide::sleep(0s);
        log.push_back(name + " ends");
    };
    const auto outer = [&]() -> bide::coro<void> {
        const auto first = bide::create_task(inner("first"), eagerly().name("inner"));
        log.push_back("back in " + bide::current_task().get_name());
        co_await first;
    };
    const auto task = bide::create_task(outer(), eagerly().name("outer"));
    log.push_back("back in " + bide::current_task().get_name());
    co_await task;
    EXPECT_EQ(log, (names{"first begins in inner", "back in outer", "back in test body", "first ends"}));
}

bide::coro<void> suspend_once() { co_await bide::sleep(0s); }

// While an eager task runs inside another one, the outer one is neither suspended nor current.
BIDE_TEST(eager, the_outer_task_can_be_looked_at_from_the_inner_one) {
    std::string outer_waits;
    std::size_t outer_frames = 99;
    const auto inner = [&](bide::any_task outer) -> bide::coro<void> {
        const bide::call_graph graph = bide::capture_call_graph(outer);
        outer_waits = graph.waits_for();
        outer_frames = outer.get_stack().size();
        co_return;
    };
    const auto outer = [&]() -> bide::coro<void> {
        co_await suspend_once();  // a frame that is gone when the task is looked at
        const auto task = bide::create_task(inner(bide::current_task()), eagerly());
        co_await task;
    };
    co_await bide::create_task(outer());
    EXPECT_EQ(outer_waits, "nothing, it is running");
    EXPECT_EQ(outer_frames, 0U);
}

BIDE_TEST(eager, the_factory_makes_every_task_eager_unless_its_options_say_otherwise) {
    bide::event_loop& loop = bide::get_running_loop();
    loop.set_task_factory(bide::eager_task_factory);
    EXPECT_TRUE(loop.has_task_factory());
    names log;
    const auto body = [&](std::string name) -> bide::coro<void> {
        log.push_back(std::move(name));
        co_return;
    };
    bide::create_task(body("plain"));
    bide::create_task(body("lazy"), bide::task_options().eager_start(false));
    log.emplace_back("created");
    loop.set_task_factory({});
    co_await bide::sleep(0s);
    EXPECT_EQ(log, (names{"plain", "created", "lazy"}));
}

BIDE_TEST(eager, a_factory_sees_and_changes_the_options) {
    bide::event_loop& loop = bide::get_running_loop();
    int made = 0;
    loop.set_task_factory([&](bide::event_loop&, bide::task_options& options) {
        ++made;
        if (options.name().empty()) options.name("made " + std::to_string(made));
    });
    const auto first = bide::create_task(suspend_once());
    const auto second = bide::create_task(suspend_once(), bide::task_options().name("own"));
    loop.set_task_factory({});
    EXPECT_EQ(first.get_name(), "made 1");
    EXPECT_EQ(second.get_name(), "own");
    co_await first;
    co_await second;
}

BIDE_TEST(eager, a_factory_that_throws_ends_create_task_and_the_coroutine) {
    bide::event_loop& loop = bide::get_running_loop();
    loop.set_task_factory(
        [](bide::event_loop&, bide::task_options&) { throw std::runtime_error("no more tasks"); });
    names log;
    const auto body = [](noted parameter) -> bide::coro<void> {
        static_cast<void>(parameter);
        co_return;
    };
    std::string text;
    try {
        bide::create_task(body(noted(log, "parameter")));
    } catch (const std::runtime_error& e) { text = e.what(); }
    loop.set_task_factory({});
    EXPECT_EQ(text, "no more tasks");
    EXPECT_EQ(log, names{"parameter"});
    co_return;
}

TEST(eager, without_a_running_loop_it_starts_as_usual) {
    bide::event_loop loop;
    bool ran = false;
    const auto body = [&]() -> bide::coro<void> {
        ran = true;
        co_return;
    };
    const auto task = bide::create_task(loop, body(), eagerly());
    EXPECT_FALSE(ran);
    loop.run_until_complete(task);
    EXPECT_TRUE(ran);
}

BIDE_TEST(eager, cancelling_itself_in_its_first_part) {
    const auto body = []() -> bide::coro<void> {
        bide::current_task().cancel();
        co_await bide::sleep(1s);
    };
    const auto task = bide::create_task(body(), eagerly());
    const std::string ended = co_await outcome(task);
    EXPECT_EQ(ended, "cancelled");
}

BIDE_TEST(eager, keyboard_interrupt_comes_out_of_create_task) {
    const auto body = []() -> bide::coro<void> {
        throw bide::keyboard_interrupt();
        co_return;
    };
    bool came = false;
    try {
        bide::create_task(body(), eagerly());
    } catch (const bide::keyboard_interrupt&) { came = true; }
    EXPECT_TRUE(came);
    co_return;
}

}  // namespace
