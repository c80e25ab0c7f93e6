// bide/os: let a broken pipe be an error of the write that meets it.
#include <csignal>

#include "os/backend.hpp"

namespace bide::detail {

// Sockets have MSG_NOSIGNAL; write(2) had no such flag before Linux 6.18.
void ignore_sigpipe() noexcept {
    struct sigaction present{};
    if (::sigaction(SIGPIPE, nullptr, &present) != 0) return;
    const bool by_default = (present.sa_flags & SA_SIGINFO) == 0 && present.sa_handler == SIG_DFL;
    if (by_default) std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace bide::detail
