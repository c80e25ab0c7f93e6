// bide/os: wait until a connected socket has bytes, an end or an error to receive.
#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept { return poll_read_op.prepare(a); }

int attempt(const op_args& a) noexcept {
    char first = 0;
    return recv_op.attempt({.fd = a.fd, .flags = MSG_PEEK, .data = &first, .size = 1});
}

}  // namespace

constinit const op_kind recv_wait_op{.name = "recv",
                                     .prepare = prepare,
                                     .attempt = attempt,
                                     .waits_for = ready_for::reading,
                                     .ready_is_done = true};

}  // namespace bide::detail
