// bide/os: send a message to an address, or several pieces at once.
#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

#include <cerrno>

#include "os/syscall.hpp"

namespace bide::detail {

namespace {

bool goes_to_unix_address(const msghdr& message) noexcept {
    return message.msg_namelen >= sizeof(sa_family_t) &&
           static_cast<const sockaddr*>(message.msg_name)->sa_family == AF_UNIX;
}

// args.data is the msghdr.
int attempt(const op_args& a) noexcept {
    const int flags = static_cast<int>(a.flags) | MSG_DONTWAIT | MSG_NOSIGNAL;
    const auto* const message = static_cast<const msghdr*>(a.data);
    const auto result = static_cast<int>(sys::retry([&] { return ::sendmsg(a.fd, message, flags); }));
    // The queue of a receiver that this socket is not connected to is full. The socket itself is writable, so there is
    // nothing to wait for, and it must not look like that.
    if (result == -EAGAIN && goes_to_unix_address(*message)) return -ENOBUFS;
    return result;
}

}  // namespace

// A ring that waits for room by itself repeats a message of a unix socket with what is left after its first attempt,
// which is nothing: the receiver gets an empty one (seen on Linux 6.18).
constinit const op_kind sendmsg_op{
    .name = "sendmsg", .prepare = nullptr, .attempt = attempt, .waits_for = ready_for::writing};

}  // namespace bide::detail
