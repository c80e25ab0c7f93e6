// bide/os: receive into memory of the backend, so that nobody who waits need have any.
#include <bide/detail/os/ops.hpp>

#include "os/ring_code.hpp"

namespace bide::detail {

namespace {

ring_entry prepare(const op_args& a) noexcept {
    return {.code = ring_code::recv, .fd = a.fd, .size = ring_size(a.size)};
}

int attempt(const op_args& a) noexcept { return recv_op.attempt(a); }

}  // namespace

constinit const op_kind recv_lent_op{.name = "recv",
                                     .prepare = prepare,
                                     .attempt = attempt,
                                     .waits_for = ready_for::reading,
                                     .borrows = true,
                                     .wait_form = &recv_wait_op};

}  // namespace bide::detail
