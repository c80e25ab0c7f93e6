// bide/base: the clock, durations and deadlines that saturate instead of overflowing.
#pragma once

#include <chrono>
#include <cstdint>

namespace bide {

/// The loop's clock. Its time points compare with std::chrono::steady_clock's; under virtual time they start at zero.
/// Python: loop.time(), as a time point instead of a float.
using clock = std::chrono::steady_clock;

/// A span on the loop's clock; every std::chrono duration converts. Units are in the type.
using duration = std::chrono::nanoseconds;

/// A moment on the loop's clock.
using time_point = std::chrono::time_point<clock, duration>;

namespace detail {

inline constexpr std::int64_t no_deadline = INT64_MAX;

/// Nanoseconds of any duration; what does not fit becomes the nearest value that does. Not a number counts as zero.
template <class Rep, class Period>
constexpr std::int64_t to_ns(std::chrono::duration<Rep, Period> d) noexcept {
    if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
        const double ns = std::chrono::duration<double, std::nano>(d).count();
        if (ns >= 9.2e18) return INT64_MAX;
        if (ns <= -9.2e18) return INT64_MIN;
        if (ns != ns) return 0;
        return static_cast<std::int64_t>(ns);
    } else {
        using wide = std::chrono::duration<__int128, std::nano>;
        const __int128 ns =
            std::chrono::duration_cast<wide>(std::chrono::duration<__int128, Period>(d.count())).count();
        if (ns > INT64_MAX) return INT64_MAX;
        if (ns < INT64_MIN) return INT64_MIN;
        return static_cast<std::int64_t>(ns);
    }
}

/// `now` plus `delay`; a sum beyond the clock's range is `no_deadline`.
constexpr std::int64_t deadline_after(std::int64_t now, std::int64_t delay) noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(now, delay, &sum)) return delay < 0 ? INT64_MIN : no_deadline;
    return sum;
}

constexpr time_point to_time_point(std::int64_t ns) noexcept { return time_point(duration(ns)); }

}  // namespace detail
}  // namespace bide
