// bide/os: the counted clock agrees with the system's and never goes backwards.
// bide-test: once
#include "os/quick_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

#include "os/backend.hpp"

namespace {

using bide::detail::monotonic_now;
using bide::detail::quick_clock;

// Asks the counted clock between two questions to the system, so that being interrupted cannot look like an error.
TEST(quick_clock, agrees_with_the_system) {
    quick_clock clock;
    const std::int64_t end = monotonic_now() + 300'000'000;
    std::int64_t early = 0;
    std::int64_t late = 0;
    for (std::int64_t after = 0; after < end;) {
        const std::int64_t before = monotonic_now();
        const std::int64_t counted = clock.now();
        after = monotonic_now();
        early = std::max(early, before - counted);
        late = std::max(late, counted - after);
    }
    EXPECT_LT(early, 20'000);
    EXPECT_LT(late, 20'000);
}

TEST(quick_clock, never_goes_backwards) {
    quick_clock clock;
    std::int64_t last = 0;
    const std::int64_t end = monotonic_now() + 200'000'000;
    while (last < end) {
        const std::int64_t now = clock.now();
        ASSERT_GE(now, last);
        last = now;
    }
}

TEST(quick_clock, is_right_after_a_pause) {
    quick_clock clock;
    for (int i = 0; i < 20; ++i) {
        for (int j = 0; j < 1000; ++j) clock.now();
        const timespec pause{.tv_sec = 0, .tv_nsec = 3'000'000};
        ::nanosleep(&pause, nullptr);
        const std::int64_t before = monotonic_now();
        EXPECT_GE(clock.now(), before - 20'000);
    }
}

}  // namespace
