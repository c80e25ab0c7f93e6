// bide/os: descriptor, a file descriptor that is closed exactly once.
#pragma once

#include <utility>

namespace bide {

/// Owns a file descriptor: what socket::recv_fds() gives, and what release() takes out again. Closed on destruction.
/// Movable. Whoever has awaited something on it calls event_loop::forget() before it is closed.
/// Threads: any. Python: none (a number, which somebody has to close).
class descriptor {
public:
    descriptor() noexcept = default;
    /// Takes it over; -1 for none.
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        if (this != &other) {
            close();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~descriptor() { close(); }

    /// The number; -1 for none.
    [[nodiscard]] int fileno() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Gives it away: to process_lock::adopt(), socket::adopt(), connect_read_pipe() and so on.
    int release() noexcept { return std::exchange(fd_, -1); }
    /// Idempotent. Source: close(2).
    void close() noexcept;

private:
    int fd_ = -1;
};

}  // namespace bide
