// bide/os: whether anything outside the loop could still act on it.
#include "os/process_state.hpp"

#include <bide/detail/base/config.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "os/fd.hpp"
#include "os/worker_pool.hpp"

namespace bide::detail {

namespace {

const char* field(const char* text, const char* name) noexcept {
    const char* const at = std::strstr(text, name);
    return at == nullptr ? nullptr : at + std::strlen(name);
}

constexpr std::uint64_t bit(int signal) noexcept { return std::uint64_t{1} << (signal - 1); }

// Faults of the running thread, which nobody sends from elsewhere; and SIGINT, which would only end a loop that hangs.
constexpr std::uint64_t not_a_wake_up = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGFPE) | bit(SIGILL) |
                                        bit(SIGABRT) | bit(SIGTRAP) | bit(SIGSYS) | bit(SIGINT) |
                                        bit(SIGPIPE);

}  // namespace

bool others_may_act() noexcept {
    char text[4096];
    const unique_fd file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    if (!file) return true;
    const auto size = ::read(file.get(), text, sizeof text - 1);
    if (size <= 0) return true;
    text[size] = '\0';
    const char* const threads = field(text, "\nThreads:");
    const char* const caught = field(text, "\nSigCgt:");
    if (threads == nullptr || caught == nullptr) return true;
    // The thread sanitizer's runtime keeps one thread of its own.
    const unsigned long own = 1 + worker_pool::parked_threads() + (BIDE_TSAN != 0 ? 1 : 0);
    if (std::strtoul(threads, nullptr, 10) > own) return true;
    constexpr std::uint64_t runtime_signals = std::uint64_t{3} << 31;  // 32 and 33 belong to the C library
    return (std::strtoull(caught, nullptr, 16) & ~(not_a_wake_up | runtime_signals)) != 0;
}

}  // namespace bide::detail
