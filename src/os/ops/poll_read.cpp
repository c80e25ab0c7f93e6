// bide/os: wait until a descriptor is readable, at its end or in error.
#include <bide/detail/os/ops.hpp>

#include <poll.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept {
    return {.code = ring_code::poll_add, .fd = a.fd, .flags = POLLIN | POLLRDHUP};
}

int attempt(const op_args& a) noexcept {
    if (a.fd < 0) return -EBADF;  // poll(2) takes it for an entry to skip
    pollfd entry{.fd = a.fd, .events = POLLIN | POLLRDHUP, .revents = 0};
    const int ready = sys::retry([&] { return ::poll(&entry, 1, 0); });
    if (ready < 0) return ready;
    if ((entry.revents & POLLNVAL) != 0) return -EBADF;
    return ready == 0 ? -EAGAIN : entry.revents;
}

}  // namespace

constinit const op_kind poll_read_op{.name = "poll for reading",
                                     .prepare = prepare,
                                     .attempt = attempt,
                                     .waits_for = ready_for::reading,
                                     .foreign = true};
constinit const op_kind poll_own_read_op{
    .name = "poll for reading", .prepare = prepare, .attempt = attempt, .waits_for = ready_for::reading};

}  // namespace bide::detail
