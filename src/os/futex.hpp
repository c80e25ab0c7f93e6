// bide/os: sleep until another process says that a word of shared memory has changed.
#pragma once

#include <atomic>
#include <cstdint>

namespace bide::detail::sys {

// Sleeps while `word` holds `value`, until somebody wakes it or `limit_ms` have passed. May return early.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint32_t limit_ms) noexcept;
void futex_wake_one(std::atomic<std::uint32_t>& word) noexcept;

}  // namespace bide::detail::sys
