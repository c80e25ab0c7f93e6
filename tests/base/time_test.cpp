// bide/base: durations and deadlines saturate; no sum, however large, turns into the past.
#include <bide/time.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace {

using namespace std::chrono_literals;
using bide::detail::deadline_after;
using bide::detail::no_deadline;
using bide::detail::to_ns;

using years = std::chrono::duration<std::int64_t, std::ratio<31'556'952>>;
using seconds_as_double = std::chrono::duration<double>;

static_assert(to_ns(1s) == 1'000'000'000);
static_assert(to_ns(2h) == 7'200'000'000'000);

TEST(time, every_unit_becomes_nanoseconds) {
    EXPECT_EQ(to_ns(1ns), 1);
    EXPECT_EQ(to_ns(1us), 1'000);
    EXPECT_EQ(to_ns(-3ms), -3'000'000);
    EXPECT_EQ(to_ns(std::chrono::duration<std::uint8_t>(255)), 255'000'000'000);
    EXPECT_EQ(to_ns(std::chrono::duration<std::uint64_t, std::nano>(5)), 5);
    EXPECT_EQ(to_ns(seconds_as_double(0.25)), 250'000'000);
    EXPECT_EQ(to_ns(std::chrono::duration<float, std::milli>(1.5F)), 1'500'000);
}

TEST(time, what_is_finer_is_cut_off) {
    using picoseconds = std::chrono::duration<std::int64_t, std::pico>;
    EXPECT_EQ(to_ns(picoseconds(1'999)), 1);
    EXPECT_EQ(to_ns(picoseconds(999)), 0);
    EXPECT_EQ(to_ns(seconds_as_double(0.1e-9)), 0);
}

TEST(time, what_is_too_long_is_as_long_as_can_be) {
    EXPECT_EQ(to_ns(years(292)), 292 * 31'556'952'000'000'000);
    EXPECT_EQ(to_ns(years(293)), INT64_MAX);
    EXPECT_EQ(to_ns(years::max()), INT64_MAX);
    EXPECT_EQ(to_ns(years::min()), INT64_MIN);
    EXPECT_EQ(to_ns(std::chrono::hours::max()), INT64_MAX);
    EXPECT_EQ(to_ns(std::chrono::duration<std::uint64_t, std::nano>(UINT64_MAX)), INT64_MAX);
    EXPECT_EQ(to_ns(std::chrono::nanoseconds::max()), INT64_MAX);
    EXPECT_EQ(to_ns(std::chrono::nanoseconds::min()), INT64_MIN);
}

TEST(time, floating_point_saturates_and_not_a_number_is_zero) {
    const double infinite = std::numeric_limits<double>::infinity();
    EXPECT_EQ(to_ns(seconds_as_double(infinite)), INT64_MAX);
    EXPECT_EQ(to_ns(seconds_as_double(-infinite)), INT64_MIN);
    EXPECT_EQ(to_ns(seconds_as_double(1e300)), INT64_MAX);
    EXPECT_EQ(to_ns(seconds_as_double(9.3e9)), INT64_MAX);
    EXPECT_EQ(to_ns(seconds_as_double(9.1e9)), 9'100'000'000'000'000'000);
    EXPECT_EQ(to_ns(seconds_as_double(std::numeric_limits<double>::quiet_NaN())), 0);
}

TEST(time, a_deadline_beyond_the_clock_is_none) {
    EXPECT_EQ(deadline_after(5, 10), 15);
    EXPECT_EQ(deadline_after(5, -10), -5);
    EXPECT_EQ(deadline_after(1, INT64_MAX), no_deadline);
    EXPECT_EQ(deadline_after(INT64_MAX - 5, 5), no_deadline);
    EXPECT_EQ(deadline_after(INT64_MAX - 5, 6), no_deadline);
    EXPECT_EQ(deadline_after(-1, INT64_MIN), INT64_MIN);
    EXPECT_EQ(deadline_after(0, INT64_MIN), INT64_MIN);
}

TEST(time, a_moment_is_one_of_the_steady_clock) {
    static_assert(std::is_same_v<bide::clock, std::chrono::steady_clock>);
    static_assert(std::is_same_v<bide::time_point::duration, bide::duration>);
    EXPECT_EQ(bide::detail::to_time_point(7).time_since_epoch(), 7ns);
    const bide::time_point now = bide::clock::now();
    EXPECT_GT(now.time_since_epoch().count(), 0);
}

}  // namespace
