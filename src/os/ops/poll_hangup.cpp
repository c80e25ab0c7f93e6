// bide/os: wait until a pipe has nobody at its other end any more, whether or not there is something to read.
#include <bide/detail/os/ops.hpp>

#include <poll.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

// POLLHUP and POLLERR are always reported and need not be asked for.
ring_entry prepare(const op_args& a) noexcept { return {.code = ring_code::poll_add, .fd = a.fd}; }

int attempt(const op_args& a) noexcept {
    if (a.fd < 0) return -EBADF;
    pollfd entry{.fd = a.fd, .events = 0, .revents = 0};
    const int ready = sys::retry([&] { return ::poll(&entry, 1, 0); });
    if (ready < 0) return ready;
    if ((entry.revents & POLLNVAL) != 0) return -EBADF;
    return ready == 0 ? -EAGAIN : entry.revents;
}

}  // namespace

constinit const op_kind poll_hangup_op{
    .name = "poll for the end", .prepare = prepare, .attempt = attempt, .waits_for = ready_for::reading};

}  // namespace bide::detail
