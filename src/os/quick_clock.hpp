// bide/os: the monotonic clock, at half the price.
//
// Every timer that is started asks for the time, and the C library's clock costs as much as the rest of it. So between
// two questions to the system, at most a millisecond apart, time is counted in cycles of the processor. What can go wrong
// is confined to that millisecond:
//
//   1. The rate is measured, never assumed, from pairs of (system clock, cycles) that no interruption has parted. Until
//      there is a rate, and where the kernel itself does not trust the counter, every question goes to the system.
//   2. The clock never goes backwards: a count that ran ahead stands still until the system has caught up.
//   3. A machine that was moved or put to sleep shows as a count beyond the millisecond, or as a rate that changed: the
//      system is asked, and the measuring begins anew.
#pragma once

#include <cstdint>

namespace bide::detail {

class quick_clock {
public:
    quick_clock() noexcept;

    // Nanoseconds on CLOCK_MONOTONIC, within a microsecond.
    std::int64_t now() noexcept {
        const std::uint64_t passed = cycles() - base_cycles_;
        if (passed < window_) [[likely]]
            return base_ + static_cast<std::int64_t>((passed * rate_) >> rate_bits);
        return ask();
    }

private:
    static constexpr int rate_bits = 32;

    static std::uint64_t cycles() noexcept {
#if defined(__x86_64__)
        return __builtin_ia32_rdtsc();
#else
        return 0;
#endif
    }
    std::int64_t ask() noexcept;
    void measure(std::int64_t now, std::uint64_t at) noexcept;

    std::uint64_t base_cycles_ = 0;
    std::int64_t base_ = 0;
    std::uint64_t window_ = 0;  // cycles after base_cycles_ for which counting is good; 0: do not count
    std::uint64_t rate_ = 0;    // nanoseconds for each cycle, times 2^32; 0: not known
    std::int64_t origin_ = 0;   // where the measuring began
    std::uint64_t origin_cycles_ = 0;
    bool usable_;
};

}  // namespace bide::detail
