// bide/net: a counted pointer to an open socket.
#pragma once

#include <bide/detail/base/counted_ref.hpp>

namespace bide::detail {

class socket_core;  // src/net/socket_core.hpp

void retain(socket_core& of) noexcept;
void release(socket_core& of) noexcept;

using socket_ref = counted_ref<socket_core>;

}  // namespace bide::detail
