// bide/net: a byte stream inside another one, encrypted.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/net/stream_ref.hpp>
#include <bide/time.hpp>
#include <bide/tls.hpp>

#include <string>

#include "net/tls_engine.hpp"

namespace bide::detail {

// Performs the handshake over `lower` and gives the encrypted stream; nobody may use `lower` directly from then on, but
// to abort it. `host` is the name in the server's certificate; empty: it is not checked. `already` is what was received
// before the switch. Throws std::system_error (tls_category, or the connection's own) and std::invalid_argument for a
// context of the wrong side; `lower` is closed or aborted then, and aborted by a cancellation.
coro<stream_ref> start_tls_over(stream_ref lower, tls_context context, tls_side side, std::string host,
                                std::string already, duration handshake_limit, duration shutdown_limit);

}  // namespace bide::detail
