// bide/core: tasks: order, results, lifetimes, names, callbacks and what is said of them.
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::in_order;
using bide_test::noted;
using bide_test::report_log;
using bide_test::thrown;

using names = std::vector<std::string>;

bide::coro<int> give_later(int value) {
    co_await bide::sleep(1s);
    co_return value;
}
bide::coro<int> fail_later(const char* text) {
    co_await bide::sleep(1s);
    throw std::runtime_error(text);
}
// For tests on the real clock.
bide::coro<int> give_soon(int value) {
    co_await bide::sleep(0s);
    co_return value;
}
bide::coro<int> fail_soon(const char* text) {
    co_await bide::sleep(0s);
    throw std::runtime_error(text);
}
bide::coro<void> append(names& log, std::string name) {
    log.push_back(std::move(name));
    co_return;
}

// --- order ---

BIDE_TEST_WITH(task, first_steps_run_in_a_later_turn_in_the_order_of_creation, in_order()) {
    names log;
    const auto a = bide::create_task(append(log, "a"));
    const auto b = bide::create_task(append(log, "b"));
    log.emplace_back("creator");
    co_await bide::sleep(0s);
    EXPECT_EQ(log, (names{"creator", "a", "b"}));
    EXPECT_TRUE(a.done() && b.done());
}

BIDE_TEST_WITH(task, an_awaiter_runs_in_the_turn_after_the_end, in_order()) {
    names log;
    auto inner = bide::create_task(append(log, "inner"));
    bide::get_running_loop().call_soon([&] { log.emplace_back("same turn"); });
    co_await inner;
    log.emplace_back("awaiter");
    EXPECT_EQ(log, (names{"inner", "same turn", "awaiter"}));
}

BIDE_TEST(section17, s07_awaiting_a_task_that_is_done_does_not_yield) {
    const auto done = bide::create_task(give_later(3));
    co_await bide::sleep(2s);
    bool others_ran = false;
    bide::get_running_loop().call_soon([&] { others_ran = true; });
    const int value = co_await done;
    EXPECT_EQ(value, 3);
    EXPECT_FALSE(others_ran);
    co_await bide::sleep(1s);
}

// --- results ---

BIDE_TEST(task, gives_its_result_to_everybody_who_asks) {
    const auto shared = bide::create_task(give_later(4));
    const auto copy = shared;
    std::vector<bide::task<int>> waiters;
    for (int i = 0; i < 3; ++i) {
        waiters.push_back(bide::create_task(
            [](bide::task<int> of) -> bide::coro<int> {
                const int value = co_await of;
                co_return value + 1;
            },
            shared));
    }
    for (const auto& each : waiters) {
        const int value = co_await each;
        EXPECT_EQ(value, 5);
    }
    EXPECT_EQ(shared.result(), 4);
    EXPECT_EQ(copy.exception(), nullptr);
    EXPECT_TRUE(copy == shared);
}

BIDE_TEST(task, moves_a_result_out_for_the_last_handle_and_copies_it_otherwise) {
    const auto text = []() -> bide::coro<std::string> { co_return std::string(50, 'x'); };
    const auto kept = bide::create_task(text());
    const std::string copied = co_await kept;
    EXPECT_EQ(copied, kept.result());
    const std::string moved = co_await bide::create_task(text());
    EXPECT_EQ(moved, copied);
}

BIDE_TEST(task, a_result_that_cannot_be_copied_goes_to_one_await) {
    const auto make = []() -> bide::coro<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    const auto task = bide::create_task(make());
    const std::unique_ptr<int> owned = co_await task;
    EXPECT_EQ(*owned, 3);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return task.result() == nullptr; }),
                    "cannot be copied and was moved out by the first await"));
}

BIDE_TEST(task, gives_references) {
    int target = 1;
    const auto refer = [](int& to) -> bide::coro<int&> { co_return to; };
    const auto task = bide::create_task(refer(target));
    int& reference = co_await task;
    reference = 2;
    EXPECT_EQ(&task.result(), &target);
    EXPECT_EQ(target, 2);
}

struct throws_when_moved {
    explicit throws_when_moved(int n) : left(n) {}
    throws_when_moved(throws_when_moved&& other) : left(other.left - 1) {
        if (left == 0) throw std::runtime_error("cannot be moved");
    }
    int left;
};

BIDE_TEST(task, a_result_that_throws_when_moved_is_a_failure_of_the_task) {
    const auto make = [](int moves) -> bide::coro<throws_when_moved> { co_return throws_when_moved(moves); };
    const auto task = bide::create_task(make(2));  // the second move is into the task
    co_await bide::sleep(1s);
    EXPECT_TRUE(task.done());
    EXPECT_EQ(bide::describe_exception(task.exception()), "cannot be moved");
}

