// bide/net: unix sockets in the file system.
#pragma once

#include <bide/address.hpp>

#include "os/fd.hpp"

namespace bide::detail {

// Of a unix socket in the file system; not an abstract one.
[[nodiscard]] bool is_path(const address& where);

// Binds. A socket file stays when the process that bound it ends in a hurry: one behind which nobody lives is replaced;
// a living one, and any other file, is left alone. Throws std::system_error that names the address.
// Returns: what keeps others that call this from taking the socket for a dead one, to be held until it listens.
unique_fd bind_or_replace(int fd, const address& where);

}  // namespace bide::detail
