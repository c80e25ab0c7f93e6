// bide/os: what becomes of a result that nobody will look at.
#include <bide/detail/os/op.hpp>

#include <cerrno>

#include "os/fd.hpp"

namespace bide::detail {

void drop_result(op_request& request) noexcept {
    if (request.state != op_state::done || request.result < 0) return;
    if (request.kind->late_success == late::close_fd) unique_fd(request.result).reset();
    request.result = -ECANCELED;
}

}  // namespace bide::detail
