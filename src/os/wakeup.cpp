// bide/os: an eventfd with which any thread interrupts a backend that sleeps in the kernel.
#include "os/wakeup.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace bide::detail {

wakeup::wakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void wakeup::signal() noexcept {
    const int saved = errno;  // a signal handler must leave it as it was
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the other side has an edge to see already.
    [[maybe_unused]] auto written = ::write(fd_.get(), &one, sizeof one);
    if (const int also = also_.load(std::memory_order_relaxed); also >= 0)
        written = ::write(also, &one, sizeof one);
    errno = saved;
}

}  // namespace bide::detail
