// bide/os: notice Ctrl-C without losing control of it.
#include "os/interrupt.hpp"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "os/backend.hpp"
#include "os/fork_count.hpp"

namespace bide::detail {

namespace {

// Of the guard that there is; of a parent's in the child of a fork, where made_in is another.
std::atomic<std::atomic<int>*> counter{nullptr};
std::atomic<backend*> to_wake{nullptr};
std::atomic<std::uint32_t> made_in{0};
// Threads in the signal handler, any of which may have read the above: a guard ends, and lets its loop go, when none is.
std::atomic<int> handling{0};

// The child has one thread: the one that forked, which is in no handler.
[[maybe_unused]] const int in_child = ::pthread_atfork(nullptr, nullptr, [] { handling.store(0); });

bool is_guarded() noexcept { return counter.load() != nullptr && made_in.load() == fork_count(); }

void on_sigint(int) {
    const int saved = errno;
    handling.fetch_add(1);
    std::atomic<int>* const count = counter.load();
    backend* const os = to_wake.load();
    if (count == nullptr || os == nullptr || made_in.load() != fork_count()) {
        // The program kept this action and has put it back too late, or forked and did not install its own.
        std::signal(SIGINT, SIG_DFL);
        ::raise(SIGINT);
    } else {
        // A loop that is blocked cannot see the first two; the third must be able to end the process.
        if (count->fetch_add(1, std::memory_order_acq_rel) >= 1) std::signal(SIGINT, SIG_DFL);
        os->wake();
    }
    handling.fetch_sub(1);
    errno = saved;
}

}  // namespace

interrupt_guard::interrupt_guard(std::atomic<int>& count, backend& os) noexcept : process_(fork_count()) {
    if (::gettid() != ::getpid() || is_guarded()) return;
    struct sigaction present{};
    if (::sigaction(SIGINT, nullptr, &present) != 0) return;
    if (present.sa_handler != SIG_DFL && present.sa_handler != on_sigint) return;
    count.store(0, std::memory_order_release);
    counter.store(nullptr);
    to_wake.store(&os);
    made_in.store(process_);
    counter.store(&count);
    struct sigaction ours{};
    ours.sa_handler = on_sigint;
    ours.sa_flags = SA_RESTART;
    ::sigemptyset(&ours.sa_mask);
    installed_ = ::sigaction(SIGINT, &ours, nullptr) == 0;
}

interrupt_guard::~interrupt_guard() {
    if (!installed_ || process_ != fork_count()) return;
    struct sigaction present{};
    // The program may have installed its own handler meanwhile; that one stays.
    if (::sigaction(SIGINT, nullptr, &present) == 0 && present.sa_handler == on_sigint)
        std::signal(SIGINT, SIG_DFL);
    counter.store(nullptr);
    to_wake.store(nullptr);
    while (handling.load() != 0) ::sched_yield();
}

bool is_past_interrupt(void (*handler)(int)) noexcept { return handler == on_sigint && !is_guarded(); }

}  // namespace bide::detail
