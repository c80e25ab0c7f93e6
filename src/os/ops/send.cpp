// bide/os: send bytes on a connected socket.
#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept {
    // A peer that is gone must be an error of this call, not a SIGPIPE for the process.
    return {.code = ring_code::send,
            .fd = a.fd,
            .data = a.data,
            .size = ring_size(a.size),
            .flags = a.flags | MSG_NOSIGNAL};
}

int attempt(const op_args& a) noexcept {
    const int flags = static_cast<int>(a.flags) | MSG_DONTWAIT | MSG_NOSIGNAL;
    return static_cast<int>(sys::retry([&] { return ::send(a.fd, a.data, ring_size(a.size), flags); }));
}

}  // namespace

constinit const op_kind send_op{
    .name = "send", .prepare = prepare, .attempt = attempt, .waits_for = ready_for::writing};

}  // namespace bide::detail