BIDE_TEST(task, a_failure_goes_to_every_awaiter) {
    const auto failing = bide::create_task(fail_later("broken"));
    const auto first = bide::create_task(bide_test::outcome(failing));
    const auto second = bide::create_task(bide_test::outcome(failing));
    const std::string a = co_await first;
    const std::string b = co_await second;
    EXPECT_EQ(a, "broken");
    EXPECT_EQ(b, "broken");
    EXPECT_EQ(thrown<std::runtime_error>([&] { return failing.result(); }), "broken");
}

BIDE_TEST(task, asking_too_early_says_which_task_and_what_to_do) {
    const auto task = bide::create_task(give_later(1), bide::task_options().name("slow"));
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return task.result(); }),
                    "the task 'slow' is not done", "await it"));
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return task.exception(); }), "'slow' is not done"));
    co_await task;
}

// --- lifetimes ---

BIDE_TEST(task, dropping_every_handle_lets_it_run_on) {
    names log;
    bide::create_task([&]() -> bide::coro<void> {
        noted local(log, "ended");
        co_await bide::sleep(1s);
        log.emplace_back("still here");
    });
    co_await bide::sleep(2s);
    EXPECT_EQ(log, (names{"still here", "ended"}));
}

BIDE_TEST(task, the_example_in_the_reference) {
    // [task]
    const auto copy = [](std::string from, std::string to) -> bide::coro<std::size_t> {
        co_await bide::sleep(1s);
        co_return from.size() + to.size();
    };
    const auto task = bide::create_task(copy, "a.txt", "b.txt");  // its first step runs in a later turn
    task.add_done_callback([](const bide::task<std::size_t>& done) { EXPECT_EQ(done.result(), 10U); });
    const auto named = bide::create_task(copy("c", "d"), bide::task_options().name("copier"));
    named.cancel("no longer needed");
    const std::size_t size = co_await task;
    // [/task]
    EXPECT_EQ(size, 10U);
    co_await bide::sleep(1s);
    EXPECT_TRUE(named.cancelled());
}

BIDE_TEST(task, keeps_a_callable_and_its_arguments_as_long_as_it_runs) {
    names log;
    {
        noted captured(log, "capture");
        auto body = [held = std::move(captured), &log](noted argument) -> bide::coro<void> {
            co_await bide::sleep(1s);
            log.emplace_back("end of body");
            static_cast<void>(argument);
        };
        bide::create_task(std::move(body), noted(log, "argument"));
    }
    EXPECT_TRUE(log.empty());
    co_await bide::sleep(2s);
    EXPECT_EQ(log.front(), "end of body");
    std::sort(log.begin() + 1, log.end());
    EXPECT_EQ(log, (names{"end of body", "argument", "capture"}));
}

BIDE_TEST(task, what_a_callable_is_given_may_be_taken_by_reference) {
    const auto body = [](const std::string& text, std::vector<int>& numbers) -> bide::coro<std::size_t> {
        co_await bide::sleep(1s);
        co_return text.size() + numbers.size();
    };
    std::vector<int> numbers(3);
    const auto task = bide::create_task(body, std::string("a temporary"), std::ref(numbers));
    const std::size_t size = co_await task;
    EXPECT_EQ(size, 11U + 3U);
}

BIDE_TEST_WITH(task, its_parameters_are_gone_before_its_awaiters_run, in_order()) {
    names log;
    const auto body = [](noted parameter) -> bide::coro<void> {
        co_await bide::sleep(1s);
        static_cast<void>(parameter);
    };
    const auto task = bide::create_task(body(noted(log, "parameter")));
    task.add_done_callback([&](const bide::task<void>&) { log.emplace_back("callback"); });
    co_await task;
    log.emplace_back("awaiter");
    EXPECT_EQ(log, (names{"parameter", "callback", "awaiter"}));
}

TEST(task, handles_may_outlive_the_loop) {
    std::optional<bide::task<int>> done;
    std::optional<bide::task<void>> pending;
    bide::handle callback;
    {
        bide::event_loop loop;
        report_log reports(loop);
        const auto body = [&]() -> bide::coro<void> {
            done = bide::create_task(give_soon(7));
            callback = done->add_done_callback([](const bide::task<int>&) {});
            pending = bide::create_task([]() -> bide::coro<void> { co_await bide::sleep(1h); });
            co_await *done;
        };
        loop.run_until_complete(body());
        loop.close();
        EXPECT_TRUE(has(reports.text(), "Task was destroyed but it is pending", "task_test.cpp:"));
    }
    EXPECT_EQ(done->result(), 7);
    EXPECT_TRUE(pending->cancelled());
    EXPECT_FALSE(pending->cancel());
    EXPECT_TRUE(pending->get_stack().empty());
    EXPECT_TRUE(has(pending->get_name(), "Task-"));
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return &pending->get_loop(); }), "no longer exists"));
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>(
                        [&] { return pending->add_done_callback([](const bide::task<void>&) {}); }),
                    "add_done_callback: the event loop is closed"));
    callback.cancel();
}

