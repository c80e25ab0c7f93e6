// bide/net: connect to the first of several addresses that answers (RFC 8305).
#pragma once

#include <bide/connection.hpp>
#include <bide/socket.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace bide::detail {

// Families take turns, beginning with the first `first_count` addresses of the family that comes first; 0: as they are.
// Source: RFC 8305, section 4.
std::vector<address> interleave(const std::vector<address>& addresses, std::size_t first_count);

// A connected socket. The next address is tried when an attempt fails or has taken longer than the delay; the first
// success ends all others. `what` names it all in the error.
coro<socket> connect_first(std::vector<address> order, const connection_options& options, std::string what);

}  // namespace bide::detail
