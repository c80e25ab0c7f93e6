// bide/core: shield: the cancellation of the waiter stops there.
#include "support/after.hpp"
#include "support/async_test.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::fail_after;
using bide_test::nothing_after;
using bide_test::number_after;
using bide_test::owned_after;
using bide_test::shared_number;
using bide_test::value_after;

template <class T>
bide::coro<void> await_shielded(bide::task<T> inner) {
    const auto mine = inner;
    co_await bide::shield(mine);
}

std::vector<std::string>& collect_reports() {
    static std::vector<std::string> reports;
    reports.clear();
    bide::get_running_loop().set_exception_handler(
        [](bide::event_loop&, const bide::exception_context& context) {
            reports.push_back(context.message + " [" + context.task +
                              "]: " + bide::describe_exception(context.exception));
        });
    return reports;
}

// [save]
bide::coro<int> save(bide::task<int> writing) {
    std::exception_ptr cancelled;
    try {
        co_return co_await bide::shield(writing);
    } catch (const bide::cancelled_error&) { cancelled = std::current_exception(); }
    co_await writing;  // half a file is worse than a late answer
    std::rethrow_exception(cancelled);
}
// [/save]

BIDE_TEST(shield, as_the_reference_page_shows_it) {
    const auto writing = bide::create_task(value_after(5ms, 5));
    const auto saving = bide::create_task(save(writing));
    co_await bide::sleep(1ms);
    saving.cancel();
    co_await bide::gather_results(saving);
    EXPECT_TRUE(saving.cancelled());
    EXPECT_EQ(writing.result(), 5);
    const auto again = co_await save(bide::create_task(value_after(1ms, 6)));
    EXPECT_EQ(again, 6);
}

BIDE_TEST(shield, gives_the_result_of_what_it_shields) {
    const int value = co_await bide::shield(value_after(1ms, 1));
    EXPECT_EQ(value, 1);
    const auto owned = co_await bide::shield(owned_after(1ms, 2));
    EXPECT_EQ(*owned, 2);
    int& number = co_await bide::shield(number_after(1ms));
    EXPECT_EQ(&number, &shared_number);
    const auto task = bide::create_task(value_after(1ms, 3));
    const int copied = co_await bide::shield(task);
    EXPECT_EQ(copied + task.result(), 6);
    const auto future = bide::create_future<int>();
    bide::get_running_loop().call_later(1ms, [future] { future.set_result(4); });
    const int set = co_await bide::shield(future);
    EXPECT_EQ(set, 4);
    co_await bide::shield(bide::sleep(1ms));
    co_await bide::shield(bide::any_task(task));
    auto [a, b] = co_await bide::shield(bide::gather(value_after(1ms, 1), value_after(1ms, 2)));
    EXPECT_EQ(a + b, 3);
}

BIDE_TEST(shield, fails_as_what_it_shields) {
    const auto failed = co_await bide::as_result(bide::shield(fail_after(1ms, "failed")));
    EXPECT_EQ(bide::describe_exception(failed.exception()), "failed");
    const auto task = bide::create_task(fail_after(1ms, "failed too"));
    const auto shielded = bide::shield(task);
    co_await bide::sleep(2ms);
    EXPECT_EQ(bide::describe_exception(shielded.exception()), "failed too");
}

BIDE_TEST(shield, gives_back_what_is_done_already) {
    const auto future = bide::create_future<int>();
    future.set_result(1);
    EXPECT_EQ(bide::shield(future), future);
    const auto task = bide::create_task(value_after(0ms, 2));
    co_await task;
    const auto shielded = bide::shield(task);
    EXPECT_TRUE(shielded.done());
    EXPECT_EQ(shielded.result(), 2);
    EXPECT_FALSE(shielded.cancel());
    const auto owner = bide::create_task(owned_after(0ms, 3));
    co_await bide::sleep(1ms);
    const auto owned = co_await bide::shield(owner);
    EXPECT_EQ(*owned, 3);
}