TEST(task, a_value_lives_until_the_last_handle_is_dropped) {
    names log;
    bide::task<noted> kept;
    bide::run([](names& to, bide::task<noted>& out) -> bide::coro<void> {
        const auto make = [](names& at) -> bide::coro<noted> { co_return noted(at, "value"); };
        out = bide::create_task(make(to));
        while (!out.done()) co_await bide::sleep(0s);
    }(log, kept));
    EXPECT_TRUE(log.empty());
    kept = {};
    EXPECT_EQ(log, names{"value"});
}

// --- names, current_task, all_tasks ---

BIDE_TEST(task, has_a_name) {
    const auto numbered = bide::create_task(give_later(1));
    const auto next = bide::create_task(give_later(1));
    EXPECT_TRUE(has(numbered.get_name(), "Task-"));
    EXPECT_NE(numbered.get_name(), next.get_name());
    const auto named = bide::create_task(give_later(1), bide::task_options().name("reader"));
    EXPECT_EQ(named.get_name(), "reader");
    named.set_name("writer");
    EXPECT_EQ(bide::any_task(named).get_name(), "writer");
    co_await bide::sleep(2s);
}

BIDE_TEST(task, current_task_is_empty_in_a_callback) {
    std::optional<bool> in_callback;
    bide::get_running_loop().call_soon([&] { in_callback = static_cast<bool>(bide::current_task()); });
    co_await bide::sleep(1s);
    EXPECT_EQ(in_callback, false);
    EXPECT_EQ(bide::current_task().get_name(), "test body");
}

TEST(task, outside_a_loop_there_is_no_current_task) {
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([] { return static_cast<bool>(bide::current_task()); }),
                    "current_task: no event loop is running in this thread", "bide::run"));
    auto body = give_later(1);
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return bide::create_task(std::move(body)).done(); }),
            "create_task: no event loop is running"));
    EXPECT_TRUE(body);  // still the caller's
    body.close();
}

BIDE_TEST(task, all_tasks_holds_what_is_not_done_oldest_first) {
    const auto first = bide::create_task(give_later(1), bide::task_options().name("first"));
    const auto second = bide::create_task(give_later(1), bide::task_options().name("second"));
    names seen;
    for (const bide::any_task& each : bide::all_tasks()) seen.push_back(each.get_name());
    EXPECT_EQ(seen.size(), 4U);  // the supervisor of the test, its body, and these
    EXPECT_EQ((names{seen.end() - 3, seen.end()}), (names{"test body", "first", "second"}));
    co_await bide::sleep(2s);
    EXPECT_EQ(bide::all_tasks().size(), 2U);
}

BIDE_TEST(task, any_task_stands_for_every_result_type) {
    const auto number = bide::create_task(give_later(1));
    const bide::any_task any = number;
    co_await any;
    EXPECT_TRUE(any.done());
    EXPECT_TRUE(any == bide::any_task(number));
    any.result();
    const bide::any_task failing = bide::create_task(fail_later("broken"));
    const std::string text = co_await bide_test::outcome(failing);
    EXPECT_EQ(text, "broken");
}

// --- done callbacks ---

BIDE_TEST_WITH(section17, s13_done_callbacks_run_later_in_the_order_of_registration, in_order()) {
    names log;
    auto task = bide::create_task(append(log, "body"));
    task.add_done_callback(
        [&](const bide::task<void>& of) { log.push_back(of.done() ? "first" : "too early"); });
    const bide::handle second =
        task.add_done_callback([&](const bide::task<void>&) { log.emplace_back("second"); });
    task.add_done_callback([&](const bide::task<void>&) { log.emplace_back("third"); });
    EXPECT_TRUE(task.remove_done_callback(second));
    EXPECT_FALSE(task.remove_done_callback(second));
    co_await bide::sleep(0s);
    EXPECT_EQ(log, names{"body"});
    task.add_done_callback([&](const bide::task<void>&) { log.emplace_back("late"); });
    EXPECT_EQ(log, names{"body"});
    co_await bide::sleep(0s);
    EXPECT_EQ(log, (names{"body", "first", "third", "late"}));
}

BIDE_TEST(task, a_done_callback_that_throws_is_reported_and_the_next_one_runs) {
    report_log reports(bide::get_running_loop());
    bool ran = false;
    const auto task = bide::create_task(give_later(1));
    task.add_done_callback([](const bide::task<int>&) { throw std::runtime_error("in a callback"); });
    task.add_done_callback([&](const bide::task<int>&) { ran = true; });
    co_await bide::sleep(2s);
    EXPECT_TRUE(ran);
    EXPECT_TRUE(has(reports.text(), "Exception in a callback", "in a callback"));
}

