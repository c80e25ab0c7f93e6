// bide/os: a bell in shared memory that other processes ring to wake a loop.
#include "os/bell.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace bide::detail::sys {

unique_fd make_bell() {
    unique_fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) throw std::system_error(errno, std::generic_category(), "eventfd");
    return fd;
}

void ring_bell(int fd, bell_word& listening) noexcept {
    if (listening.load(std::memory_order_seq_cst) == 0) return;
    if (listening.exchange(0, std::memory_order_seq_cst) == 0) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
}

}  // namespace bide::detail::sys
