// bide/core: wait: which are done, which are pending, and that it touches neither.
#include "support/after.hpp"
#include "support/async_test.hpp"

#include <forward_list>
#include <list>

namespace {

using namespace std::chrono_literals;
using bide_test::fail_after;
using bide_test::nothing_after;
using bide_test::value_after;
using std::chrono::milliseconds;

bide::time_point now() { return bide::get_running_loop().time(); }

using tasks = std::vector<bide::task<int>>;

tasks three() {
    tasks all;
    all.push_back(bide::create_task(value_after(3ms, 3)));
    all.push_back(bide::create_task(value_after(1ms, 1)));
    all.push_back(bide::create_task(value_after(2ms, 2)));
    return all;
}

// What is left is cancelled, so that the test leaves nothing behind.
bide::coro<void> finish(tasks all) {
    const tasks mine = std::move(all);
    for (const auto& each : mine) each.cancel();
    co_await bide::gather_results(mine);
}

bide::coro<int> first_of(std::vector<bide::task<int>> work) {
    int answer = 0;
    // [first]
    auto [done, pending] = co_await bide::wait(work, bide::first_completed, 2s);
    for (auto& each : pending) each.cancel();
    if (!done.empty()) answer = co_await done.front();
    // [/first]
    co_return answer;
}

BIDE_TEST(wait, as_the_reference_page_shows_it) {
    const tasks all = three();
    const int answer = co_await first_of(all);
    EXPECT_EQ(answer, 1);
    co_await bide::gather_results(all);
}

BIDE_TEST(wait, for_all) {
    const tasks all = three();
    const auto start = now();
    auto [done, pending] = co_await bide::wait(all);
    EXPECT_EQ(done, all);  // in the order of the arguments
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(now() - start, 3ms);
}

BIDE_TEST(wait, for_the_first) {
    const tasks all = three();
    const auto start = now();
    auto [done, pending] = co_await bide::wait(all, bide::first_completed);
    EXPECT_EQ(done, tasks{all.at(1)});
    EXPECT_EQ(pending, (tasks{all.at(0), all.at(2)}));
    EXPECT_EQ(now() - start, 1ms);
    co_await finish(all);
}

BIDE_TEST(wait, for_the_first_may_find_several) {
    tasks all;
    for (int i = 0; i < 3; ++i) all.push_back(bide::create_task(value_after(1ms, i)));
    auto [done, pending] = co_await bide::wait(all, bide::first_completed);
    EXPECT_EQ(done, all);
    EXPECT_TRUE(pending.empty());
}

BIDE_TEST(wait, for_the_first_exception) {
    tasks all = three();
    all.push_back(bide::create_task(fail_after(2ms, "failed")));
    all.push_back(bide::create_task(value_after(5ms, 5)));
    const auto start = now();
    auto [done, pending] = co_await bide::wait(all, bide::first_exception);
    EXPECT_EQ(now() - start, 2ms);
    EXPECT_EQ(pending, (tasks{all.at(0), all.at(4)}));
    EXPECT_EQ(bide::describe_exception(all.at(3).exception()), "failed");
    co_await finish(all);
}

BIDE_TEST(wait, for_the_first_exception_takes_a_cancellation_for_none) {
    const tasks all = three();
    bide::get_running_loop().call_later(1500us, [victim = all.at(2)] { victim.cancel(); });
    const auto start = now();
    auto [done, pending] = co_await bide::wait(all, bide::first_exception);
    EXPECT_EQ(done, all);
    EXPECT_EQ(now() - start, 3ms);
    EXPECT_TRUE(all.at(2).cancelled());
}

BIDE_TEST(wait, for_the_first_takes_a_cancellation_for_one) {
    const tasks all = three();
    bide::get_running_loop().call_later(500us, [victim = all.at(2)] { victim.cancel(); });
    auto [done, pending] = co_await bide::wait(all, bide::first_completed);
    EXPECT_EQ(done, tasks{all.at(2)});
    co_await finish(all);
}

BIDE_TEST(section17, s34_wait_with_a_timeout_neither_raises_nor_cancels) {
    const tasks all = three();
    const auto start = now();
    auto [done, pending] = co_await bide::wait(all, 2500us);
    EXPECT_EQ(now() - start, 2500us);
    EXPECT_EQ(done, (tasks{all.at(1), all.at(2)}));
    EXPECT_EQ(pending, tasks{all.at(0)});
    EXPECT_EQ(all.at(0).cancelling(), 0U);
    const int value = co_await all.at(0);
    EXPECT_EQ(value, 3);
}

BIDE_TEST(wait, takes_options_in_every_spelling) {
    const tasks all = three();
    auto none =
        co_await bide::wait(all, bide::wait_options().return_when(bide::first_completed).timeout(500us));
    EXPECT_TRUE(none.done.empty());
    EXPECT_EQ(none.pending, all);
    auto first = co_await bide::wait(all, bide::return_when::first_completed, 1h);
    EXPECT_EQ(first.done.size(), 1U);
    auto every = co_await bide::wait(all, 1h);
    EXPECT_EQ(every.done.size(), 3U);
    EXPECT_THROW(static_cast<void>(bide::wait(all, std::chrono::duration<double>(std::nan("")))),
                 std::invalid_argument);
}

BIDE_TEST(wait, with_a_timeout_of_zero_looks_once) {
    tasks all = three();
    all.push_back(bide::create_task(value_after(0ms, 0)));
    co_await all.at(3);
    const auto start = now();
    auto [done, pending] = co_await bide::wait(all, 0s);
    EXPECT_EQ(now(), start);
    EXPECT_EQ(done, tasks{all.at(3)});
    auto negative = co_await bide::wait(all, -1s);
    EXPECT_EQ(negative.pending.size(), 3U);
    co_await finish(all);
}

BIDE_TEST(wait, suspends_even_for_what_is_done) {
    const auto ready = bide::create_future<int>();
    ready.set_result(1);
    bool ran = false;
    bide::get_running_loop().call_soon([&ran] { ran = true; });
    const std::vector<bide::future<int>> all{ready, ready};
    auto [done, pending] = co_await bide::wait(all, bide::first_completed);
    EXPECT_EQ(done, std::vector{ready});
    EXPECT_TRUE(ran);
}

BIDE_TEST(wait, names_a_duplicate_once) {
    const auto task = bide::create_task(value_after(1ms, 1));
    const tasks twice{task, task, task};
    auto [done, pending] = co_await bide::wait(twice);
    EXPECT_EQ(done, tasks{task});
    auto again = co_await bide::wait(twice);  // done before
    EXPECT_EQ(again.done, tasks{task});
}

BIDE_TEST(wait, takes_any_range_of_handles_and_tasks_of_several_types) {
    const auto number = bide::create_task(value_after(1ms, 1));
    const auto nothing = bide::create_task(nothing_after(2ms));
    auto [done, pending] = co_await bide::wait(bide::any_tasks(number, nothing), bide::first_completed);
    EXPECT_EQ(done.at(0), bide::any_task(number));
    EXPECT_EQ(pending.at(0), bide::any_task(nothing));
    const std::list<bide::any_task> sized{number, nothing};
    auto second = co_await bide::wait(sized);
    EXPECT_EQ(second.done.size(), 2U);
    const std::forward_list<bide::any_task> unsized{number, nothing};
    auto third = co_await bide::wait(unsized);
    EXPECT_EQ(third.done.size(), 2U);
}

BIDE_TEST(wait, refuses_what_makes_no_sense) {
    bide::event_loop other;
    EXPECT_THROW(static_cast<void>(bide::wait(tasks())), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(bide::wait(tasks(1))), bide::invalid_state_error);  // an empty handle
    const std::vector<bide::future<int>> foreign{bide::create_future<int>(other)};
    const auto outcome = co_await bide::as_result(bide::wait(foreign));
    EXPECT_EQ(outcome.error(), std::errc::operation_not_permitted);
    const std::vector running{bide::current_task()};
    const auto self = co_await bide::as_result(bide::wait(running));
    EXPECT_NE(bide::describe_exception(self.exception()).find("cannot await itself"), std::string::npos);
}

BIDE_TEST(wait, can_be_awaited_once) {
    const tasks all = three();
    auto waiting = bide::wait(all);
    auto first = co_await std::move(waiting);
    EXPECT_EQ(first.done.size(), 3U);
    std::string error;
    try {
        co_await std::move(waiting);
    } catch (const bide::invalid_state_error& e) { error = e.what(); }
    EXPECT_NE(error.find("awaited or moved from before"), std::string::npos);
    const auto never_awaited = bide::wait(all);
    static_cast<void>(never_awaited);
}

BIDE_TEST(wait, leaves_failures_unlooked_at) {
    int reports = 0;
    bide::get_running_loop().set_exception_handler(
        [&reports](bide::event_loop&, const bide::exception_context&) { ++reports; });
    {
        const tasks failing{bide::create_task(fail_after(1ms, "nobody looks"))};
        auto [done, pending] = co_await bide::wait(failing, bide::first_exception);
        EXPECT_EQ(done.size(), 1U);
    }
    EXPECT_EQ(reports, 1);
}

// --- cancellation ---

bide::coro<void> wait_for_all(tasks which, milliseconds limit) {
    const tasks mine = std::move(which);
    if (limit == 0ms) {
        co_await bide::wait(mine);
    } else {
        co_await bide::wait(mine, limit);
    }
}

BIDE_TEST(wait, cancelled_cancels_nobody) {
    const tasks all = three();
    const auto plain = bide::create_task(wait_for_all(all, 0ms));
    const auto timed = bide::create_task(wait_for_all(all, 5ms));
    co_await bide::sleep(500us);
    plain.cancel("enough");
    timed.cancel();
    co_await bide::gather_results(plain, timed);
    EXPECT_TRUE(plain.cancelled());
    EXPECT_TRUE(timed.cancelled());
    EXPECT_EQ(now().time_since_epoch() % 1ms, 500us);  // at once
    for (const auto& each : all) EXPECT_EQ(each.cancelling(), 0U);
    auto [done, pending] = co_await bide::wait(all);
    EXPECT_EQ(done.size(), 3U);
}

BIDE_TEST(wait, cancelled_in_the_turn_in_which_it_was_woken) {
    const auto future = bide::create_future<int>();
    const auto waiter = bide::create_task(
        [](bide::future<int> what) -> bide::coro<void> {
            const std::vector one{what};
            co_await bide::wait(one);
        },
        future);
    co_await bide::sleep(1ms);
    future.add_done_callback([waiter](const auto&) { waiter.cancel(); });  // behind the wait's own
    future.set_result(1);
    co_await bide::gather_results(waiter);
    EXPECT_TRUE(waiter.cancelled());
    EXPECT_EQ(future.result(), 1);
}

BIDE_TEST(wait, cancelled_in_the_turn_in_which_its_time_is_up) {
    const auto future = bide::create_future<int>();
    const auto waiter = bide::create_task(
        [](bide::future<int> what) -> bide::coro<void> {
            const std::vector one{what};
            co_await bide::wait(one, 1ms);
        },
        future);
    bool accepted = false;
    bide::get_running_loop().call_later(1ms, [waiter, &accepted] { accepted = waiter.cancel(); });
    co_await bide::gather_results(waiter);
    EXPECT_EQ(waiter.cancelled(),
              accepted);  // true unless the ready queue is shuffled: its timer was set first
    EXPECT_FALSE(future.done());
}

BIDE_TEST(wait, with_a_cancellation_that_came_before) {
    const tasks all = three();
    const auto waiter = bide::create_task(
        [](tasks which) -> bide::coro<void> {
            const tasks mine = std::move(which);
            bide::current_task().cancel();
            co_await bide::wait(mine, 1ms);
            ADD_FAILURE() << "the cancellation was lost";
        },
        all);
    co_await bide::gather_results(waiter);
    EXPECT_TRUE(waiter.cancelled());
    co_await finish(all);
}

TEST(wait, cancelled_at_every_turn) {
    std::size_t ended = 0;
    for (const auto when : {bide::all_completed, bide::first_completed}) {
        const auto runs = bide::testing::cancel_everywhere(
            [&ended, when]() -> bide::coro<void> {
                const tasks all = three();
                auto [done, pending] = co_await bide::wait(all, when, 10ms);
                ended = done.size();
            },
            [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
        EXPECT_GE(runs, 4U);
        EXPECT_EQ(ended, when == bide::all_completed ? 3U : 1U);
    }
}

TEST(wait, that_nobody_can_end_is_a_deadlock_and_named_in_its_report) {
    std::string report;
    try {
        bide::testing::run_test([]() -> bide::coro<void> {
            const std::vector one{bide::create_future<int>()};
            co_await bide::wait(one);
        });
    } catch (const bide::deadlock_error& e) { report = e.what(); }
    EXPECT_NE(report.find("waits for wait"), std::string::npos) << report;
}

TEST(wait, suspended_when_its_loop_is_closed) {
    int destroyed = 0;
    {
        bide::event_loop loop;
        loop.set_exception_handler([&](bide::event_loop&, const bide::exception_context&) { ++destroyed; });
        const auto future = bide::create_future<int>(loop);
        const auto wait_on = [](std::vector<bide::future<int>> which, bool timed) -> bide::coro<void> {
            const auto mine = std::move(which);
            if (timed) {
                co_await bide::wait(mine, 1h);
            } else {
                co_await bide::wait(mine);
            }
        };
        const std::vector both{future, bide::create_future<int>(loop)};
        const auto timed = bide::create_task(loop, wait_on(both, true));
        const auto plain = bide::create_task(loop, wait_on(both, false));
        loop.call_soon([&] {
            loop.call_soon([&] {
                future.set_result(1);  // done, but nobody will be told any more
                loop.stop();
            });
        });
        loop.run_forever();
        loop.close();
        EXPECT_TRUE(timed.cancelled());
        EXPECT_TRUE(plain.cancelled());
    }
    EXPECT_EQ(destroyed, 2);  // "Task was destroyed but it is pending"
}

BIDE_TEST(wait, is_seen_by_the_call_graph) {
    const tasks all = three();
    const auto waiter = bide::create_task(wait_for_all(all, 9ms));
    co_await bide::sleep(500us);
    const auto graph = bide::capture_call_graph(all.at(0));
    EXPECT_EQ(graph.awaited_by().size(), 1U);
    EXPECT_EQ(graph.awaited_by().at(0).name(), waiter.get_name());
    co_await waiter;
}

}  // namespace
