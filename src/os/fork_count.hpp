// bide/os: tell a process from the one that it was forked from.
#pragma once

#include <cstdint>

namespace bide::detail {

// How many forks lie between the start of the program and this process. What was made under another count belongs to
// a parent: the kernel's side of it is shared with that process, and must not be touched.
std::uint32_t fork_count() noexcept;

}  // namespace bide::detail