BIDE_TEST(task, a_handle_of_a_done_callback_keeps_nothing_alive_once_it_has_run) {
    names log;
    bide::handle kept;
    {
        const auto make = [](names& at) -> bide::coro<noted> { co_return noted(at, "value"); };
        const auto task = bide::create_task(make(log));
        kept = task.add_done_callback([](const bide::task<noted>&) {});
        co_await bide::sleep(1s);
        EXPECT_TRUE(log.empty());
    }
    EXPECT_EQ(log, names{"value"});
    EXPECT_FALSE(kept.cancelled());
}

BIDE_TEST(task, a_done_callback_of_a_dropped_task_still_gets_it) {
    int got = 0;
    bide::create_task(give_later(9)).add_done_callback([&](const bide::task<int>& of) { got = of.result(); });
    co_await bide::sleep(2s);
    EXPECT_EQ(got, 9);
}

// --- what nobody looks at ---

BIDE_TEST(task, an_exception_that_nobody_retrieves_is_reported_when_the_last_handle_goes) {
    report_log reports(bide::get_running_loop());
    auto task = bide::create_task(fail_later("unseen"), bide::task_options().name("loser"));
    co_await bide::sleep(2s);
    EXPECT_EQ(reports.size(), 0U);
    task = {};
    EXPECT_TRUE(has(reports.text(), "Task exception was never retrieved", "loser", "unseen"));
}

BIDE_TEST(task, looking_awaiting_or_cancelling_counts_as_retrieving) {
    report_log reports(bide::get_running_loop());
    auto looked = bide::create_task(fail_later("a"));
    auto awaited = bide::create_task(fail_later("b"));
    auto cancelled = bide::create_task(fail_later("c"));
    co_await bide::sleep(2s);
    EXPECT_NE(looked.exception(), nullptr);
    const std::string text = co_await bide_test::outcome(awaited);
    EXPECT_EQ(text, "b");
    EXPECT_FALSE(cancelled.cancel());
    looked = awaited = cancelled = {};
    EXPECT_EQ(reports.text(), "");
}

TEST(task, an_exception_is_reported_by_default_when_the_loop_is_gone) {
    testing::internal::CaptureStderr();
    {
        std::optional<bide::task<int>> kept;
        bide::run([](std::optional<bide::task<int>>& out) -> bide::coro<void> {
            out = bide::create_task(fail_soon("after the end"));
            while (!out->done()) co_await bide::sleep(0s);
        }(kept));
    }
    EXPECT_TRUE(
        has(testing::internal::GetCapturedStderr(), "Task exception was never retrieved", "after the end"));
}

// --- misuse ---

BIDE_TEST(task, an_empty_handle_says_so) {
    const bide::task<int> empty;
    EXPECT_FALSE(empty);
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return empty.done(); }), "this task handle is empty"));
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return empty.cancel(); }), "this task handle is empty"));
    std::string text;
    try {
        co_await empty;
    } catch (const bide::invalid_state_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "this task handle is empty"));
}

BIDE_TEST(task, cannot_await_itself) {
    std::string text;
    auto task = std::make_shared<bide::task<void>>();
    *task = bide::create_task(
        [](std::shared_ptr<bide::task<void>> self, std::string& out) -> bide::coro<void> {
            try {
                co_await *self;
            } catch (const bide::invalid_state_error& e) { out = e.what(); }
        },
        task, std::ref(text));
    task->set_name("narcissus");
    co_await *task;
    EXPECT_TRUE(has(text, "task 'narcissus' cannot await itself"));
}

TEST(task, cannot_be_awaited_by_another_loop) {
    bide::event_loop other;
    const auto foreign = bide::create_task(other, give_soon(1));
    const auto body = [&]() -> bide::coro<std::string> {
        std::string text = "none";
        try {
            co_await foreign;
        } catch (const bide::invalid_state_error& e) { text = e.what(); }
        co_return text;
    };
    EXPECT_TRUE(
        has(bide::run(body()), "awaits a task that belongs to another loop", "run_coroutine_threadsafe"));
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] {
                        bide::event_loop third;
                        return third.run_until_complete(foreign);
                    }),
                    "belongs to another event loop"));
    EXPECT_EQ(other.run_until_complete(foreign), 1);
}

TEST(task, cannot_be_made_on_a_closed_loop) {
    bide::event_loop loop;
    loop.close();
    names log;
    const auto body = [](noted parameter) -> bide::coro<void> {
        static_cast<void>(parameter);
        co_return;
    };
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>(
                        [&] { return bide::create_task(loop, body(noted(log, "parameter"))); }),
                    "create_task: the event loop is closed"));
    EXPECT_EQ(log, names{"parameter"});
}

}  // namespace
