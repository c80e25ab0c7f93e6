// bide/os: an eventfd with which any thread interrupts a backend that sleeps in the kernel.
#pragma once

#include <atomic>

#include "os/fd.hpp"

namespace bide::detail {

// The counter is never read: the descriptor is registered edge-triggered, every write is a new edge, and a read per
// wake-up would be a system call for nothing. It overflows after 2^64 - 2 wake-ups.
class wakeup {
public:
    wakeup();  // throws std::system_error
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    void signal() noexcept;  // any thread, and signal handlers
    // From now on signal() writes to this eventfd, too.
    void also_signal(int fd) noexcept { also_.store(fd, std::memory_order_relaxed); }

private:
    unique_fd fd_;
    std::atomic<int> also_{-1};
};

}  // namespace bide::detail
