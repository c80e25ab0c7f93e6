// bide/tests: process_pool::map: order, chunks, limits, errors.
#include <bide/process_pool.hpp>

#include <gtest/gtest.h>

#include <list>
#include <ranges>
#include <string>
#include <variant>
#include <vector>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/pool_functions.hpp"
#include "system/scratch.hpp"

using namespace std::chrono_literals;
using namespace pool_tests;

using bide::process_map_options;
using bide::process_pool;
using bide_test::has;
using bide_test::outcome;
using system_tests::scratch;

namespace {

int checked(int x) {
    if (x == 5) throw std::out_of_range("five");
    return x;
}
std::string joined(int number, const std::string& text) { return std::to_string(number) + text; }

}  // namespace

BIDE_TEST(process_map, results_come_in_order_whatever_the_chunks) {
    process_pool pool(2);
    std::vector<int> numbers;
    std::vector<int> expected;
    for (int i = 0; i < 100; ++i) {
        numbers.push_back(i);
        expected.push_back(i * i);
    }
    for (const std::size_t chunk : {0, 1, 3, 99, 100, 1000}) {
        for (const std::size_t ahead : {0, 1, 10}) {
            auto results =
                pool.map<&square>(process_map_options().chunksize(chunk).buffersize(ahead), numbers);
            const std::vector<int> all = co_await results.to_vector();
            EXPECT_EQ(all, expected);
        }
    }
}

BIDE_TEST(process_map, one_after_the_other) {
    process_pool pool(2);
    auto results = pool.map<&square>(std::views::iota(1, 5));
    std::vector<int> all;
    while (auto each = co_await results.next()) all.push_back(*each);
    EXPECT_EQ(all, (std::vector<int>{1, 4, 9, 16}));
    const auto after_the_end = co_await results.next();
    EXPECT_FALSE(after_the_end);
}

BIDE_TEST(process_map, several_ranges_up_to_the_shortest) {
    process_pool pool(1);
    const std::list<std::string> texts{"a", "b", "c"};
    auto results = pool.map<&joined>(std::vector<int>{1, 2}, texts);
    const std::vector<std::string> all = co_await results.to_vector();
    EXPECT_EQ(all, (std::vector<std::string>{"1a", "2b"}));
    auto none = pool.map<&joined>(std::vector<int>{}, texts);
    const std::vector<std::string> empty = co_await none.to_vector();
    EXPECT_TRUE(empty.empty());
}

BIDE_TEST(process_map, of_a_void_function) {
    scratch folder;
    process_pool pool(1);
    auto results =
        pool.map<&append_line>(std::vector<std::string>(3, folder / "lines"), std::vector<int>{1, 2, 3});
    const std::vector<std::monostate> all = co_await results.to_vector();
    EXPECT_EQ(all.size(), 3U);
    EXPECT_EQ(system_tests::content(folder / "lines"), "1\n2\n3\n");
}

BIDE_TEST(process_map, an_exception_comes_in_its_turn) {
    process_pool pool(1);
    auto results = pool.map<&checked>(std::views::iota(0, 100));
    std::vector<int> all;
    std::string text;
    try {
        while (auto each = co_await results.next()) all.push_back(*each);
    } catch (const std::out_of_range& error) { text = error.what(); }
    EXPECT_EQ(text, "five");
    EXPECT_EQ(all.size(), 5U);
    EXPECT_EQ(pool.pending(), 0U);  // the rest was cancelled
}

BIDE_TEST(process_map, everything_is_submitted_at_once_or_so_many_ahead) {
    process_pool pool(1);
    const std::vector<int> numbers(50, 1);
    auto all = pool.map<&square>(numbers);
    EXPECT_EQ(pool.pending(), 50U);
    auto few = pool.map<&square>(process_map_options().buffersize(10).chunksize(2), numbers);
    EXPECT_EQ(pool.pending(), 55U);
    const std::vector<int> first = co_await all.to_vector();
    const std::vector<int> second = co_await few.to_vector();
    EXPECT_EQ(first, second);
}

BIDE_TEST(process_map, dropping_it_cancels_the_rest) {
    process_pool pool(1);
    {
        auto results = pool.map<&square>(std::views::iota(0, 5000));
        const auto first = co_await results.next();
        EXPECT_EQ(first, 0);
    }
    EXPECT_EQ(pool.pending(), 0U);
}

BIDE_TEST_WITH(process_map, the_time_counts_from_the_call, real_time()) {
    scratch folder;
    process_pool pool(1);
    const std::vector<std::string> ends{folder / "end", folder / "never"};
    std::ofstream(ends[0]).put('x');
    auto results = pool.map<&wait_for_file>(process_map_options().timeout(30s), ends, ends);
    const auto first = co_await results.next();
    EXPECT_TRUE(first);
    std::filesystem::remove(ends[1]);
    auto endless =
        pool.map<&block>(process_map_options().timeout(50ms), std::vector<std::string>{folder / "sign"});
    const std::string how = co_await outcome(endless.next());
    EXPECT_EQ(how, "timeout");
}

BIDE_TEST(process_map, may_outlive_its_pool) {
    auto pool = std::make_unique<process_pool>(1);
    auto results = pool->map<&square>(process_map_options().buffersize(1), std::vector<int>{1, 2, 3});
    pool.reset();
    const std::string how = co_await outcome(results.to_vector());
    EXPECT_TRUE(has(how, "the pool was destroyed"));
}
