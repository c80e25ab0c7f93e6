// bide/os: write bytes of a file at an offset.
#include <bide/detail/os/ops.hpp>

#include "os/file_calls.hpp"
#include "os/ring_code.hpp"

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept {
    return {
        .code = ring_code::write, .fd = a.fd, .data = a.data, .size = ring_size(a.size), .offset = a.offset};
}

int attempt(const op_args& a) noexcept {
    return sys::write_file_at(a.fd, a.data, ring_size(a.size), a.offset);
}

}  // namespace

constinit const op_kind pwrite_op{.name = "pwrite",
                                  .prepare = prepare,
                                  .attempt = attempt,
                                  .waits_for = ready_for::nothing,
                                  .for_device = true};

// Through the page cache a ring gives writes to threads of the kernel, one at a time for each file, and large ones take
// two to four times as long as a plain call.
constinit const op_kind pwrite_cached_op{
    .name = "pwrite", .prepare = nullptr, .attempt = attempt, .waits_for = ready_for::nothing};

}  // namespace bide::detail
