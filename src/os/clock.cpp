// bide/os: the real clock.
#include "os/backend.hpp"

#include <ctime>

namespace bide::detail {

std::int64_t monotonic_now() noexcept {
    timespec at;
    ::clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1'000'000'000LL + at.tv_nsec;
}

}  // namespace bide::detail
