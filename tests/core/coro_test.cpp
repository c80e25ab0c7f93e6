// bide/core: coro<T> starts when it is awaited, runs as a call, and owns its frame.
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/code_places.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::noted;
using bide_test::report_log;
using bide_test::thrown;

using names = std::vector<std::string>;

bide::coro<int> give(int value) { co_return value; }

bide::coro<int> give_later(int value) {
    co_await bide::sleep(1s);
    co_return value;
}

// --- when it runs ---

bide::coro<void> set_flag(bool& flag) {
    flag = true;
    co_return;
}

// [lazy]
bide::coro<std::string> greet(std::string name) {
    co_await bide::sleep(1s);
    co_return "hello " + name;
}

bide::coro<std::string> greet_twice() {
    auto first = greet("you");                           // nothing of it has run yet
    const std::string text = co_await std::move(first);  // now it runs, as a call would
    const std::string again = co_await greet("again");
    co_return text + ", " + again;
}
// [/lazy]

BIDE_TEST(coro, an_await_is_a_call) {
    const std::string text = co_await greet_twice();
    EXPECT_EQ(text, "hello you, hello again");
}

BIDE_TEST(coro, nothing_runs_until_it_is_awaited) {
    bool ran = false;
    auto made = set_flag(ran);
    co_await bide::sleep(1s);
    EXPECT_FALSE(ran);
    co_await std::move(made);
    EXPECT_TRUE(ran);
}

BIDE_TEST(section17, s07_awaiting_a_coroutine_does_not_yield) {
    bool others_ran = false;
    bide::get_running_loop().call_soon([&] { others_ran = true; });
    const int value = co_await give(7);
    EXPECT_EQ(value, 7);
    EXPECT_FALSE(others_ran);
    co_await bide::sleep(1s);
    EXPECT_TRUE(others_ran);
}

BIDE_TEST(coro, runs_in_the_task_that_awaits_it) {
    const bide::any_task outer = bide::current_task();
    bide::any_task inner;
    auto look = [&]() -> bide::coro<void> {
        co_await bide::sleep(0s);
        inner = bide::current_task();
    };
    co_await look();
    EXPECT_TRUE(outer == inner);
}

// --- results ---

struct no_default {
    explicit no_default(int n) : value(n) {}
    int value;
};
bide::coro<no_default> give_no_default() { co_return no_default(5); }
bide::coro<std::unique_ptr<int>> give_unique() { co_return std::make_unique<int>(6); }
bide::coro<std::string> give_converted() { co_return "text"; }
bide::coro<std::pair<int, int>> give_braced() { co_return {1, 2}; }
bide::coro<int&> give_reference(int& to) { co_return to; }
bide::coro<const std::string&> give_const_reference(const std::string& to) { co_return to; }

BIDE_TEST(coro, gives_values_and_references) {
    int target = 1;
    const std::string text = "here";
    const no_default made = co_await give_no_default();
    EXPECT_EQ(made.value, 5);
    const std::unique_ptr<int> owned = co_await give_unique();
    EXPECT_EQ(*owned, 6);
    const std::string converted = co_await give_converted();
    EXPECT_EQ(converted, "text");
    const auto braced = co_await give_braced();
    EXPECT_EQ(braced.second, 2);
    int& reference = co_await give_reference(target);
    reference = 2;
    EXPECT_EQ(target, 2);
    const std::string& constant = co_await give_const_reference(text);
    EXPECT_EQ(&constant, &text);
}

struct counted {
    explicit counted(int& to) : moves(&to) {}
    counted(counted&& other) noexcept : moves(other.moves) { ++*moves; }
    counted& operator=(counted&&) = delete;
    int* moves;
};
bide::coro<counted> give_local(int& moves) {
    counted local(moves);
    co_return local;
}

BIDE_TEST(coro, a_local_result_is_moved_twice_and_never_copied) {
    int moves = 0;
    const counted made = co_await give_local(moves);  // into the frame, out of the frame
    EXPECT_EQ(*made.moves, 2);
}

struct throws_when_moved {
    explicit throws_when_moved(bool now) : armed(now) {}
    throws_when_moved(throws_when_moved&& other) : armed(other.armed) {
        if (armed) throw std::runtime_error("cannot be moved");
    }
    bool armed;
};
bide::coro<throws_when_moved> give_unmovable() { co_return throws_when_moved(true); }

BIDE_TEST(coro, a_result_that_throws_when_moved_throws_at_the_await) {
    std::string text;
    try {
        const throws_when_moved made = co_await give_unmovable();
        static_cast<void>(made);
    } catch (const std::runtime_error& e) { text = e.what(); }
    EXPECT_EQ(text, "cannot be moved");
}

// --- exceptions ---

bide::coro<int> fail_at_once() {
    throw std::out_of_range("at once");
    co_return 0;
}
bide::coro<int> fail_later() {
    co_await bide::sleep(1s);
    throw std::out_of_range("later");
}
bide::coro<int> pass_on(bide::coro<int> inner) {
    const int value = co_await std::move(inner);
    co_return value;
}

