// bide/os: pipes and terminals one end of which is for a child process.
#pragma once

#include "os/fd.hpp"

namespace bide::detail::sys {

// Both close-on-exec. All return -errno on failure.
int make_pipe(unique_fd& reading, unique_fd& writing) noexcept;
int open_null(unique_fd& null) noexcept;
// A pseudo-terminal: whoever has `outer` sees what is shown and types.
int open_terminal(unique_fd& outer, unique_fd& inner) noexcept;
int resize_terminal(int fd, unsigned short rows, unsigned short columns) noexcept;
int duplicate(int fd, unique_fd& copy) noexcept;

}  // namespace bide::detail::sys
