// bide/os: signal and reap one child process, and no other.
#pragma once

namespace bide::detail::sys {

// A running child: its process descriptor, or -1 where the kernel has none, and its process id.
struct child_id {
    int pidfd;
    int pid;
};

// What is reported for a child that somebody else has reaped, as asyncio does.
inline constexpr int reaped_elsewhere = 255;

// Whether the child has ended; takes it from the kernel's list then. `code`: its exit status, -N when signal N ended it.
// `block`: waits for the end.
bool reap_child(child_id child, int& code, bool block) noexcept;

// -errno; -ESRCH when it has ended.
int signal_child(child_id child, int number) noexcept;

}  // namespace bide::detail::sys
