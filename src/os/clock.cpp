// bide/os: the real clock.
#include "os/backend.hpp"

#include <ctime>

namespace bide::detail {

std::int64_t monotonic_now() noexcept {
    timespec at;
    ::clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1'000'000'000LL + at.tv_nsec;
}

std::int64_t time_left(std::int64_t deadline) noexcept {
    const std::int64_t now = monotonic_now();
    return deadline <= now ? 0 : deadline - now;  // a difference with the far past would overflow
}

}  // namespace bide::detail
