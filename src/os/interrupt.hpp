// bide/os: notice Ctrl-C without losing control of it.
#pragma once

#include <atomic>
#include <cstdint>

namespace bide::detail {

class backend;

// Counts SIGINT in `count` and wakes `os`, from its construction to its destruction; the third one and later ones, and
// those outside, get the default action. Works only in the main thread and only where SIGINT has its default action:
// anything else was decided by the program, and is left alone. In the child of a fork it is the default action.
class interrupt_guard {
public:
    interrupt_guard(std::atomic<int>& count, backend& os) noexcept;
    ~interrupt_guard();
    interrupt_guard(const interrupt_guard&) = delete;
    interrupt_guard& operator=(const interrupt_guard&) = delete;

    [[nodiscard]] bool installed() const noexcept { return installed_; }

private:
    std::uint32_t process_;  // that made it
    bool installed_ = false;
};

// Whether this is the signal handler of a guard that is gone by now.
bool is_past_interrupt(void (*handler)(int)) noexcept;

}  // namespace bide::detail
