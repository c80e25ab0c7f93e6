// bide/os: read bytes of a file at an offset.
#include <bide/detail/os/ops.hpp>

#include "os/file_calls.hpp"
#include "os/ring_code.hpp"

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept {
    return {
        .code = ring_code::read, .fd = a.fd, .data = a.data, .size = ring_size(a.size), .offset = a.offset};
}

int attempt(const op_args& a) noexcept {
    return sys::read_file_at(a.fd, a.data, ring_size(a.size), a.offset);
}

}  // namespace

constinit const op_kind pread_op{.name = "pread",
                                 .prepare = prepare,
                                 .attempt = attempt,
                                 .waits_for = ready_for::nothing,
                                 .for_device = true};

// A ring copies what is cached where it is submitted, which for a large piece would hold up the loop.
constinit const op_kind pread_large_op{
    .name = "pread", .prepare = nullptr, .attempt = attempt, .waits_for = ready_for::nothing};

}  // namespace bide::detail
