// bide/core: gather_results, and what a cancellation does to a gather.
#include "support/after.hpp"
#include "support/async_test.hpp"

#include <tuple>

namespace {

using namespace std::chrono_literals;
using bide_test::fail_after;
using bide_test::nothing_after;
using bide_test::number_after;
using bide_test::owned_after;
using bide_test::shared_number;
using bide_test::value_after;
using std::chrono::milliseconds;

// Takes `clean_up` to end once it is cancelled, and then ends as if nothing had happened.
bide::coro<int> stubborn(milliseconds clean_up, int value) {
    bool cancelled = false;
    try {
        co_await bide::sleep(1h);
    } catch (const bide::cancelled_error&) { cancelled = true; }
    if (cancelled) co_await bide::sleep(clean_up);
    co_return value;
}

bide::coro<int> fail_when_cancelled(milliseconds clean_up, std::string text) {
    bool cancelled = false;
    try {
        co_await bide::sleep(1h);
    } catch (const bide::cancelled_error&) { cancelled = true; }
    if (cancelled) co_await bide::sleep(clean_up);
    throw std::runtime_error(text);
}

// How awaiting `what` ended, in words.
template <class A>
bide::coro<std::string> end_of(A what) {
    std::string text = "value";
    try {
        co_await std::move(what);
    } catch (const bide::cancelled_error& e) {
        text = std::string("cancelled_error: ") + e.what();
    } catch (const std::exception& e) { text = e.what(); }
    co_return text;
}

// --- gather_results ---

bide::coro<int> sum_of_what_worked(std::vector<bide::coro<int>> work) {
    int sum = 0;
    // [kept]
    const auto results = co_await bide::gather_results(std::move(work));
    for (const bide::result<int>& each : results) {
        if (each) sum += each.value();
    }
    // [/kept]
    co_return sum;
}

BIDE_TEST(gather_results, as_the_reference_page_shows_it) {
    std::vector<bide::coro<int>> work;
    work.push_back(value_after(2ms, 1));
    work.push_back(fail_after(1ms, "failed"));
    work.push_back(value_after(1ms, 2));
    const int sum = co_await sum_of_what_worked(std::move(work));
    EXPECT_EQ(sum, 3);
}

BIDE_TEST(gather_results, keeps_values_and_failures) {
    auto [one, failed, nothing] =
        co_await bide::gather_results(value_after(2ms, 1), fail_after(1ms, "failed"), nothing_after(1ms));
    static_assert(std::is_same_v<decltype(one), bide::result<int>>);
    static_assert(std::is_same_v<decltype(nothing), bide::result<void>>);
    EXPECT_EQ(one.value(), 1);
    EXPECT_FALSE(failed.has_value());
    EXPECT_EQ(bide::describe_exception(failed.exception()), "failed");
    EXPECT_TRUE(nothing.has_value());
}

BIDE_TEST(gather_results, waits_for_all_although_one_failed) {
    const auto start = bide::get_running_loop().time();
    const auto all = co_await bide::gather_results(fail_after(1ms, "failed"), nothing_after(5ms));
    EXPECT_TRUE(std::get<1>(all).has_value());
    EXPECT_EQ(bide::get_running_loop().time() - start, 5ms);
}

BIDE_TEST(gather_results, a_cancelled_child_is_a_result) {
    const auto child = bide::create_task(value_after(1h, 1));
    const auto both = bide::gather_results(child, value_after(2ms, 2));
    co_await bide::sleep(1ms);
    child.cancel("enough");
    auto [first, second] = co_await both;
    EXPECT_EQ(first.error(), std::errc::operation_canceled);
    std::string message;
    try {
        std::rethrow_exception(first.exception());
    } catch (const bide::cancelled_error& e) { message = e.message(); }
    EXPECT_EQ(message, "enough");
    EXPECT_EQ(second.value(), 2);
}

BIDE_TEST(gather_results, of_a_range) {
    std::vector<bide::coro<int>> many;
    many.push_back(value_after(2ms, 1));
    many.push_back(fail_after(1ms, "failed"));
    const auto all = co_await bide::gather_results(std::move(many));
    EXPECT_EQ(all.at(0).value(), 1);
    EXPECT_FALSE(all.at(1).has_value());
    std::vector<bide::coro<void>> voids;
    voids.push_back(nothing_after(1ms));
    const auto nothing = co_await bide::gather_results(std::move(voids));
    EXPECT_TRUE(nothing.at(0).has_value());
}

BIDE_TEST(gather_results, carries_what_cannot_be_copied_and_references) {
    auto [owned, number] = co_await bide::gather_results(owned_after(1ms, 3), number_after(2ms));
    const std::unique_ptr<int> mine = std::move(owned).value();
    EXPECT_EQ(*mine, 3);
    EXPECT_EQ(&number.value(), &shared_number);
}

BIDE_TEST(gather_results, a_result_that_was_moved_out_before_is_a_failure_in_its_place) {
    auto owner = bide::create_task(owned_after(1ms, 1));
    const auto taken = co_await owner;
    auto [again, other] = co_await bide::gather_results(owner, value_after(1ms, 2));
    EXPECT_EQ(again.error(), std::errc::operation_not_permitted);
    EXPECT_EQ(other.value(), 2);
    EXPECT_EQ(*taken, 1);
}

BIDE_TEST(gather_results, the_same_task_twice_and_nothing_at_all) {
    const auto task = bide::create_task(value_after(1ms, 4));
    auto [a, b] = co_await bide::gather_results(task, task);
    EXPECT_EQ(a.value() + b.value(), 8);
    const auto nothing = bide::gather_results();
    EXPECT_TRUE(nothing.done());
    EXPECT_EQ(nothing.result(), std::tuple<>());
}

BIDE_TEST(gather_results, failures_that_were_collected_make_no_noise) {
    {
        const auto dropped = bide::gather_results(fail_after(1ms, "one"), fail_after(2ms, "two"));
        co_await bide::sleep(5ms);
        EXPECT_TRUE(dropped.done());
    }
    co_await bide::sleep(1ms);  // a report would fail the test
}

// --- cancellation (surface, section 17) ---

BIDE_TEST(section17, s36_gather_cancelled_cancels_every_child_with_the_message) {
    const auto first = bide::create_task(nothing_after(1h));
    const auto second = bide::create_future<int>();
    const auto done = bide::create_task(nothing_after(1ms));
    const auto all = bide::gather(first, second, done);
    co_await bide::sleep(2ms);
    EXPECT_TRUE(all.cancel("stop"));
    EXPECT_EQ(first.cancelling(), 1U);
    EXPECT_TRUE(second.cancelled());
    EXPECT_FALSE(done.cancelled());
    EXPECT_FALSE(all.done());  // a request: it ends when they have ended
    const auto end = co_await end_of(all);
    EXPECT_EQ(end, "cancelled_error: stop");
    EXPECT_FALSE(all.cancelled());
    const auto inner = co_await end_of(first);
    EXPECT_EQ(inner, "cancelled_error: stop");
}

BIDE_TEST(section17, s36_cancelling_the_task_that_awaits_a_gather_cancels_the_children) {
    const auto first = bide::create_task(nothing_after(1h));
    const auto second = bide::create_task(nothing_after(1h));
    const auto waiter = bide::create_task(end_of(bide::gather(first, second)));
    co_await bide::sleep(1ms);
    waiter.cancel("stop");
    const auto end = co_await waiter;
    EXPECT_EQ(end, "cancelled_error: stop");
    EXPECT_TRUE(first.cancelled());
    EXPECT_TRUE(second.cancelled());
    EXPECT_EQ(waiter.cancelling(), 1U);
}

BIDE_TEST(section17, s37_gather_cancelled_completes_only_after_all_children_ended) {
    const auto start = bide::get_running_loop().time();
    const auto quick = bide::create_task(nothing_after(1h));
    const auto slow = bide::create_task(stubborn(5ms, 1));
    const auto both = bide::gather(quick, slow);
    co_await bide::sleep(1ms);
    both.cancel();
    const auto end = co_await end_of(both);
    EXPECT_EQ(end, "cancelled_error: cancelled");
    EXPECT_TRUE(slow.done());
    EXPECT_EQ(bide::get_running_loop().time() - start, 6ms);
}

BIDE_TEST(section17, s37_gather_cancelled_raises_even_if_every_child_swallowed_the_cancel) {
    const auto first = bide::create_task(stubborn(1ms, 1));
    const auto second = bide::create_task(stubborn(3ms, 2));
    const auto both = bide::gather(first, second);
    co_await bide::sleep(1ms);
    both.cancel("stop");
    const auto end = co_await end_of(both);
    EXPECT_EQ(end, "cancelled_error: stop");
    EXPECT_FALSE(both.cancelled());
    EXPECT_EQ(first.result() + second.result(), 3);
}

BIDE_TEST(section17, s37_gather_results_cancelled_raises_even_though_results_are_kept) {
    const auto start = bide::get_running_loop().time();
    const auto both = bide::gather_results(stubborn(4ms, 1), fail_when_cancelled(2ms, "kept to itself"));
    const auto waiter = bide::create_task(end_of(both));
    co_await bide::sleep(1ms);
    waiter.cancel("stop");
    const auto end = co_await waiter;
    EXPECT_EQ(end, "cancelled_error: stop");
    EXPECT_EQ(bide::get_running_loop().time() - start, 5ms);
}

BIDE_TEST(gather, a_failure_while_it_is_cancelled_is_not_lost_to_the_cancellation) {
    const auto start = bide::get_running_loop().time();
    const auto all = bide::gather(fail_when_cancelled(2ms, "clean-up failed"), stubborn(5ms, 1),
                                  nothing_after(1h), fail_when_cancelled(3ms, "later"));
    co_await bide::sleep(1ms);
    all.cancel("stop");
    const auto end = co_await end_of(all);
    EXPECT_EQ(end, "clean-up failed");
    EXPECT_EQ(bide::get_running_loop().time() - start, 6ms);  // nobody is left cleaning up
}

BIDE_TEST(gather, cancelled_when_its_children_are_done_but_have_not_reported_yet) {
    const auto child = bide::create_future<int>();
    const auto both = bide::gather(child, child);
    const auto waiter = bide::create_task(end_of(both));
    co_await bide::sleep(1ms);
    child.set_result(1);
    EXPECT_FALSE(both.cancel());  // nobody is left who could be cancelled
    waiter.cancel("too late for the gather");
    const auto end = co_await waiter;
    EXPECT_EQ(end, "cancelled_error: too late for the gather");
    EXPECT_TRUE(both.done());
    EXPECT_EQ(both.result(), std::tuple(1, 1));
}

BIDE_TEST(gather, a_waiter_cancelled_before_its_first_step_leaves_the_children_alone) {
    const auto child = bide::create_task(value_after(2ms, 1));
    const auto waiter = bide::create_task(end_of(bide::gather(child)));
    waiter.cancel();
    co_await bide::sleep(1ms);
    EXPECT_TRUE(waiter.cancelled());
    EXPECT_EQ(child.cancelling(), 0U);
    const int value = co_await child;
    EXPECT_EQ(value, 1);
}

BIDE_TEST(gather, cancelled_by_one_of_its_own_children) {
    auto self = std::make_shared<bide::future<std::tuple<int, int>>>();
    const auto child = [](std::shared_ptr<bide::future<std::tuple<int, int>>> gather) -> bide::coro<int> {
        const auto keep = gather;
        co_await bide::sleep(1ms);
        keep->cancel("from inside");
        co_await bide::sleep(1h);
        co_return 1;
    };
    *self = bide::gather(child(self), value_after(1h, 2));
    const auto end = co_await end_of(*self);
    EXPECT_EQ(end, "cancelled_error: from inside");
    *self = {};
}

BIDE_TEST(gather, cancelled_through_a_ring_of_tasks_that_await_each_other) {
    bide::future<std::tuple<std::string>> both;
    const auto inner = bide::create_task(
        [](bide::future<std::tuple<std::string>>* what) -> bide::coro<std::string> {
            auto& gather = *what;
            co_await bide::sleep(1ms);
            const auto end = co_await end_of(gather);  // waits for itself
            co_return end;
        },
        &both);
    both = bide::gather(inner);
    co_await bide::sleep(2ms);
    EXPECT_TRUE(both.cancel("untie"));
    inner.cancel("untie");
    co_await bide::sleep(1ms);
    if (!inner.done()) inner.cancel("once more");
    const auto end = co_await end_of(inner);
    EXPECT_NE(end, "");
    both = {};
}

BIDE_TEST(gather, nested_is_cancelled_to_the_leaves) {
    const auto leaf = bide::create_task(nothing_after(1h));
    const auto other = bide::create_task(stubborn(3ms, 1));
    const auto waiter =
        bide::create_task(end_of(bide::gather(bide::gather(leaf), bide::gather_results(other))));
    co_await bide::sleep(1ms);
    waiter.cancel("all of it");
    const auto end = co_await waiter;
    EXPECT_EQ(end, "cancelled_error: all of it");
    EXPECT_TRUE(leaf.cancelled());
    EXPECT_TRUE(other.done());
}

TEST(gather, left_behind_at_the_end_of_run_is_cancelled_without_noise) {
    bide::testing::run_test(
        []() -> bide::coro<void> {
            const auto both = bide::gather(nothing_after(1h), value_after(1h, 1));
            both.add_done_callback([](const auto& ended) { EXPECT_FALSE(ended.cancelled()); });
            co_await bide::sleep(1ms);
        },
        bide::testing::test_options().allow_tasks());
}

TEST(gather, outlives_its_loop) {
    bide::future<std::tuple<int, int>> both;
    bide::future<int> never;
    {
        bide::event_loop loop;
        loop.set_exception_handler([](bide::event_loop&, const bide::exception_context&) {});
        never = bide::create_future<int>(loop);
        const auto task = bide::create_task(loop, value_after(1h, 1));
        both = bide::gather(task, never);
        both.add_done_callback([](const auto&) { ADD_FAILURE() << "called after the loop was closed"; });
        loop.call_soon([&loop] { loop.stop(); });
        loop.run_forever();
        loop.close();
    }
    EXPECT_FALSE(both.done());
}

TEST(gather, suspended_when_its_loop_is_closed) {
    int reports = 0;
    {
        bide::event_loop loop;
        loop.set_exception_handler([&](bide::event_loop&, const bide::exception_context&) { ++reports; });
        const auto future = bide::create_future<int>(loop);
        const auto collect = [](bide::future<int> what) -> bide::coro<void> {
            const auto mine = what;
            auto [a, b] = co_await bide::gather(mine, value_after(1h, 1));
            ADD_FAILURE() << a << b;
        };
        const auto waiter = bide::create_task(loop, collect(future));
        loop.call_soon([&] {
            loop.call_soon([&] {
                future.set_result(1);  // done, but the gather will not be told any more
                loop.stop();
            });
        });
        loop.run_forever();
        loop.close();
        EXPECT_TRUE(waiter.cancelled());
    }
    EXPECT_EQ(reports, 2);  // "Task was destroyed but it is pending"
}

TEST(gather, cancelled_at_every_turn) {
    int values = 0;
    const auto runs = bide::testing::cancel_everywhere(
        [&values]() -> bide::coro<void> {
            const auto first = bide::create_task(value_after(1ms, 1));
            auto [a, b, c] = co_await bide::gather(first, owned_after(2ms, 2), stubborn(1ms, 3));
            values += a + *b + c;
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
    EXPECT_GE(runs, 5U);
    EXPECT_EQ(values, 6);
}

TEST(gather_results, cancelled_at_every_turn) {
    int values = 0;
    const auto runs = bide::testing::cancel_everywhere([&values]() -> bide::coro<void> {
        const int start = values;
        std::vector<bide::coro<int>> many;
        many.push_back(value_after(2ms, 1));
        many.push_back(fail_after(1ms, "failed"));
        many.push_back(value_after(0ms, 3));
        const auto all = co_await bide::gather_results(std::move(many));
        values = start + all.at(0).value() + all.at(2).value();
    });
    EXPECT_GE(runs, 4U);
    EXPECT_EQ(values, 4);
}

}  // namespace
