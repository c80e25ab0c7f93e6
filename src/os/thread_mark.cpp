// bide/os: recognise a thread, also after it has ended.
#include "os/thread_mark.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace bide::detail {

namespace {

// Raises its flag when the thread destroys its thread-local objects.
struct ending_flag {
    std::shared_ptr<std::atomic<bool>> up = std::make_shared<std::atomic<bool>>(false);
    ~ending_flag() { up->store(true, std::memory_order_release); }
};

bool kernel_knows(int thread) noexcept {
    return ::syscall(SYS_tgkill, ::getpid(), thread, 0) == 0 || errno != ESRCH;
}

}  // namespace

std::uint64_t thread_mark::this_number() noexcept {
    static constinit std::atomic<std::uint64_t> drawn{0};
    static constinit thread_local std::uint64_t mine = 0;
    if (mine == 0) mine = drawn.fetch_add(1, std::memory_order_relaxed) + 1;
    return mine;
}

thread_mark thread_mark::here() {
    static thread_local const ending_flag flag;
    thread_mark mark;
    mark.number_ = this_number();
    mark.kernel_id_ = ::gettid();
    mark.ending_ = flag.up;
    return mark;
}

// A thread that was joined may still have its number in the kernel for a moment; a thread that is alive never has its
// flag up. A later thread may get the number again while this waits: then the answer is the cautious one.
bool thread_mark::has_ended() const noexcept {
    if (ending_ == nullptr || !ending_->load(std::memory_order_acquire)) return false;
    constexpr int yields = 100;
    constexpr int pauses = 1000;
    for (int i = 0; i < yields + pauses; ++i) {
        if (!kernel_knows(kernel_id_)) return true;
        constexpr timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
        i < yields ? ::sched_yield() : ::nanosleep(&pause, nullptr);
    }
    return false;
}

}  // namespace bide::detail
