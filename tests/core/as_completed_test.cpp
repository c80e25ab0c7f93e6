// bide/core: as_completed: the handles in the order in which they get done.
#include "support/after.hpp"
#include "support/async_test.hpp"

#include <cmath>

namespace {

using namespace std::chrono_literals;
using bide_test::fail_after;
using bide_test::owned_after;
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

// [in_order]
bide::coro<std::vector<int>> in_order(std::vector<bide::task<int>> work) {
    std::vector<int> seen;
    auto done = bide::as_completed(work);
    while (auto next = co_await done.next()) {
        const int value = co_await *next;
        seen.push_back(value);
    }
    co_return seen;
}
// [/in_order]

BIDE_TEST(as_completed, gives_the_original_handles_in_the_order_of_completion) {
    const tasks all = three();
    const auto seen = co_await in_order(all);
    EXPECT_EQ(seen, (std::vector{1, 2, 3}));
    auto done = bide::as_completed(all);
    const auto first = co_await done.next();
    EXPECT_TRUE(first.has_value());
    EXPECT_NE(std::find(all.begin(), all.end(), *first), all.end());
}

BIDE_TEST(as_completed, gives_each_when_it_is_done) {
    const tasks all = three();
    const auto start = now();
    auto done = bide::as_completed(all);
    for (int i = 1; i <= 3; ++i) {
        const auto next = co_await done.next();
        EXPECT_EQ(next.value().result(), i);
        EXPECT_EQ(now() - start, milliseconds(i));
    }
    const auto end = co_await done.next();
    EXPECT_FALSE(end.has_value());
    const auto still_the_end = co_await done.next();
    EXPECT_FALSE(still_the_end.has_value());
}

BIDE_TEST(as_completed, keeps_what_got_done_while_nobody_waited) {
    const tasks all = three();
    auto done = bide::as_completed(all);
    co_await bide::sleep(10ms);
    for (int i = 1; i <= 3; ++i) {
        const auto next = co_await done.next();
        EXPECT_EQ(next.value().result(), i);
    }
    EXPECT_EQ(now().time_since_epoch() % 10ms, 0ms);
}

BIDE_TEST(as_completed, makes_tasks_of_coroutines) {
    std::vector<bide::coro<int>> work;
    work.push_back(value_after(2ms, 2));
    work.push_back(value_after(1ms, 1));
    auto done = bide::as_completed(std::move(work));
    auto first = co_await done.next();
    static_assert(std::is_same_v<decltype(first), std::optional<bide::task<int>>>);
    EXPECT_EQ(first.value().result(), 1);
    const auto second = co_await done.next();
    EXPECT_EQ(second.value().result(), 2);
}

BIDE_TEST(as_completed, duplicates_collapse) {
    const auto task = bide::create_task(value_after(1ms, 1));
    const tasks twice{task, task};
    const auto seen = co_await in_order(twice);
    EXPECT_EQ(seen, std::vector{1});
    const auto again = co_await in_order(twice);  // done before
    EXPECT_EQ(again, std::vector{1});
}

BIDE_TEST(as_completed, of_nothing_is_at_its_end) {
    auto done = bide::as_completed(tasks());
    const auto end = co_await done.next();
    EXPECT_FALSE(end.has_value());
}

BIDE_TEST(as_completed, failures_and_cancellations_stay_in_the_handles) {
    const tasks all{bide::create_task(fail_after(1ms, "failed")), bide::create_task(value_after(1h, 1))};
    bide::get_running_loop().call_later(2ms, [victim = all.at(1)] { victim.cancel(); });
    auto done = bide::as_completed(all);
    const auto first = co_await done.next();
    EXPECT_EQ(bide::describe_exception(first.value().exception()), "failed");
    const auto second = co_await done.next();
    EXPECT_TRUE(second.value().cancelled());
}

BIDE_TEST(as_completed, hands_on_what_cannot_be_copied) {
    std::vector<bide::coro<std::unique_ptr<int>>> work;
    work.push_back(owned_after(1ms, 5));
    auto done = bide::as_completed(std::move(work));
    int sum = 0;
    while (auto next = co_await done.next()) {
        const auto value = co_await std::move(*next);
        sum += *value;
    }
    EXPECT_EQ(sum, 5);
}

BIDE_TEST(as_completed, of_futures) {
    const std::vector<bide::future<int>> all{bide::create_future<int>(), bide::create_future<int>()};
    auto done = bide::as_completed(all);
    all.at(1).set_result(1);
    const auto first = co_await done.next();
    EXPECT_EQ(first, all.at(1));
}

BIDE_TEST(section17, s34_as_completed_with_a_timeout_raises_for_each_that_is_left_but_does_not_cancel) {
    const tasks all = three();
    const auto start = now();
    auto done = bide::as_completed(all, 1500us);
    const auto first = co_await done.next();
    EXPECT_EQ(first.value().result(), 1);
    int raised = 0;
    for (int i = 0; i < 2; ++i) {
        try {
            co_await done.next();
        } catch (const bide::timeout_error& e) {
            EXPECT_NE(std::string(e.what()).find(i == 0 ? "2 of 3" : "1 of 3"), std::string::npos)
                << e.what();
            ++raised;
        }
    }
    EXPECT_EQ(raised, 2);
    EXPECT_EQ(now() - start, 1500us);
    const auto end = co_await done.next();
    EXPECT_FALSE(end.has_value());
    for (const auto& each : all) EXPECT_EQ(each.cancelling(), 0U);
    co_await bide::gather(all);
}

BIDE_TEST(as_completed, the_timeout_is_for_the_whole_iteration) {
    const tasks all = three();
    auto done = bide::as_completed(all, 2500us);
    co_await bide::sleep(
        5ms);  // the consumer is slow; what was done in time still comes, what was not does not
    const auto first = co_await done.next();
    EXPECT_EQ(first.value().result(), 1);
    const auto second = co_await done.next();
    EXPECT_EQ(second.value().result(), 2);
    const auto third = co_await bide::as_result(done.next());
    EXPECT_EQ(third.error(), std::errc::timed_out);
    EXPECT_TRUE(all.at(0).done());
    EXPECT_THROW(static_cast<void>(bide::as_completed(all, std::chrono::duration<double>(std::nan("")))),
                 std::invalid_argument);
}

BIDE_TEST(as_completed, a_timeout_of_zero) {
    const auto ready = bide::create_future<int>();
    ready.set_result(1);
    const std::vector<bide::future<int>> all{ready, bide::create_future<int>()};
    auto done = bide::as_completed(all, 0s);
    const auto none = co_await bide::as_result(done.next());
    EXPECT_EQ(none.error(), std::errc::timed_out);
}

BIDE_TEST(as_completed, dropped_early_cancels_nothing) {
    const tasks all = three();
    {
        auto done = bide::as_completed(all, 1h);
        const auto first = co_await done.next();
        EXPECT_EQ(first.value().result(), 1);
    }
    {
        auto done = bide::as_completed(all);  // one is done but has not reported yet
        auto moved = std::move(done);
        done = bide::as_completed(all);
    }
    const auto values = co_await bide::gather(all);
    EXPECT_EQ(values, (std::vector{3, 1, 2}));
}

BIDE_TEST(as_completed, refuses_misuse) {
    bide::event_loop other;
    const std::vector<bide::future<int>> foreign{bide::create_future<int>(other)};
    EXPECT_THROW(static_cast<void>(bide::as_completed(foreign)), std::invalid_argument);
    auto done = bide::as_completed(tasks());
    const auto moved = std::move(done);
    const auto outcome = co_await bide::as_result(done.next());
    EXPECT_EQ(outcome.error(), std::errc::operation_not_permitted);
}

BIDE_TEST(as_completed, one_task_at_a_time_may_wait) {
    const tasks all = three();
    auto done = bide::as_completed(all);
    const auto reader = bide::create_task(
        [](auto* from) -> bide::coro<int> {
            const auto next = co_await from->next();
            co_return next.value().result();
        },
        &done);
    co_await bide::sleep(500us);
    const auto refused = co_await bide::as_result(done.next());
    EXPECT_EQ(refused.error(), std::errc::operation_not_permitted);
    const int first = co_await reader;
    EXPECT_EQ(first, 1);
    const auto second = co_await done.next();  // the place is free again
    EXPECT_EQ(second.value().result(), 2);
    co_await all.at(0);
}

// --- cancellation ---

template <class From>
bide::coro<int> read_one(From* from) {
    auto& done = *from;
    const auto next = co_await done.next();
    co_return next.value().result();
}

BIDE_TEST(as_completed, a_cancelled_reader_loses_nothing) {
    for (const bool timed : {false, true}) {
        const tasks all = three();
        auto done = timed ? bide::as_completed(all, 1h) : bide::as_completed(all);
        const auto reader = bide::create_task(read_one(&done));
        co_await bide::sleep(500us);
        reader.cancel();
        co_await bide::gather_results(reader);
        EXPECT_TRUE(reader.cancelled());
        const auto seen = co_await done.next();
        EXPECT_EQ(seen.value().result(), 1);
        co_await bide::gather(all);
    }
}

BIDE_TEST(as_completed, a_reader_cancelled_after_it_was_woken_passes_it_on) {
    const auto future = bide::create_future<int>();
    auto done = bide::as_completed(std::vector{future});
    const auto reader = bide::create_task(read_one(&done));
    co_await bide::sleep(1ms);
    future.add_done_callback(
        [reader](const auto&) { reader.cancel(); });  // behind the one that wakes the reader
    future.set_result(1);
    co_await bide::gather_results(reader);
    EXPECT_TRUE(reader.cancelled());
    const auto next = co_await done.next();
    EXPECT_EQ(next.value().result(), 1);
}

TEST(as_completed, cancelled_at_every_turn) {
    std::vector<int> seen;
    const auto runs = bide::testing::cancel_everywhere(
        [&seen]() -> bide::coro<void> {
            const tasks all = three();
            seen.clear();
            auto done = bide::as_completed(all, 1h);
            while (auto next = co_await done.next()) seen.push_back(next->result());
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
    EXPECT_GE(runs, 5U);
    EXPECT_EQ(seen, (std::vector{1, 2, 3}));
}

TEST(as_completed, suspended_when_its_loop_is_closed) {
    int destroyed = 0;
    {
        bide::event_loop loop;
        loop.set_exception_handler([&](bide::event_loop&, const bide::exception_context&) { ++destroyed; });
        const auto future = bide::create_future<int>(loop);
        const auto read = [](std::vector<bide::future<int>> which, bool timed) -> bide::coro<void> {
            auto done = timed ? bide::as_completed(which, 1h) : bide::as_completed(which);
            while (auto next = co_await done.next()) static_cast<void>(next);
        };
        const std::vector both{future, bide::create_future<int>(loop)};
        const auto timed = bide::create_task(loop, read(both, true));
        const auto plain = bide::create_task(loop, read(both, false));
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

BIDE_TEST(as_completed, is_seen_by_the_call_graph) {
    const tasks all = three();
    auto done = bide::as_completed(all);
    const auto reader = bide::create_task(read_one(&done), bide::task_options().name("reader"));
    co_await bide::sleep(500us);
    const auto graph = bide::capture_call_graph(all.at(0));
    EXPECT_EQ(graph.awaited_by().size(), 1U);
    EXPECT_EQ(graph.awaited_by().at(0).name(), "reader");
    EXPECT_EQ(graph.awaited_by().at(0).waits_for(), "as_completed");
    co_await reader;
    co_await bide::gather(all);
}

}  // namespace
