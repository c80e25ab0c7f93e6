// bide/net: sockets that servers listen on: bound, inherited, or in the place of a stale unix socket.
#pragma once

#include <bide/address.hpp>
#include <bide/server.hpp>
#include <bide/socket.hpp>

#include "os/fd.hpp"

namespace bide::detail {

// Binds and listens. A unix socket in the file system that nobody listens on is removed first.
// Throws std::system_error that names the address.
unique_fd listen_at(const address& where, const server_options& options);

// Takes a stream socket that was bound elsewhere, and listens unless it does already.
// Throws std::system_error; std::invalid_argument when it is no stream socket. `call` is what these begin with.
unique_fd listen_with(const char* call, socket made, const server_options& options);

}  // namespace bide::detail
