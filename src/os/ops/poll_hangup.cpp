// bide/os: wait until a pipe has nobody at its other end any more, whether or not there is something to read.
#include <bide/detail/os/ops.hpp>

#include "os/ops/poll_form.hpp"

namespace bide::detail {

constinit const op_kind poll_hangup_op = poll_form<0>::kind("poll for the end", ready_for::reading, false);

}  // namespace bide::detail
