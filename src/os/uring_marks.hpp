// bide/os: what a completion of the ring belongs to, in its 64 bits of user data: a kind, and a node or a number.
#pragma once

#include <bide/detail/base/node.hpp>

#include <cstdint>

namespace bide::detail {

enum class tag : std::uint64_t { operation, readiness, wake, ignored, arrival, held_send };

// Nodes are at least 8-byte aligned.
inline constexpr int tag_bits = 3;
inline constexpr std::uint64_t tag_mask = 7;
static_assert(alignof(timer_node) > tag_mask);

inline std::uint64_t mark(const timer_node* node, tag kind) noexcept {
    return reinterpret_cast<std::uint64_t>(node) | static_cast<std::uint64_t>(kind);
}
// Of up to 61 bits.
inline std::uint64_t mark(std::uint64_t number, tag kind) noexcept {
    return number << tag_bits | static_cast<std::uint64_t>(kind);
}

inline tag tag_of(std::uint64_t user_data) noexcept { return static_cast<tag>(user_data & tag_mask); }
inline timer_node& node_of(std::uint64_t user_data) noexcept {
    return *reinterpret_cast<timer_node*>(user_data & ~tag_mask);
}
inline std::uint64_t number_of(std::uint64_t user_data) noexcept { return user_data >> tag_bits; }

}  // namespace bide::detail