BIDE_TEST(section17, s41_cancelling_the_waiter_leaves_the_inner_running) {
    const auto inner = bide::create_task(value_after(5ms, 5));
    const auto waiter = bide::create_task(await_shielded(inner));
    co_await bide::sleep(1ms);
    waiter.cancel("only the waiter");
    const auto outcome = co_await bide::gather_results(waiter);
    EXPECT_EQ(std::get<0>(outcome).error(), std::errc::operation_canceled);
    EXPECT_TRUE(waiter.cancelled());
    EXPECT_FALSE(inner.done());
    EXPECT_EQ(inner.cancelling(), 0U);
    const int value = co_await inner;
    EXPECT_EQ(value, 5);
}

BIDE_TEST(section17, s41_the_inner_runs_on_without_any_handle) {
    int ended = 0;
    const auto note = [](int* count) -> bide::coro<void> {
        int& to = *count;
        co_await bide::sleep(2ms);
        ++to;
    };
    {
        const auto shielded = bide::shield(note(&ended));
        co_await bide::sleep(1ms);
        EXPECT_TRUE(shielded.cancel());
        EXPECT_TRUE(shielded.cancelled());
    }
    { const auto dropped = bide::shield(note(&ended)); }
    co_await bide::sleep(5ms);
    EXPECT_EQ(ended, 2);
}

BIDE_TEST(section17, s41_cancelling_the_inner_cancels_the_outer) {
    const auto inner = bide::create_task(nothing_after(1h));
    const auto shielded = bide::shield(inner);
    co_await bide::sleep(1ms);
    inner.cancel("inside");
    std::string message;
    try {
        co_await shielded;
    } catch (const bide::cancelled_error& e) { message = e.message(); }
    EXPECT_TRUE(shielded.cancelled());
    EXPECT_EQ(message, "inside");
    EXPECT_EQ(bide::current_task().cancelling(), 0U);
}

BIDE_TEST(section17, s41_a_failure_of_the_inner_after_the_outer_was_cancelled_is_reported) {
    auto& reports = collect_reports();
    const auto inner = bide::create_task(fail_after(3ms, "too late"), bide::task_options().name("inner"));
    const auto waiter = bide::create_task(await_shielded(inner));
    co_await bide::sleep(1ms);
    waiter.cancel();
    co_await bide::sleep(5ms);
    const std::vector<std::string> expected{"Unhandled exception in shielded future [inner]: too late"};
    EXPECT_EQ(reports, expected);  // at once, although there is a handle
    EXPECT_TRUE(inner.done());
}

BIDE_TEST(section17, s41_the_report_comes_once_and_without_any_handle) {
    auto& reports = collect_reports();
    {
        const auto shielded = bide::shield(fail_after(2ms, "too late"));
        shielded.cancel();
    }
    co_await bide::sleep(5ms);
    EXPECT_EQ(reports.size(), 1U);
    EXPECT_NE(reports.at(0).find("exception in shielded future"), std::string::npos);
}

BIDE_TEST(shield, a_failure_that_somebody_else_sees_is_not_reported) {
    auto& reports = collect_reports();
    const auto inner = bide::create_task(fail_after(3ms, "seen"));
    const auto shielded = bide::shield(inner);
    shielded.cancel();
    const auto seen = co_await bide::as_result(inner);
    EXPECT_EQ(bide::describe_exception(seen.exception()), "seen");
    co_await bide::sleep(1ms);
    EXPECT_EQ(reports, std::vector<std::string>());
}

BIDE_TEST(shield, cancelled_when_the_inner_has_failed_but_has_not_reported_yet) {
    auto& reports = collect_reports();
    const auto future = bide::create_future<int>();
    const auto shielded = bide::shield(future);
    future.set_exception(std::runtime_error("between"));
    EXPECT_TRUE(shielded.cancel());
    co_await bide::sleep(1ms);
    EXPECT_EQ(reports.size(), 1U);
    EXPECT_TRUE(shielded.cancelled());
}

BIDE_TEST(shield, a_plain_future_that_fails_after_all_is_reported_once) {
    auto& reports = collect_reports();
    {
        auto future = bide::create_future<int>();
        bide::shield(future).cancel();  // the shield is gone
        future.set_exception(std::runtime_error("kept"));
        co_await bide::sleep(1ms);
        EXPECT_EQ(reports.size(), 0U);
        const auto shielded = bide::shield(bide::create_future<int>());  // nobody can ever set it
        shielded.cancel();
        future = {};
    }
    EXPECT_EQ(reports, std::vector<std::string>{"Future exception was never retrieved []: kept"});
}

