// bide/base: a hash of a text that is the same in every process.
#pragma once

#include <cstdint>
#include <string_view>

namespace bide::detail {

// FNV-1a.
constexpr std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = 14695981039346656037U;
    for (const char each : text) hash = (hash ^ static_cast<unsigned char>(each)) * 1099511628211U;
    return hash;
}

}  // namespace bide::detail
