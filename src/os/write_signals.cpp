// bide/os: let a broken pipe, or a file that is too large, be an error of the write that meets it.
#include <csignal>

#include "os/backend.hpp"

namespace bide::detail {

namespace {

void ignore_by_default(int signal) noexcept {
    struct sigaction present{};
    if (::sigaction(signal, nullptr, &present) != 0) return;
    const bool by_default = (present.sa_flags & SA_SIGINFO) == 0 && present.sa_handler == SIG_DFL;
    if (by_default) std::signal(signal, SIG_IGN);
}

}  // namespace

// Sockets have MSG_NOSIGNAL; write(2) had no such flag before Linux 6.18.
void ignore_write_signals() noexcept {
    ignore_by_default(SIGPIPE);
    ignore_by_default(SIGXFSZ);
}

}  // namespace bide::detail
