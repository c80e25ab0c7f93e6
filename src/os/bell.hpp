// bide/os: a bell in shared memory that other processes ring to wake a loop.
//
// `listening` is not 0 while the owner has to be told. Who rings sets it to 0 and, if it was not, writes the descriptor; only
// when it has read that does the owner set it to 1 again. So there is one write for each time the owner listens, however many
// ring, and no system call while it is busy. bell_op (src/os/ops/bell.cpp) waits for it.
#pragma once

#include <atomic>
#include <cstdint>

#include "os/fd.hpp"

namespace bide::detail::sys {

using bell_word = std::atomic<std::uint32_t>;

// Throws std::system_error.
unique_fd make_bell();

// Any process. What the owner is to see has been written before, with sequential consistency.
void ring_bell(int fd, bell_word& listening) noexcept;

}  // namespace bide::detail::sys
