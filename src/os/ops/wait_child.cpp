// bide/os: wait until a child process has ended, where the kernel has no process descriptors (before Linux 5.3).
#include <bide/detail/os/ops.hpp>

#include <sys/wait.h>

#include "os/syscall.hpp"

namespace bide::detail {

namespace {

// args.offset is the process id. The child is left to be reaped by whoever waits for this.
int attempt(const op_args& a) noexcept {
    siginfo_t info{};
    return sys::retry([&] { return ::waitid(P_PID, static_cast<id_t>(a.offset), &info, WEXITED | WNOWAIT); });
}

}  // namespace

constinit const op_kind wait_child_op{
    .name = "wait for a child", .prepare = nullptr, .attempt = attempt, .waits_for = ready_for::nothing};

}  // namespace bide::detail
