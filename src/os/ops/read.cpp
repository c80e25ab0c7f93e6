// bide/os: read bytes from a pipe, terminal or other stream at its current position.
#include <bide/detail/os/ops.hpp>

#include <unistd.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept {
    return {.code = ring_code::read,
            .fd = a.fd,
            .data = a.data,
            .size = ring_size(a.size),
            .offset = ring_code::current_position};
}

int attempt(const op_args& a) noexcept {
    return static_cast<int>(sys::retry([&] { return ::read(a.fd, a.data, ring_size(a.size)); }));
}

}  // namespace

constinit const op_kind read_op{
    .name = "read", .prepare = prepare, .attempt = attempt, .waits_for = ready_for::reading};

}  // namespace bide::detail