BIDE_TEST(coro, an_exception_comes_out_of_the_await) {
    names texts;
    try {
        co_await pass_on(pass_on(fail_at_once()));
    } catch (const std::out_of_range& e) { texts.emplace_back(e.what()); }
    try {
        co_await pass_on(pass_on(fail_later()));
    } catch (const std::out_of_range& e) { texts.emplace_back(e.what()); }
    EXPECT_EQ(texts, (names{"at once", "later"}));
}

bide::coro<void> throw_int() {
    throw 42;
    co_return;
}

BIDE_TEST(coro, what_is_thrown_need_not_be_a_standard_exception) {
    int caught = 0;
    try {
        co_await throw_int();
    } catch (int value) { caught = value; }
    EXPECT_EQ(caught, 42);
}

struct throws_at_the_end {
    explicit throws_at_the_end(bool now) : armed(now) {}
    ~throws_at_the_end() noexcept(false) {
        if (armed) throw std::runtime_error("from a destructor");
    }
    bool armed;
};
bide::coro<std::string> fail_after_co_return() {
    throws_at_the_end local(true);
    co_return std::string(100, 'x');
}

BIDE_TEST(coro, an_exception_after_co_return_replaces_the_value) {
    std::string text;
    try {
        text = co_await fail_after_co_return();
    } catch (const std::runtime_error& e) { text = e.what(); }
    EXPECT_EQ(text, "from a destructor");
}

bide::coro<void> take(noted, throws_when_moved) { co_return; }

BIDE_TEST(coro, a_parameter_that_cannot_be_moved_into_the_frame_throws_at_the_call) {
    names log;
    const std::string text = thrown<std::runtime_error>(
        [&] { return static_cast<bool>(take(noted(log, "first"), throws_when_moved(true))); });
    EXPECT_EQ(text, "cannot be moved");
    EXPECT_EQ(log, names{"first"});
    co_return;
}

bide::coro<int> sum(noted, int a, int b) { co_return a + b; }

BIDE_TEST(coro, an_exception_from_an_await_among_the_arguments_frees_the_others) {
    names log;
    noted argument(log, "argument");
    std::string text;
    try {
        const int first = co_await give_later(1);
        const int second = co_await fail_later();
        co_await sum(std::move(argument), first, second);
    } catch (const std::out_of_range& e) { text = e.what(); }
    EXPECT_EQ(text, "later");
    EXPECT_TRUE(log.empty());
}

// --- lifetimes ---

bide::coro<void> hold(noted parameter, names& log) {
    noted first(log, "first local");
    noted second(log, "second local");
    co_await bide::sleep(1s);
    log.emplace_back("end of body");
    static_cast<void>(parameter);
}

BIDE_TEST(coro, locals_then_parameters_go_before_the_awaiter_continues) {
    names log;
    co_await hold(noted(log, "parameter"), log);
    log.emplace_back("continued");
    EXPECT_EQ(log, (names{"end of body", "second local", "first local", "parameter", "continued"}));
}

BIDE_TEST(coro, close_destroys_the_arguments_of_one_that_was_not_awaited) {
    names log;
    report_log reports(bide::get_running_loop());
    auto made = hold(noted(log, "parameter"), log);
    made.close();
    EXPECT_FALSE(made);
    EXPECT_EQ(log, names{"parameter"});
    EXPECT_EQ(reports.text(), "");
    co_return;
}

BIDE_TEST(coro, moves_and_lives_in_containers) {
    std::vector<bide::coro<int>> all;
    for (int i = 0; i < 3; ++i) all.push_back(give_later(i));
    int total = 0;
    for (bide::coro<int>& each : all) {
        const int value = co_await std::move(each);
        total += value;
        EXPECT_FALSE(each);
    }
    EXPECT_EQ(total, 3);
}

// --- misuse ---

BIDE_TEST(coro, awaiting_one_twice_is_reported_at_the_second_await) {
    auto made = give(1);
    const int value = co_await std::move(made);
    EXPECT_EQ(value, 1);
    std::string text;
    try {
        co_await std::move(made);
    } catch (const bide::invalid_state_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "this coro is empty", "awaited, made a task, closed or moved from"));
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return bide::create_task(std::move(made)).done(); }),
            "this coro is empty"));
}

#if BIDE_CHECKED
BIDE_TEST(coro, one_that_was_never_awaited_is_reported_with_its_name_and_place) {
    report_log reports(bide::get_running_loop());
    { [[maybe_unused]] auto dropped = give_later(1); }
    EXPECT_EQ(reports.size(), 1U) << reports.text();
    EXPECT_TRUE(has(reports.text(), "A coroutine was never awaited: give_later", "coro_test.cpp:"));
    { [[maybe_unused]] auto dropped = bide::as_result(give_later(1)); }
    EXPECT_EQ(reports.size(), 2U) << reports.text();
    auto replaced = give(1);
    replaced = give(2);
    EXPECT_EQ(reports.size(), 3U);
    const int value = co_await std::move(replaced);
    EXPECT_EQ(value, 2);
    EXPECT_EQ(reports.size(), 3U);
}

