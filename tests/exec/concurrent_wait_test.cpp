// bide/exec: tests of waiting for several concurrent futures.
// bide-test: once
#include "support/expect.hpp"
#include "support/gate.hpp"

#include <bide/concurrent_wait.hpp>
#include <bide/thread_pool.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide::concurrent_future;
using bide::create_concurrent_future;
using bide::return_when;
namespace concurrent = bide::concurrent;
using futures = std::vector<concurrent_future<int>>;

futures make(std::size_t count) {
    futures all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(create_concurrent_future<int>());
    return all;
}

TEST(concurrent_wait, waits_for_all) {
    const futures all = make(3);
    std::thread other([&] {
        for (const auto& each : all) each.set_result(1);
    });
    const auto [done, not_done] = concurrent::wait(all);
    other.join();
    EXPECT_EQ(done, all);
    EXPECT_TRUE(not_done.empty());
}

// [example]
TEST(concurrent_wait, takes_the_results_as_they_come) {
    bide::thread_pool pool(2);
    std::vector<bide::concurrent_future<int>> jobs;
    for (int i = 1; i <= 4; ++i) jobs.push_back(pool.submit([](int n) { return n * n; }, i));
    int sum = 0;
    for (const auto& job : bide::concurrent::as_completed(jobs)) sum += job.result();
    EXPECT_EQ(sum, 30);
    EXPECT_TRUE(bide::concurrent::wait(jobs, 1s).not_done.empty());
}
// [/example]

TEST(concurrent_wait, waits_for_the_first) {
    const futures all = make(3);
    std::thread other([&] { all[1].set_result(1); });
    const auto [done, not_done] = concurrent::wait(all, return_when::first_completed);
    other.join();
    EXPECT_EQ(done, futures{all[1]});
    EXPECT_EQ(not_done, (futures{all[0], all[2]}));
}

TEST(concurrent_wait, waits_for_the_first_exception_and_a_cancellation_is_none) {
    const futures all = make(4);
    std::thread other([&] {
        all[0].set_result(1);
        all[1].cancel();
        all[2].set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    });
    const auto [done, not_done] = concurrent::wait(all, return_when::first_exception);
    other.join();
    EXPECT_EQ(done, (futures{all[0], all[1], all[2]}));
    EXPECT_EQ(not_done, futures{all[3]});
    EXPECT_NE(all[2].exception(), nullptr);
}

TEST(concurrent_wait, without_an_exception_it_waits_for_all) {
    const futures all = make(2);
    all[0].set_result(1);
    all[1].cancel();
    EXPECT_EQ(concurrent::wait(all, return_when::first_exception).done.size(), 2U);
}

TEST(concurrent_wait, a_time_limit_throws_nothing) {
    const futures all = make(2);
    all[1].set_result(1);
    const auto [done, not_done] = concurrent::wait(all, 1ms);
    EXPECT_EQ(done, futures{all[1]});
    EXPECT_EQ(not_done, futures{all[0]});
    EXPECT_EQ(concurrent::wait(all, 1h, return_when::first_completed).done.size(), 1U);
}

TEST(concurrent_wait, a_duplicate_counts_once_and_nothing_is_done_at_once) {
    const futures one = make(1);
    one[0].set_result(1);
    EXPECT_EQ(concurrent::wait(futures{one[0], one[0]}).done.size(), 1U);
    EXPECT_TRUE(concurrent::wait(futures{}).done.empty());
}

TEST(concurrent_as_completed, gives_the_futures_in_the_order_in_which_they_end) {
    const futures all = make(3);
    all[2].set_result(2);  // done already: first
    bide_test::gate first_seen;
    std::thread other([&] {
        first_seen.wait();
        all[1].set_result(1);
        all[0].cancel();
    });
    futures order;
    for (const auto& each : concurrent::as_completed(all)) {
        order.push_back(each);
        first_seen.open();
    }
    other.join();
    EXPECT_EQ(order, (futures{all[2], all[1], all[0]}));
}

TEST(concurrent_as_completed, throws_when_the_time_is_over) {
    const futures all = make(2);
    all[0].set_result(1);
    int seen = 0;
    const auto loop_over = [&] {
        for (const auto& each : concurrent::as_completed(all, 1ms)) {
            ++seen;
            EXPECT_TRUE(each.done());
        }
    };
    EXPECT_THROW(loop_over(), bide::timeout_error);
    EXPECT_EQ(seen, 1);
    all[1].set_result(1);
    loop_over();
    EXPECT_EQ(seen, 3);
}

TEST(concurrent_as_completed, may_be_left_early) {
    const futures all = make(3);
    for (const auto& each : all) each.set_result(0);
    for (const auto& each : concurrent::as_completed(all)) {
        EXPECT_TRUE(each.done());
        break;
    }
}

}  // namespace
