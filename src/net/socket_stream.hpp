// bide/net: a byte stream over a connected socket.
#pragma once

#include <bide/address.hpp>

#include "net/stream_core.hpp"

namespace bide::detail {

// Takes the descriptor, which is a connected stream socket in O_NONBLOCK mode.
stream_core* make_socket_stream(loop_state& loop, int fd, bool unix_socket);

}  // namespace bide::detail
