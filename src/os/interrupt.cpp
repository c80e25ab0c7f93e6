// bide/os: notice Ctrl-C without losing control of it.
#include "os/interrupt.hpp"

#include <unistd.h>

#include <csignal>

#include "os/backend.hpp"

namespace bide::detail {

namespace {

std::atomic<std::atomic<int>*> counter{nullptr};
std::atomic<backend*> to_wake{nullptr};

void on_sigint(int) {
    std::atomic<int>* const count = counter.load(std::memory_order_acquire);
    backend* const os = to_wake.load(std::memory_order_acquire);
    if (count == nullptr || os == nullptr) {  // the program kept this action and has put it back too late
        std::signal(SIGINT, SIG_DFL);
        ::raise(SIGINT);
        return;
    }
    // A loop that is blocked cannot see the first two; the third must be able to end the process.
    if (count->fetch_add(1, std::memory_order_acq_rel) >= 1) std::signal(SIGINT, SIG_DFL);
    os->wake();
}

}  // namespace

interrupt_guard::interrupt_guard(std::atomic<int>& count, backend& os) noexcept {
    if (::gettid() != ::getpid() || counter.load(std::memory_order_acquire) != nullptr) return;
    struct sigaction present{};
    if (::sigaction(SIGINT, nullptr, &present) != 0) return;
    if (present.sa_handler != SIG_DFL && present.sa_handler != on_sigint) return;
    count.store(0, std::memory_order_release);
    to_wake.store(&os, std::memory_order_release);
    counter.store(&count, std::memory_order_release);
    struct sigaction ours{};
    ours.sa_handler = on_sigint;
    ours.sa_flags = SA_RESTART;
    ::sigemptyset(&ours.sa_mask);
    installed_ = ::sigaction(SIGINT, &ours, nullptr) == 0;
}

interrupt_guard::~interrupt_guard() {
    if (!installed_) return;
    struct sigaction present{};
    // The program may have installed its own handler meanwhile; that one stays.
    if (::sigaction(SIGINT, nullptr, &present) == 0 && present.sa_handler == on_sigint)
        std::signal(SIGINT, SIG_DFL);
    counter.store(nullptr, std::memory_order_release);
    to_wake.store(nullptr, std::memory_order_release);
}

bool is_past_interrupt(void (*handler)(int)) noexcept {
    return handler == on_sigint && counter.load(std::memory_order_acquire) == nullptr;
}

}  // namespace bide::detail
