// bide/os: the kernel's numbers for ring operations, restated so that operations include no ring header.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace bide::detail {

// linux/io_uring.h, enum io_uring_op; stable kernel ABI.
namespace ring_code {
inline constexpr std::uint8_t poll_add = 6;
inline constexpr std::uint8_t recvmsg = 10;
inline constexpr std::uint8_t accept = 13;
inline constexpr std::uint8_t read = 22;
inline constexpr std::uint8_t write = 23;
inline constexpr std::uint8_t send = 26;
inline constexpr std::uint8_t recv = 27;

inline constexpr std::uint64_t current_position = ~std::uint64_t{0};
}  // namespace ring_code

// One operation moves at most this much, as read(2) does; it also keeps every result in an int.
constexpr std::uint32_t ring_size(std::size_t size) noexcept {
    return static_cast<std::uint32_t>(std::min<std::size_t>(size, 0x7ffff000));
}

}  // namespace bide::detail
