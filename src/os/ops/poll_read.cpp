// bide/os: wait until a descriptor is readable, at its end or in error.
#include <bide/detail/os/ops.hpp>

#include "os/ops/poll_form.hpp"

namespace bide::detail {

using form = poll_form<POLLIN | POLLRDHUP>;

constinit const op_kind poll_read_op = form::kind("poll for reading", ready_for::reading, true);
constinit const op_kind poll_own_read_op = form::kind("poll for reading", ready_for::reading, false);

}  // namespace bide::detail
