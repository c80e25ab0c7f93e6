// bide/core: gather: results in order, the first failure, and what becomes of the others.
#include "support/after.hpp"
#include "support/async_test.hpp"

#include <array>
#include <forward_list>
#include <ranges>
#include <tuple>
#include <variant>

namespace {

using namespace std::chrono_literals;
using bide_test::fail_after;
using bide_test::nothing_after;
using bide_test::number_after;
using bide_test::owned_after;
using bide_test::shared_number;
using bide_test::value_after;
using std::chrono::milliseconds;

// Everything that reaches the exception handler of the running loop.
std::vector<std::string>& collect_reports() {
    static std::vector<std::string> reports;
    reports.clear();
    bide::get_running_loop().set_exception_handler(
        [](bide::event_loop&, const bide::exception_context& context) {
            reports.push_back(context.message + ": " + bide::describe_exception(context.exception));
        });
    return reports;
}

bide::coro<std::string> fetch(std::string name) {
    const std::string text = "text of " + name;
    co_await bide::sleep(1ms);
    co_return text;
}

bide::coro<std::size_t> total_size(std::vector<std::string> names) {
    // [together]
    auto [first, second] = co_await bide::gather(fetch(names[0]), fetch(names[1]));

    std::vector<bide::coro<std::string>> work;
    for (const auto& name : names) work.push_back(fetch(name));
    std::vector<std::string> texts = co_await bide::gather(std::move(work));
    // [/together]
    std::size_t size = first.size() + second.size();
    for (const auto& text : texts) size += text.size();
    co_return size;
}

BIDE_TEST(gather, as_the_reference_page_shows_it) {
    const std::vector<std::string> names{"a", "b", "c"};
    const auto size = co_await total_size(names);
    EXPECT_EQ(size, 5 * std::string("text of a").size());
}

BIDE_TEST(gather, gives_the_results_in_the_order_of_the_arguments) {
    const auto start = bide::get_running_loop().time();
    auto [a, b, c] = co_await bide::gather(value_after(3ms, 1), value_after(1ms, std::string("two")),
                                           value_after(2ms, 3.0));
    EXPECT_EQ(a, 1);
    EXPECT_EQ(b, "two");
    EXPECT_EQ(c, 3.0);
    EXPECT_EQ(bide::get_running_loop().time() - start, 3ms);  // side by side
}

BIDE_TEST(gather, of_void_is_void) {
    const auto start = bide::get_running_loop().time();
    auto both = bide::gather(nothing_after(1ms), nothing_after(2ms));
    static_assert(std::is_same_v<decltype(both), bide::future<void>>);
    co_await both;
    EXPECT_EQ(bide::get_running_loop().time() - start, 2ms);
}

BIDE_TEST(gather, void_among_others_is_monostate) {
    auto [nothing, one] = co_await bide::gather(nothing_after(1ms), value_after(1ms, 1));
    static_assert(std::is_same_v<decltype(nothing), std::monostate>);
    EXPECT_EQ(one, 1);
}

BIDE_TEST(gather, hands_references_through) {
    auto [number, one] = co_await bide::gather(number_after(1ms), value_after(1ms, 1));
    EXPECT_EQ(&number, &shared_number);
    EXPECT_EQ(one, 1);
    std::vector<bide::coro<int&>> many;
    many.push_back(number_after(1ms));
    const auto all = co_await bide::gather(std::move(many));
    EXPECT_EQ(all.at(0), &shared_number);
}

BIDE_TEST(gather, moves_what_cannot_be_copied) {
    auto [a, b] = co_await bide::gather(owned_after(1ms, 1), owned_after(2ms, 2));
    EXPECT_EQ(*a + *b, 3);
    std::vector<bide::coro<std::unique_ptr<int>>> many;
    many.push_back(owned_after(2ms, 3));
    many.push_back(owned_after(1ms, 4));
    const auto all = co_await bide::gather(std::move(many));
    EXPECT_EQ(*all.at(0), 3);
    EXPECT_EQ(*all.at(1), 4);
}

BIDE_TEST(gather, a_result_that_was_moved_out_before_is_a_failure) {
    auto owner = bide::create_task(owned_after(1ms, 1));
    const auto first = co_await owner;
    EXPECT_EQ(*first, 1);
    const auto again = co_await bide::as_result(bide::gather(owner));
    EXPECT_FALSE(again.has_value());
    EXPECT_EQ(again.error(), std::errc::operation_not_permitted);
}

struct counted {
    explicit counted(int* to) : copies(to) {}
    counted(const counted& other) : copies(other.copies) { ++*copies; }
    counted(counted&&) = default;
    int* copies;
};

BIDE_TEST(gather, copies_no_result_that_nobody_else_holds) {
    int copies = 0;
    std::vector<bide::coro<counted>> many;
    many.push_back(value_after(1ms, counted(&copies)));
    many.push_back(value_after(2ms, counted(&copies)));
    const auto kept = bide::create_task(value_after(0ms, counted(&copies)));
    const auto all = co_await bide::gather(std::move(many));
    EXPECT_EQ(all.size(), 2U);
    EXPECT_EQ(copies, 0);
    auto [mine] = co_await bide::gather(kept);
    EXPECT_EQ(copies, 1);
    EXPECT_EQ(kept.result().copies, mine.copies);
}

BIDE_TEST(gather, takes_coroutines_tasks_futures_and_other_awaitables) {
    const auto task = bide::create_task(value_after(2ms, 2));
    const auto future = bide::create_future<int>();
    bide::get_running_loop().call_later(3ms, [future] { future.set_result(3); });
    auto [a, b, c, d, e] =
        co_await bide::gather(value_after(1ms, 1), task, future, bide::sleep(1ms, 4), bide::any_task(task));
    EXPECT_EQ(std::tuple(a, b, c, d), std::tuple(1, 2, 3, 4));
    static_assert(std::is_same_v<decltype(e), std::monostate>);
    EXPECT_EQ(task.result(), 2);
}

BIDE_TEST(gather, coroutines_start_at_the_call_and_not_at_the_await) {
    bool ran = false;
    const auto start = [](bool* flag) -> bide::coro<void> {
        *flag = true;
        co_return;
    };
    const auto both = bide::gather(start(&ran), nothing_after(1ms));
    EXPECT_FALSE(ran);  // scheduled, as create_task does
    co_await bide::sleep(500us);
    EXPECT_TRUE(ran);
    co_await both;
}

BIDE_TEST(gather, takes_any_range) {
    const std::vector<int> expected{0, 1, 2};
    std::vector<bide::task<int>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(bide::create_task(value_after(milliseconds(3 - i), i)));
    const auto all = co_await bide::gather(tasks);
    EXPECT_EQ(all, expected);
    EXPECT_TRUE(tasks.at(0).done());  // the range keeps its handles
    const std::forward_list<bide::task<int>> unsized(tasks.begin(), tasks.end());
    const auto again = co_await bide::gather(unsized);
    EXPECT_EQ(again, expected);
    std::forward_list<bide::coro<int>> coros;
    coros.push_front(value_after(1ms, 5));
    const auto five = co_await bide::gather(std::move(coros));
    EXPECT_EQ(five.at(0), 5);
    const auto made = co_await bide::gather(std::views::iota(0, 3) | std::views::transform([](int i) {
                                                return value_after(milliseconds(i), i);
                                            }));
    EXPECT_EQ(made, expected);
    std::array<bide::coro<void>, 2> voids{nothing_after(1ms), nothing_after(2ms)};
    co_await bide::gather(std::move(voids));
}

BIDE_TEST(gather, of_a_thousand) {
    std::vector<bide::coro<int>> many;
    for (int i = 0; i < 1000; ++i) many.push_back(value_after(milliseconds(i % 7), i));
    const auto all = co_await bide::gather(std::move(many));
    EXPECT_EQ(all.size(), 1000U);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(all.at(static_cast<std::size_t>(i)), i);
}

// --- asyncio's rules (surface, section 17) ---

BIDE_TEST(section17, s36_gather_does_not_cancel_siblings_when_one_fails) {
    const auto slow = bide::create_task(value_after(5ms, 5));
    const auto both = bide::gather(fail_after(1ms, "first"), slow);
    const auto outcome = co_await bide::as_result(both);
    EXPECT_FALSE(outcome.has_value());
    EXPECT_FALSE(slow.done());
    EXPECT_EQ(slow.cancelling(), 0U);
    const int later = co_await slow;
    EXPECT_EQ(later, 5);
}

BIDE_TEST(section17, s36_the_first_failure_ends_the_gather_at_once) {
    const auto start = bide::get_running_loop().time();
    std::string caught;
    try {
        co_await bide::gather(nothing_after(9ms), fail_after(2ms, "second"), fail_after(1ms, "first"));
    } catch (const std::runtime_error& e) { caught = e.what(); }
    EXPECT_EQ(caught, "first");
    EXPECT_EQ(bide::get_running_loop().time() - start, 1ms);
    co_await bide::sleep(10ms);  // "second" is no news
}

BIDE_TEST(section17, s36_gather_cancelled_after_it_failed_does_nothing) {
    const auto slow = bide::create_task(value_after(5ms, 5));
    const auto both = bide::gather(fail_after(1ms, "first"), slow);
    co_await bide::sleep(2ms);
    EXPECT_EQ(bide::describe_exception(both.exception()), "first");
    EXPECT_FALSE(both.cancel());
    EXPECT_FALSE(both.cancelled());
    EXPECT_EQ(slow.cancelling(), 0U);
    const int later = co_await slow;
    EXPECT_EQ(later, 5);
}

BIDE_TEST(section17, s38_a_cancelled_child_is_a_failure_of_the_gather_and_no_cancellation) {
    const auto child = bide::create_task(nothing_after(5ms));
    const auto slow = bide::create_task(nothing_after(3ms));
    const auto both = bide::gather(child, slow);
    co_await bide::sleep(1ms);
    child.cancel("not needed");
    std::string caught;
    try {
        co_await both;
    } catch (const bide::cancelled_error& e) { caught = e.message(); }
    EXPECT_EQ(caught, "not needed");
    EXPECT_TRUE(both.done());
    EXPECT_FALSE(both.cancelled());
    EXPECT_EQ(bide::error_code_of(both.exception()), std::errc::operation_canceled);
    EXPECT_EQ(bide::current_task().cancelling(), 0U);  // only the child was cancelled
    co_await slow;
}

BIDE_TEST(section17, s39_failures_of_siblings_after_the_first_make_no_noise) {
    auto& reports = collect_reports();
    {
        const auto outcome = co_await bide::as_result(
            bide::gather(fail_after(1ms, "first"), fail_after(2ms, "second"), fail_after(3ms, "third")));
        EXPECT_FALSE(outcome.has_value());
    }
    co_await bide::sleep(10ms);
    EXPECT_EQ(reports, std::vector<std::string>());
}

BIDE_TEST(section17, s39_failures_of_the_same_turn_make_no_noise) {
    auto& reports = collect_reports();
    {
        const auto outcome =
            co_await bide::as_result(bide::gather(fail_after(1ms, "one"), fail_after(1ms, "other")));
        EXPECT_FALSE(outcome.has_value());
    }
    co_await bide::sleep(10ms);
    EXPECT_EQ(reports, std::vector<std::string>());
}

BIDE_TEST(section17, s39_a_gather_that_nobody_looks_at_reports_its_failure_once) {
    auto& reports = collect_reports();
    {
        const auto both = bide::gather(fail_after(1ms, "first"), fail_after(2ms, "second"));
        co_await bide::sleep(5ms);
        EXPECT_TRUE(both.done());
    }
    EXPECT_EQ(reports, std::vector<std::string>{"Future exception was never retrieved: first"});
}

BIDE_TEST(section17, s40_gather_of_nothing_is_done) {
    const auto nothing = bide::gather();
    static_assert(std::is_same_v<decltype(nothing), const bide::future<void>>);
    EXPECT_TRUE(nothing.done());
    co_await nothing;
    const auto none = bide::gather(std::vector<bide::task<int>>());
    EXPECT_TRUE(none.done());
    const auto empty = co_await none;
    EXPECT_TRUE(empty.empty());
    EXPECT_TRUE(bide::gather(std::vector<bide::coro<void>>()).done());
    EXPECT_FALSE(none.cancel());
}

BIDE_TEST(section17, s40_the_same_task_twice_is_one_task_and_two_places) {
    const auto task = bide::create_task(value_after(1ms, std::string("once")));
    auto [a, b] = co_await bide::gather(task, task);
    EXPECT_EQ(a, "once");
    EXPECT_EQ(b, "once");
    EXPECT_EQ(task.result(), "once");
    auto [c, d] = co_await bide::gather(task, task);  // done before
    EXPECT_EQ(c + d, "onceonce");
}

BIDE_TEST(section17, s40_a_task_that_is_named_twice_is_cancelled_once) {
    const auto task = bide::create_task(nothing_after(1h));
    const auto both = bide::gather(task, task, task);
    co_await bide::sleep(1ms);
    EXPECT_TRUE(both.cancel());
    EXPECT_EQ(task.cancelling(), 1U);
    const auto outcome = co_await bide::gather_results(both);
    EXPECT_FALSE(std::get<0>(outcome).has_value());
}

// --- what is done already, what is dropped, what is wrong ---

BIDE_TEST(gather, of_what_is_done_is_done) {
    const auto task = bide::create_task(value_after(0ms, 1));
    const auto set = bide::create_future<int>();
    set.set_result(2);
    co_await task;
    const auto both = bide::gather(task, set);
    EXPECT_TRUE(both.done());
    EXPECT_EQ(both.result(), std::tuple(1, 2));
    const auto failed = bide::create_task(fail_after(0ms, "failed"));
    const auto pending = bide::create_task(nothing_after(2ms));
    co_await bide::sleep(1ms);
    const auto ended = bide::gather(pending, failed);
    EXPECT_TRUE(ended.done());
    EXPECT_EQ(bide::describe_exception(ended.exception()), "failed");
    co_await pending;
}

BIDE_TEST(gather, can_be_awaited_by_many) {
    const auto sum = bide::gather(value_after(2ms, 1), value_after(1ms, 2));
    const auto add = [](bide::future<std::tuple<int, int>> from) -> bide::coro<int> {
        const auto [a, b] = co_await from;
        co_return a + b;
    };
    auto [x, y] = co_await bide::gather(add(sum), add(sum));
    EXPECT_EQ(x, 3);
    EXPECT_EQ(y, 3);
}

BIDE_TEST(gather, nests) {
    auto [inner, c] =
        co_await bide::gather(bide::gather(value_after(1ms, 1), value_after(2ms, 2)), value_after(1ms, 3));
    EXPECT_EQ(inner, std::tuple(1, 2));
    EXPECT_EQ(c, 3);
}

BIDE_TEST(gather, dropped_before_the_end_lets_the_children_run_on) {
    int ended = 0;
    const auto note = [](int* count) -> bide::coro<void> {
        int& to = *count;
        co_await bide::sleep(2ms);
        ++to;
    };
    { const auto both = bide::gather(note(&ended), note(&ended)); }
    co_await bide::sleep(1ms);
    { const auto both = bide::gather(note(&ended), nothing_after(0ms)); }
    co_await bide::sleep(5ms);
    EXPECT_EQ(ended, 3);
}

BIDE_TEST(gather, dropped_before_the_end_leaves_failures_to_be_reported_by_the_children) {
    auto& reports = collect_reports();
    { const auto both = bide::gather(fail_after(1ms, "lost"), nothing_after(2ms)); }
    co_await bide::sleep(5ms);
    EXPECT_EQ(reports, std::vector<std::string>{"Task exception was never retrieved: lost"});
}

BIDE_TEST(gather, dropped_when_its_children_are_done_but_have_not_reported_yet) {
    const auto first = bide::create_future<int>();
    const auto second = bide::create_future<int>();
    {
        const auto both = bide::gather(first, second);
        first.set_result(1);
        second.set_result(2);
    }
    co_await bide::sleep(1ms);
    {
        const auto third = bide::create_future<int>();
        const auto both =
            bide::gather(third, second, bide::create_future<int>());  // one that nobody can ever set
        third.set_exception(std::runtime_error("seen"));
        EXPECT_NE(third.exception(), nullptr);
    }
    co_await bide::sleep(1ms);
}

BIDE_TEST(gather, done_callbacks_are_called_even_when_every_handle_was_dropped) {
    int calls = 0;
    bide::gather(value_after(1ms, 1), value_after(2ms, 2)).add_done_callback([&calls](const auto& both) {
        EXPECT_EQ(both.result(), std::tuple(1, 2));
        ++calls;
    });
    co_await bide::sleep(5ms);
    EXPECT_EQ(calls, 1);
    const auto removed =
        bide::gather(value_after(1ms, 1)).add_done_callback([&calls](const auto&) { ++calls; });
    static_cast<void>(removed);
    co_await bide::sleep(5ms);
    EXPECT_EQ(calls, 2);
}

BIDE_TEST(gather, a_value_that_does_not_copy_is_a_failure) {
    struct refuses {
        refuses() = default;
        refuses(const refuses&) { throw std::length_error("no copies"); }
        refuses(refuses&&) = default;
    };
    const auto task = bide::create_task([]() -> bide::coro<refuses> { co_return refuses(); });
    const auto copy = co_await bide::as_result(bide::gather(task, nothing_after(1ms)));
    EXPECT_FALSE(copy.has_value());
    EXPECT_EQ(bide::describe_exception(copy.exception()), "no copies");
}

BIDE_TEST(gather, refuses_children_of_another_loop) {
    bide::event_loop other;
    const auto foreign = bide::create_future<int>(other);
    const auto own = bide::create_future<int>();
    EXPECT_THROW(static_cast<void>(bide::gather(own, foreign)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(bide::gather(foreign, bide::sleep(0s))), std::invalid_argument);
    std::vector<bide::future<int>> range{own, foreign};
    EXPECT_THROW(static_cast<void>(bide::gather(range)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(bide::gather(bide::task<int>())), bide::invalid_state_error);
    co_return;
}

TEST(gather, needs_a_running_loop_for_coroutines) {
    EXPECT_THROW(static_cast<void>(bide::gather(bide::sleep(0s))), bide::invalid_state_error);
    EXPECT_THROW(static_cast<void>(bide::gather()), bide::invalid_state_error);
}

BIDE_TEST(gather, is_seen_by_the_call_graph) {
    const auto child = bide::create_task(nothing_after(2ms), bide::task_options().name("child"));
    const auto both = bide::gather(child, nothing_after(1ms));
    const auto parent =
        bide::create_task([](bide::future<void> what) -> bide::coro<void> { co_await what; }, both);
    co_await bide::sleep(0s);
    co_await bide::sleep(0s);
    const auto graph = bide::capture_call_graph(child);
    EXPECT_EQ(graph.awaited_by().size(), 1U);
    EXPECT_EQ(graph.awaited_by().at(0).name(), parent.get_name());
    EXPECT_EQ(graph.awaited_by().at(0).waits_for(), "gather");
    co_await parent;
}

}  // namespace
