// bide/os: notice a signal: a descriptor becomes readable each time it comes.
#include "os/signal_watch.hpp"

#include <bide/error.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "os/fork_count.hpp"
#include "os/interrupt.hpp"

namespace bide::detail {

namespace {

constexpr int signals = 65;

// What the handler writes to, one eventfd for each signal that was ever watched: the fork_count() of the process that made
// it, and the descriptor, one more than it is. It is never closed, as the handler may have read its number in another
// thread just before, and would write into whatever has that number next.
std::atomic<std::uint64_t> events[signals];
// Who watches the signal: one more than the fork_count() of the process; 0: nobody.
std::atomic<std::uint32_t> owners[signals];

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "a signal handler may not wait for a lock");

bool made_here(std::uint64_t event) noexcept { return event != 0 && event >> 32U == fork_count(); }
int descriptor_of(std::uint64_t event) noexcept { return static_cast<int>(event & UINT32_MAX) - 1; }

void on_signal(int number) {
    const int saved = errno;
    if (const std::uint64_t event = events[number].load(std::memory_order_acquire); made_here(event)) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(descriptor_of(event), &one, sizeof one);
    } else {  // the descriptor is the parent's
        std::signal(number, SIG_DFL);
        ::raise(number);
    }
    errno = saved;
}

// -1 with errno where there can be none. What a parent has left is not closed: its number may be a stranger's by now.
int event_for(int number) noexcept {
    const std::uint64_t known = events[number].load(std::memory_order_acquire);
    if (made_here(known)) return descriptor_of(known);
    const int made = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made < 0) return made;
    events[number].store(std::uint64_t{fork_count()} << 32U | static_cast<std::uint32_t>(made + 1),
                         std::memory_order_release);
    return made;
}

std::string named(int number) { return "add_signal_handler: signal " + std::to_string(number); }

}  // namespace

signal_watch::signal_watch(int number) : number_(number), process_(fork_count()) {
    if (number < 1 || number >= signals) throw std::invalid_argument(named(number) + " does not exist");
    const std::uint32_t us = process_ + 1;
    std::uint32_t owner = owners[number].load(std::memory_order_acquire);
    if (owner == us || !owners[number].compare_exchange_strong(owner, us)) {
        throw invalid_state_error(named(number) +
                                  " has a handler in another event loop; remove that one first");
    }
    fd_ = event_for(number);
    if (fd_ < 0) {
        const int error = errno;
        owners[number].store(0);
        throw std::system_error(error, std::generic_category(), "eventfd");
    }
    clear();  // what came too late for an earlier watch
    watching_ = true;
    struct sigaction ours{};
    ours.sa_handler = on_signal;
    ours.sa_flags = SA_RESTART;
    ::sigemptyset(&ours.sa_mask);
    if (::sigaction(number, &ours, &previous_) == 0) {
        // What the parent of a fork left here leads nowhere.
        if (previous_.sa_handler == on_signal) previous_.sa_handler = SIG_DFL;
        return;
    }
    owners[number].store(0);
    throw std::invalid_argument(named(number) + " cannot be caught");
}

void signal_watch::stop() noexcept {
    if (!std::exchange(watching_, false) || process_ != fork_count()) return;
    struct sigaction present{};
    // The program may have installed its own handler meanwhile; that one stays.
    if (::sigaction(number_, nullptr, &present) == 0 && present.sa_handler == on_signal) restore();
    owners[number_].store(0);
}

void signal_watch::restore() noexcept {
    if (is_past_interrupt(previous_.sa_handler)) previous_.sa_handler = SIG_DFL;
    ::sigaction(number_, &previous_, nullptr);
}

bool signal_watch::clear() noexcept {
    std::uint64_t count = 0;
    return ::read(fd_, &count, sizeof count) == sizeof count;
}

bool signal_watch::keeps(int fd) noexcept {
    for (const std::atomic<std::uint64_t>& each : events) {
        const std::uint64_t event = each.load(std::memory_order_acquire);
        if (made_here(event) && descriptor_of(event) == fd) return true;
    }
    return false;
}

}  // namespace bide::detail
