// bide/os: connect a socket.
#include <bide/detail/os/ops.hpp>

#include <sys/socket.h>

#include <cerrno>

namespace bide::detail {

namespace {

// args.data is the sockaddr and args.size its length. The first call starts; each later one asks what came of it.
// connect(2) must not be repeated after EINTR.
int attempt(const op_args& a) noexcept {
    if (::connect(a.fd, static_cast<const sockaddr*>(a.data), static_cast<socklen_t>(a.size)) == 0) return 0;
    switch (errno) {
        case EINPROGRESS:
        case EALREADY:  // begun by an operation that was cancelled since
        case EINTR: return -EAGAIN;
        // A unix socket whose listener has no room. There is nothing to wait for, so it must not look like that.
        case EAGAIN: return -ENOBUFS;
        default: return -errno;
    }
}

}  // namespace

// The ring's own form fails with EALREADY after a cancelled attempt, and keeps a kernel thread per unix socket whose
// listener has no room.
constinit const op_kind connect_op{
    .name = "connect", .prepare = nullptr, .attempt = attempt, .waits_for = ready_for::writing};

}  // namespace bide::detail
