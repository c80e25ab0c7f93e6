// bide/os: wait until a descriptor is writable or in error.
#include <bide/detail/os/ops.hpp>

#include "os/ops/poll_form.hpp"

namespace bide::detail {

using form = poll_form<POLLOUT>;

constinit const op_kind poll_write_op = form::kind("poll for writing", ready_for::writing, true);
constinit const op_kind poll_own_write_op = form::kind("poll for writing", ready_for::writing, false);

}  // namespace bide::detail
