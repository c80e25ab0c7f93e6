// bide/os: notice a signal: a descriptor becomes readable each time it comes.
#include "os/signal_watch.hpp"

#include <bide/error.hpp>

#include <sys/eventfd.h>

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

// The descriptor for each signal that is watched, one more than it is.
std::atomic<int> places[signals];
std::uint32_t made_in = 0;  // written before a place is

void on_signal(int number) {
    const int saved = errno;
    if (made_in != fork_count()) {  // the descriptor is the parent's
        std::signal(number, SIG_DFL);
        ::raise(number);
    } else if (const int place = places[number].load(std::memory_order_acquire); place != 0) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(place - 1, &one, sizeof one);
    }
    errno = saved;
}

std::string named(int number) { return "add_signal_handler: signal " + std::to_string(number); }

}  // namespace

signal_watch::signal_watch(int number)
    : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), number_(number), process_(fork_count()) {
    if (!event_) throw std::system_error(errno, std::generic_category(), "eventfd");
    if (number < 1 || number >= signals) throw std::invalid_argument(named(number) + " does not exist");
    int nobody = 0;
    if (made_in != fork_count()) {
        for (std::atomic<int>& place : places) place.store(0);
        made_in = fork_count();
    }
    if (!places[number].compare_exchange_strong(nobody, event_.get() + 1)) {
        throw invalid_state_error(named(number) +
                                  " has a handler in another event loop; remove that one first");
    }
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
    places[number].store(0);
    throw std::invalid_argument(named(number) + " cannot be caught");
}

void signal_watch::stop() noexcept {
    if (!std::exchange(watching_, false) || process_ != fork_count()) return;
    struct sigaction present{};
    // The program may have installed its own handler meanwhile; that one stays.
    if (::sigaction(number_, nullptr, &present) == 0 && present.sa_handler == on_signal) restore();
    places[number_].store(0);
}

void signal_watch::restore() noexcept {
    if (is_past_interrupt(previous_.sa_handler)) previous_.sa_handler = SIG_DFL;
    ::sigaction(number_, &previous_, nullptr);
}

void signal_watch::clear() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(event_.get(), &count, sizeof count);
}

}  // namespace bide::detail
