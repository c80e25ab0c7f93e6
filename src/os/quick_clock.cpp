// bide/os: the monotonic clock, at half the price.
#include "os/quick_clock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "os/backend.hpp"
#include "os/fd.hpp"

namespace bide::detail {

namespace {

constexpr std::int64_t longest_count = 1'000'000;     // nanoseconds
constexpr std::int64_t shortest_measure = 2'000'000;  // an error of 1 us in it is one of 0.5 us in a count
constexpr std::int64_t longest_measure = 1'000'000'000;
constexpr std::uint64_t one_question = 4096;  // cycles; a pair that took longer was interrupted

// Whether the kernel takes the time from the counter as well. Then it has made sure that it ticks evenly and is the same
// on all processors.
bool kernel_trusts_the_counter() noexcept {
#if defined(__x86_64__)
    const unique_fd file(
        ::open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC));
    char text[32] = {};
    if (!file) return false;
    const auto size = ::read(file.get(), text, sizeof text);
    const std::string_view name(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    return name == "tsc\n" || name == "kvm-clock\n" || name == "hyperv_clocksource_tsc_page\n";
#else
    return false;
#endif
}

}  // namespace

quick_clock::quick_clock() noexcept {
    static const bool trusted = kernel_trusts_the_counter();
    usable_ = trusted;
}

std::int64_t quick_clock::ask() noexcept {
    if (!usable_) return monotonic_now();
    const std::uint64_t before = cycles();
    const std::int64_t system = monotonic_now();
    const std::uint64_t after = cycles();
    // What a count may have told until now.
    const std::uint64_t counted = std::min(before - base_cycles_, window_);
    const std::int64_t told = base_ + static_cast<std::int64_t>((counted * rate_) >> rate_bits);
    base_ = std::max(system, told);
    window_ = 0;
    if (after - before > one_question) return base_;  // the two do not belong together
    base_cycles_ = after;
    measure(system, after);
    const bool ahead = told > system;
    if (rate_ != 0 && !ahead) window_ = (static_cast<std::uint64_t>(longest_count) << rate_bits) / rate_;
    return base_;
}

void quick_clock::measure(std::int64_t now, std::uint64_t at) noexcept {
    const std::int64_t span = now - origin_;
    if (origin_ != 0 && span < shortest_measure) return;
    if (origin_ != 0 && span <= 4 * longest_measure && at > origin_cycles_) {
        const auto measured = static_cast<std::uint64_t>((static_cast<unsigned __int128>(span) << rate_bits) /
                                                         (at - origin_cycles_));
        const bool changed =
            rate_ != 0 && (measured > rate_ + rate_ / 1024 || measured < rate_ - rate_ / 1024);
        rate_ = changed ? 0 : measured;
        if (!changed && span < longest_measure) return;  // the longer, the better
    } else {
        rate_ = 0;
    }
    origin_ = now;
    origin_cycles_ = at;
}

}  // namespace bide::detail