std::string here(int line) { return "coro_test.cpp:" + std::to_string(line); }

class dropper {
public:
    bide::coro<int> member(int a) { co_return a; }
};

// Where the program is linked with libbacktrace.
BIDE_TEST(coro, the_report_names_the_line_where_it_was_made) {
    report_log reports(bide::get_running_loop());
    std::vector<int> lines;
    {
        lines.push_back(__LINE__ + 1);
        [[maybe_unused]] auto dropped = give(1);
    }
    {
        lines.push_back(__LINE__ + 1);
        [[maybe_unused]] auto dropped = give_later(1);
    }
    const auto lambda = [](int a) -> bide::coro<int> { co_return a; };
    {
        lines.push_back(__LINE__ + 1);
        [[maybe_unused]] auto dropped = lambda(1);
    }
    dropper object;
    {
        lines.push_back(__LINE__ + 1);
        [[maybe_unused]] auto dropped = object.member(1);
    }
    const std::function<bide::coro<int>(int)> function = lambda;
    {
        lines.push_back(__LINE__ + 1);
        [[maybe_unused]] auto dropped = function(1);
    }
    EXPECT_EQ(reports.size(), lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (!has(reports[i].message, "defined at")) continue;
        EXPECT_TRUE(has(reports[i].where, here(lines[i]))) << reports[i].message;
    }
    EXPECT_EQ(has(reports.text(), "defined at"),
              bide::detail::code_places(__builtin_return_address(0)).size() > 0);
    co_return;
}

bide::coro<void> throw_past(bide::coro<int> unused) {
    const auto local = give(2);
    co_await bide::sleep(0s);
    throw std::runtime_error("passing");
    co_await std::move(unused);
}

BIDE_TEST(coro, one_report_for_what_was_dropped_and_none_for_what_it_held) {
    report_log reports(bide::get_running_loop());
    { [[maybe_unused]] auto dropped = pass_on(pass_on(give(1))); }
    EXPECT_EQ(reports.size(), 1U) << reports.text();
    EXPECT_TRUE(has(reports.text(), "pass_on"));
    auto closed = pass_on(give(1));
    closed.close();
    const auto task = bide::create_task(pass_on(give(1)));
    task.cancel();  // before its first step
    co_await bide::sleep(1s);
    EXPECT_EQ(reports.size(), 1U) << reports.text();
}

BIDE_TEST(coro, none_for_what_goes_because_an_exception_passes) {
    report_log reports(bide::get_running_loop());
    auto argument = give(1);
    const std::string awaited = co_await bide_test::outcome(throw_past(std::move(argument)));
    EXPECT_EQ(awaited, "passing");
    const std::string as_task = co_await bide_test::outcome(bide::create_task(throw_past(give(1))));
    EXPECT_EQ(as_task, "passing");
    EXPECT_EQ(reports.text(), "");
}
#endif

TEST(coro, an_await_outside_a_task_says_what_to_do) {
    auto nap = bide::sleep(1s);
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return nap.await_suspend(std::noop_coroutine()), 0; }),
            "co_await outside a task", "bide::run or bide::create_task"));
}

// --- shapes ---

class counter {
public:
    bide::coro<int> add(int n) {
        co_await bide::sleep(1s);
        total_ += n;
        co_return total_;
    }
    template <class T>
    static bide::coro<T> twice(T value) {
        co_return value + value;
    }

private:
    int total_ = 0;
};

bide::coro<int> fibonacci(int n) {
    int first = n;
    if (n > 1) {
        first = co_await fibonacci(n - 1);
        const int second = co_await fibonacci(n - 2);
        first += second;
    }
    co_return first;
}

BIDE_TEST(coro, members_templates_lambdas_and_recursion) {
    counter count;
    const int once = co_await count.add(2);
    const int again = co_await count.add(3);
    EXPECT_EQ(once + again, 2 + 5);
    const std::string text = co_await counter::twice<std::string>("ab");
    EXPECT_EQ(text, "abab");
    const int number = co_await fibonacci(15);
    EXPECT_EQ(number, 610);
    const auto add = [](int a, int b) -> bide::coro<int> {
        co_await bide::sleep(0s);
        co_return a + b;
    };
    const int added = co_await add(1, 2);
    EXPECT_EQ(added, 3);
}

TEST(coro, a_destructor_runs_in_every_turn_of_a_cancel_sweep) {
    names log;
    int made = 0;
    bide::testing::cancel_everywhere([&]() -> bide::coro<void> {
        ++made;
        noted outer(log, "outer");
        co_await hold(noted(log, "parameter"), log);
        const int value = co_await pass_on(pass_on(give_later(1)));
        EXPECT_EQ(value, 1);
    });
    EXPECT_EQ(std::count(log.begin(), log.end(), "outer"), made);
    EXPECT_EQ(std::count(log.begin(), log.end(), "parameter"), made);
}

}  // namespace
