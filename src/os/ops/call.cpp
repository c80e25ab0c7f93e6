// bide/os: call a function that may block, on a worker thread.
//
// Opening, describing, renaming and the like are all this one operation. A ring would hand them to threads of the
// kernel, which costs the same, takes locks that all rings share, and needs a newer kernel for each of them; here one
// trip can do several things, such as open, fstat, read and close. What a call makes (a descriptor, memory) it leaves
// with an owner in the frame that awaits it, so nothing is lost when nobody resumes.
#include <bide/detail/os/ops.hpp>

#include "os/blocking_call.hpp"

namespace bide::detail {

namespace {

// args.data is the blocking_call.
int attempt(const op_args& a) noexcept {
    auto& what = *static_cast<blocking_call*>(a.data);
    return what.run(what);
}

}  // namespace

constinit const op_kind call_op{
    .name = "call", .prepare = nullptr, .attempt = attempt, .waits_for = ready_for::nothing};

}  // namespace bide::detail
