// bide/examples: tests on virtual time: a second of waiting takes none.
#include "greet.hpp"

#include <bide/testing/run_test.hpp>
#include <bide/testing/sweep.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

using namespace std::chrono_literals;

TEST(greet, takes_one_second_for_any_number_of_names) {
    bide::testing::run_test([]() -> bide::coro<void> {
        const auto start = bide::get_running_loop().time();
        const std::vector<std::string> names = {"Ada", "Bob", "Cy"};
        const auto greetings = co_await greet_all(names);
        EXPECT_EQ(greetings.at(1), "Hello, Bob!");
        EXPECT_EQ(bide::get_running_loop().time() - start, 1s);
    });
}

TEST(greet, refuses_an_empty_name) {
    EXPECT_THROW(bide::testing::run_test([]() -> bide::coro<void> { co_await greet(""); }),
                 std::invalid_argument);
}

// Again and again, cancelled in the first turn of the loop, the second, ...: nothing may be left behind.
TEST(greet, can_be_cancelled_anywhere) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        const std::vector<std::string> names = {"Ada", "Bob"};
        co_await greet_all(names);
    });
}
