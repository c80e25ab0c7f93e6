// bide/os: receive a message and who sent it.
#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

// args.data is the msghdr.
ring_entry prepare(const op_args& a) noexcept {
    return {.code = ring_code::recvmsg, .fd = a.fd, .data = a.data, .size = 1, .flags = a.flags};
}

int attempt(const op_args& a) noexcept {
    const int flags = static_cast<int>(a.flags) | MSG_DONTWAIT;
    return static_cast<int>(sys::retry([&] { return ::recvmsg(a.fd, static_cast<msghdr*>(a.data), flags); }));
}

}  // namespace

constinit const op_kind recvmsg_op{
    .name = "recvmsg", .prepare = prepare, .attempt = attempt, .waits_for = ready_for::reading};

}  // namespace bide::detail
