// bide/net: several pieces as one.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace bide::detail {

// Sent as one, they are one packet where they fit, and the peer that resets after the first does not hide its end behind
// a failure of the second.
template <class Piece>
std::string joined(std::span<const Piece> pieces) {
    std::size_t size = 0;
    std::string all;
    for (const Piece& each : pieces) size += each.size();
    all.reserve(size);
    for (const Piece& each : pieces) all += each;
    return all;
}

}  // namespace bide::detail
