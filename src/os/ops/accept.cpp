// bide/os: accept a connection on a listening socket.
#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

// args.data is the sockaddr to fill and args.offset the address of its socklen_t; both may be null.
ring_entry prepare(const op_args& a) noexcept {
    return {.code = ring_code::accept,
            .fd = a.fd,
            .data = a.data,
            .offset = a.offset,
            .flags = SOCK_CLOEXEC | SOCK_NONBLOCK};
}

int attempt(const op_args& a) noexcept {
    return sys::retry([&] {
        return ::accept4(a.fd, static_cast<sockaddr*>(a.data), reinterpret_cast<socklen_t*>(a.offset),
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
    });
}

}  // namespace

constinit const op_kind accept_op{.name = "accept",
                                  .prepare = prepare,
                                  .attempt = attempt,
                                  .waits_for = ready_for::reading,
                                  .late_success = late::close_fd};

}  // namespace bide::detail
