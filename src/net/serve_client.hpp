// bide/net: one connection of a server, from its handler's first step to its end.
#pragma once

#include <bide/coro.hpp>
#include <bide/stream.hpp>

#include "net/client_service.hpp"

namespace bide::detail {

// Runs the handler. What it lets out is reported, and the connection closed: what was written is sent. But a handler that
// ends with the failure of its own connection is not reported: that a peer goes is no fault of the program (debug mode
// reports it, as asyncio's does).
coro<void> serve_client(counted_ref<client_service> service, connection client);

}  // namespace bide::detail
