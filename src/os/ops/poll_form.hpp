// bide/os: both forms of waiting for events of a descriptor.
#pragma once

#include <bide/detail/os/op.hpp>

#include <poll.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

// POLLHUP and POLLERR are always reported and need not be asked for.
template <short Events>
struct poll_form {
    static ring_entry prepare(const op_args& a) noexcept {
        return {.code = ring_code::poll_add, .fd = a.fd, .flags = Events};
    }
    static int attempt(const op_args& a) noexcept {
        if (a.fd < 0) return -EBADF;  // poll(2) takes it for an entry to skip
        pollfd entry{.fd = a.fd, .events = Events, .revents = 0};
        const int ready = sys::retry([&] { return ::poll(&entry, 1, 0); });
        if (ready < 0) return ready;
        if ((entry.revents & POLLNVAL) != 0) return -EBADF;
        return ready == 0 ? -EAGAIN : entry.revents;
    }
    static constexpr op_kind kind(const char* name, ready_for what, bool foreign) noexcept {
        return {.name = name, .prepare = prepare, .attempt = attempt, .waits_for = what, .foreign = foreign};
    }
};

}  // namespace bide::detail
