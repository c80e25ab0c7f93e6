// bide/os: other processes of this machine: who they are, whether they live, and how to wake them.
#pragma once

#include <cstdint>

namespace bide::detail {

// A process in one number: its id, and when it began (0: unknown), as ids are used again. 0: none.
using process_key = std::uint64_t;

constexpr int id_of(process_key who) noexcept { return static_cast<int>(who >> 32 & 0x7fffffff); }

}  // namespace bide::detail

namespace bide::detail::sys {

// 0, with errno, when it cannot be known: no descriptor was left for /proc.
process_key this_process() noexcept;
// False also for one that has ended and was not reaped.
bool is_alive(process_key who) noexcept;
// A descriptor that is readable once the process has ended. -ESRCH when it has; other errors: there is no way to know
// but to ask again later.
int open_peer(process_key who) noexcept;

// A socket at which datagrams wake whoever reads it; `door` is its address, a random number. It goes with its process,
// whatever becomes of that.
int open_door(std::uint64_t& door) noexcept;
// A socket to ring with.
int open_bell() noexcept;
// Wakes the owner of the door. -ECONNREFUSED when nobody has it. Never waits: a door with many rings unread needs none.
int ring(int bell, std::uint64_t door) noexcept;

// For tests: ends this process as kill -9 does.
void die_at_once() noexcept;

}  // namespace bide::detail::sys
