// bide/os: signal and reap one child process, and no other.
//
// There is no SIGCHLD handler and no wait for any child: those would take the children of other code in the program.
#include "os/child.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/syscall.hpp"

namespace bide::detail::sys {

namespace {

constexpr int by_descriptor = 3;  // P_PIDFD, which older headers do not name

int wait_for(child_id child, siginfo_t& info, int flags) noexcept {
    if (child.pidfd >= 0) {
        const int result = retry([&] {
            return ::waitid(static_cast<idtype_t>(by_descriptor), static_cast<id_t>(child.pidfd), &info,
                            flags);
        });
        if (result != -EINVAL) return result;  // Linux 5.3 has the descriptors, but not this use of them
    }
    return retry([&] { return ::waitid(P_PID, static_cast<id_t>(child.pid), &info, flags); });
}

}  // namespace

bool reap_child(child_id child, int& code, bool block) noexcept {
    siginfo_t info{};
    const int result = wait_for(child, info, block ? WEXITED : WEXITED | WNOHANG);
    if (result == 0 && info.si_pid == 0) return false;
    if (result != 0) {
        code = reaped_elsewhere;
    } else {
        code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    }
    return true;
}

int signal_child(child_id child, int number) noexcept {
    if (child.pidfd >= 0) {
        const auto result = ::syscall(SYS_pidfd_send_signal, child.pidfd, number, nullptr, 0);
        if (result == 0) return 0;
        if (errno != ENOSYS) return -errno;
    }
    return ::kill(child.pid, number) == 0 ? 0 : -errno;
}

}  // namespace bide::detail::sys
