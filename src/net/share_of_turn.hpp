// bide/net: how much one connection may do before others have their turn.
#pragma once

#include <cstddef>

namespace bide::detail {

// Bytes that a connection receives, or a task writes, in one turn of the loop: asyncio's read size. Less costs a call
// of the system for fewer bytes; more keeps others waiting, and what was received no longer stays in the processor's
// cache until it is read.
inline constexpr std::size_t share_of_turn = 256 * 1024;

}  // namespace bide::detail
