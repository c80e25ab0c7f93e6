// bide/net: a listening socket whose connections go to a function.
#pragma once

#include <bide/address.hpp>
#include <bide/detail/base/move_only_function.hpp>
#include <bide/detail/loop/loop_state.hpp>

#include <string>

#include "os/fd.hpp"

namespace bide::detail {

class listener;

// Takes a listening socket; closed before its loop. `path`: of a unix socket, which is removed when the listener is closed if it is still this
// one; may be empty.
listener* make_listener(loop_state& loop, unique_fd fd, std::string path = {});

// Accepts connections until it is closed; each descriptor is passed to `accepted`, in a turn of the loop.
void start_listener(listener& what, move_only_function<void(int)> accepted);
// Leaves connections to the kernel's queue; both are idempotent. `accepted` may pause its own listener.
void pause_listener(listener& what) noexcept;
void resume_listener(listener& what) noexcept;
[[nodiscard]] address listener_address(const listener& what);
// Closes the socket; frees the listener when its operation has come back.
void close_listener(listener& what) noexcept;

}  // namespace bide::detail
