// bide/os: notice a signal: a descriptor becomes readable each time it comes.
#pragma once

#include <csignal>
#include <cstdint>

namespace bide::detail {

// One for each signal in the process. The signal handler does nothing but write to an eventfd, which stays open for the
// next watch of that signal. In the child of a fork the signal has its default action, which the parent does not notice.
class signal_watch {
public:
    // Throws std::invalid_argument for a number that cannot be caught, invalid_state_error when it is watched already,
    // std::system_error.
    explicit signal_watch(int number);
    ~signal_watch() { stop(); }
    signal_watch(const signal_watch&) = delete;
    signal_watch& operator=(const signal_watch&) = delete;

    // Restores the action that there was before. Idempotent.
    void stop() noexcept;

    [[nodiscard]] int number() const noexcept { return number_; }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    // Until the next signal it is not readable any more. False: it was not.
    bool clear() noexcept;

    // Whether this descriptor is kept for the signals to come.
    static bool keeps(int fd) noexcept;

private:
    void restore() noexcept;

    int fd_ = -1;
    int number_;
    std::uint32_t process_;  // that made it
    struct sigaction previous_{};
    bool watching_ = false;
};

}  // namespace bide::detail
