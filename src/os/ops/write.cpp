// bide/os: write bytes to a pipe, terminal or other stream at its current position.
#include <bide/detail/os/ops.hpp>

#include <unistd.h>

#include "os/ring_code.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept {
    return {.code = ring_code::write,
            .fd = a.fd,
            .data = a.data,
            .size = ring_size(a.size),
            .offset = ring_code::current_position};
}

int attempt(const op_args& a) noexcept {
    return static_cast<int>(sys::retry([&] { return ::write(a.fd, a.data, ring_size(a.size)); }));
}

}  // namespace

constinit const op_kind write_op{
    .name = "write", .prepare = prepare, .attempt = attempt, .waits_for = ready_for::writing};

}  // namespace bide::detail
