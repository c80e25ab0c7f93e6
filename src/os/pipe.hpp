// bide/os: what kind of file a descriptor is, and descriptors that share nothing with other processes.
#pragma once

namespace bide::detail::sys {

enum class stream_kind { pipe, socket, terminal, device, regular, other };

// -errno in place of a kind for a descriptor that is not open.
int kind_of_stream(int fd, stream_kind& kind) noexcept;

// A new descriptor of the same pipe or terminal in O_NONBLOCK mode. The mode belongs to the open file, which a standard
// descriptor shares with the shell and with every process that inherited it; this one does not. -errno where there is
// no way: no /proc, no permission, a pseudo terminal's master.
int reopen_non_blocking(int fd, bool for_writing) noexcept;
// The same under the number that `fd` has; others who share its open file keep theirs.
int make_own_non_blocking(int fd, bool for_writing) noexcept;

// As large as a program may make it without privileges, where the user's share of the system's pages allows that; for a
// pipe that much goes through. Else it stays as it is.
void enlarge_pipe(int fd) noexcept;

// Whether the events of poll(2) on the writing end of a pipe or socket say that nobody reads any more. A peer that only
// sends no more may still read.
bool reader_is_gone(int events) noexcept;

}  // namespace bide::detail::sys
