// bide/exec: tests of thread_pool::map.
// bide-test: once
#include "support/expect.hpp"
#include "support/gate.hpp"

#include <bide/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide::map_options;
using bide::thread_pool;
using bide_test::counter;
using bide_test::gate;

int square(int n) { return n * n; }

TEST(pool_map, gives_results_in_the_order_of_the_elements) {
    gate first_may_end;
    thread_pool pool(4);
    std::vector<int> results;
    auto all = pool.map(
        [&](int n) {
            if (n == 0) first_may_end.wait();
            if (n == 9) first_may_end.open();
            return square(n);
        },
        std::views::iota(0, 10));
    for (const int each : all) results.push_back(each);
    EXPECT_EQ(results, (std::vector<int>{0, 1, 4, 9, 16, 25, 36, 49, 64, 81}));
}

TEST(pool_map, walks_several_ranges_up_to_the_end_of_the_shortest) {
    thread_pool pool(2);
    const std::list<std::string> words = {"a", "b", "c"};
    const auto repeat = [](const std::string& word, int times) {
        std::string text;
        for (int i = 0; i < times; ++i) text += word;
        return text;
    };
    const std::vector<std::string> results = pool.map(repeat, words, std::vector<int>{1, 2}).to_vector();
    EXPECT_EQ(results, (std::vector<std::string>{"a", "bb"}));
    EXPECT_TRUE(pool.map(square, std::vector<int>{}).to_vector().empty());
}

TEST(pool_map, submits_everything_at_once) {
    counter ran;
    thread_pool pool(1);
    auto all = pool.map([&](int) { ran.add(); }, std::views::iota(0, 20));
    ran.wait_for(20);  // nobody has asked for a result yet
    std::size_t count = 0;
    for ([[maybe_unused]] const std::monostate each : all) ++count;
    EXPECT_EQ(count, 20U);
}

TEST(pool_map, a_buffersize_bounds_what_is_submitted_before_it_is_taken) {
    thread_pool pool(1);
    std::atomic<int> started{0};
    int taken = 0;
    auto all =
        pool.map(map_options().buffersize(3), [&](int n) { return ++started, n; }, std::views::iota(0, 10));
    for (const int each : all) {
        EXPECT_EQ(each, taken++);
        EXPECT_LE(started, taken + 3);
    }
    EXPECT_EQ(taken, 10);
}

TEST(pool_map, throws_the_first_exception_when_its_turn_comes_and_cancels_the_rest) {
    gate leave;
    thread_pool pool(1);
    std::atomic<int> ran{0};
    auto all = pool.map(
        [&](int n) {
            ++ran;
            if (n == 2) throw std::out_of_range("two");
            if (n == 3) leave.wait();
            return n;
        },
        std::views::iota(0, 10));
    std::vector<int> seen;
    EXPECT_THROW(
        {
            for (const int each : all) seen.push_back(each);
        },
        std::out_of_range);
    EXPECT_EQ(seen, (std::vector<int>{0, 1}));
    leave.open();
    pool.shutdown();
    EXPECT_LE(ran, 5);
}

TEST(pool_map, leaving_it_cancels_what_has_not_started) {
    gate leave;
    counter started;
    thread_pool pool(1);
    {
        auto all = pool.map(
            [&](int n) {
                started.add();
                if (n == 1) leave.wait();
                return n;
            },
            std::views::iota(0, 100));
        for (const int each : all) {
            EXPECT_EQ(each, 0);
            break;
        }
        started.wait_for(2);
    }
    leave.open();
    pool.shutdown();
    EXPECT_EQ(started.value(), 2U);
}

TEST(pool_map, the_time_limit_counts_from_the_call) {
    gate leave;
    thread_pool pool(1);  // last: its end waits for the job
    auto all =
        pool.map(map_options().timeout(1ms), [&](int n) { return leave.wait(), n; }, std::views::iota(0, 2));
    EXPECT_THROW(static_cast<void>(all.begin()), bide::timeout_error);
    leave.open();
}

TEST(pool_map, moves_results_that_cannot_be_copied) {
    thread_pool pool(2);
    int sum = 0;
    for (auto& each : pool.map([](int n) { return std::make_unique<int>(n); }, std::views::iota(1, 4)))
        sum += *each;
    EXPECT_EQ(sum, 6);
}

}  // namespace