BIDE_TEST(shield, cancelled_at_the_end_of_the_inner_gives_a_value_that_is_lost) {
    const auto inner = bide::create_future<std::unique_ptr<int>>();
    const auto shielded = bide::shield(inner);
    inner.set_result(std::make_unique<int>(1));
    shielded.cancel();
    co_await bide::sleep(1ms);
    EXPECT_TRUE(shielded.cancelled());
    const auto value = co_await inner;  // still there for whoever has the inner one
    EXPECT_EQ(*value, 1);
}

BIDE_TEST(shield, in_wait_for_style_the_inner_survives_the_timeout) {
    const auto inner = bide::create_task(value_after(5ms, 5));
    const auto waiter = bide::create_task(await_shielded(inner));
    bide::get_running_loop().call_later(1ms, [waiter] { waiter.cancel(); });
    co_await bide::gather_results(waiter);
    const int value = co_await inner;
    EXPECT_EQ(value, 5);
}

BIDE_TEST(shield, nests_and_shields_a_gather) {
    const auto first = bide::create_task(value_after(2ms, 1));
    const auto second = bide::create_task(value_after(3ms, 2));
    {
        const auto shielded = bide::shield(bide::shield(bide::gather(first, second)));
        co_await bide::sleep(1ms);
        shielded.cancel();
    }
    const auto values = co_await bide::gather(first, second);
    EXPECT_EQ(values, std::tuple(1, 2));
}

BIDE_TEST(shield, done_callbacks_are_called_even_when_every_handle_was_dropped) {
    int sum = 0;
    bide::shield(value_after(1ms, 1)).add_done_callback([&sum](const auto& done) { sum += done.result(); });
    co_await bide::sleep(2ms);
    EXPECT_EQ(sum, 1);
}

TEST(shield, needs_a_running_loop_for_coroutines) {
    EXPECT_THROW(static_cast<void>(bide::shield(bide::sleep(0s))), bide::invalid_state_error);
}

TEST(shield, left_behind_at_the_end_of_run) {
    bide::testing::run_test(
        []() -> bide::coro<void> {
            const auto shielded = bide::shield(nothing_after(1h));
            const auto cancelled = bide::shield(nothing_after(1h));
            cancelled.cancel();
            co_await bide::sleep(1ms);
        },
        bide::testing::test_options().allow_tasks());
}

TEST(shield, outlives_its_loop) {
    bide::future<int> shielded;
    bide::future<int> cancelled;
    {
        bide::event_loop loop;
        loop.set_exception_handler([](bide::event_loop&, const bide::exception_context&) {});
        const auto task = bide::create_task(loop, value_after(1h, 1));
        const auto other = bide::create_task(loop, value_after(1h, 1));
        shielded = bide::shield(task);
        cancelled = bide::shield(other);
        shielded.add_done_callback([](const auto&) { ADD_FAILURE() << "called after the loop was closed"; });
        cancelled.cancel();
        loop.call_soon([&loop] { loop.stop(); });
        loop.run_forever();
        loop.close();
    }
    EXPECT_FALSE(shielded.done());
    EXPECT_TRUE(cancelled.cancelled());
}

TEST(shield, cancelled_at_every_turn) {
    int ended = 0;
    const auto runs = bide::testing::cancel_everywhere(
        [&ended]() -> bide::coro<void> {
            const int before = ended;
            const auto inner = bide::create_task(value_after(1ms, 1));
            const int value = co_await bide::shield(inner);
            ended = before + value;
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
    EXPECT_GE(runs, 4U);
    EXPECT_EQ(ended, 1);
}

BIDE_TEST(shield, is_seen_by_the_call_graph) {
    const auto inner = bide::create_task(nothing_after(2ms));
    const auto waiter = bide::create_task(await_shielded(inner), bide::task_options().name("waiter"));
    co_await bide::sleep(1ms);
    const auto graph = bide::capture_call_graph(inner);
    EXPECT_EQ(graph.awaited_by().size(), 1U);
    EXPECT_EQ(graph.awaited_by().at(0).name(), "waiter");
    EXPECT_EQ(graph.awaited_by().at(0).waits_for(), "shield");
    co_await waiter;
}

}  // namespace
