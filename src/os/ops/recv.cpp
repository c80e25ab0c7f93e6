// bide/os: receive bytes from a connected socket.
#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept {
    return {.code = ring_code::recv, .fd = a.fd, .data = a.data, .size = ring_size(a.size), .flags = a.flags};
}

int attempt(const op_args& a) noexcept {
    return static_cast<int>(sys::retry(
        [&] { return ::recv(a.fd, a.data, ring_size(a.size), static_cast<int>(a.flags) | MSG_DONTWAIT); }));
}

}  // namespace

constinit const op_kind recv_op{
    .name = "recv", .prepare = prepare, .attempt = attempt, .waits_for = ready_for::reading};

}  // namespace bide::detail
