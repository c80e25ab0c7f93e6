// bide/os: one io_uring: entries go in, completions come out; what they mean is the backend's matter.
#include "os/uring_queue.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "os/backend.hpp"

#include <bide/time.hpp>

namespace bide::detail {

namespace {

// Newest first; each line is what the kernel of its version accepts.
struct form {
    unsigned flags;
    const char* needs;
};
constexpr unsigned deferred = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                              IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
constexpr form forms[] = {
    {deferred, "deferred task work, Linux 6.1"},
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
     "cooperative task work, Linux 5.19"},
    {0, "plain, Linux 5.15"},
};

constexpr unsigned queue_entries = 256;
constexpr unsigned completion_entries = 4096;

// liburing 2.3 declares io_uring_enable_rings but does not export it.
void enable_ring(int fd) noexcept {
    ::syscall(__NR_io_uring_register, fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
}

}  // namespace

bool uring_queue::open(io_uring& made, std::string& why, bool oldest) {
    int error = 0;
    for (const form& each : forms) {
        if (oldest && each.flags != 0) continue;
        io_uring_params params{};
        params.flags = each.flags | IORING_SETUP_CQSIZE;
        params.cq_entries = completion_entries;
        error = ::io_uring_queue_init_params(queue_entries, &made, &params);
        if (error == 0) {
            constexpr unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL;
            if ((params.features & needed) != needed) {
                ::io_uring_queue_exit(&made);
                why = "this kernel's io_uring cannot wait with a timeout (Linux 5.15 can)";
                return false;
            }
            ::io_uring_ring_dontfork(&made);
            why = each.needs;
            return true;
        }
        if (error != -EINVAL) break;
    }
    why = std::string("io_uring_setup says: ") + std::strerror(-error);
    if (error == -EPERM) why += " (kernel.io_uring_disabled, or a container's seccomp profile)";
    return false;
}

uring_queue::~uring_queue() {
    if (!disowned_) ::io_uring_queue_exit(&ring_);
}

void uring_queue::enable() noexcept {
    if ((ring_.flags & IORING_SETUP_R_DISABLED) != 0) enable_ring(ring_.ring_fd);
    ::io_uring_register_ring_fd(&ring_);
}

void uring_queue::leave_thread() noexcept {
    ring_.enter_ring_fd = ring_.ring_fd;
    ring_.int_flags = unregistered_flags_;
}

void uring_queue::disown() noexcept {
    ::close(ring_.ring_fd);
    disowned_ = true;
}

io_uring_sqe* uring_queue::entry_when_full() noexcept {
    for (;;) {
        const int submitted = ::io_uring_submit(&ring_);
        if (io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_)) return sqe;
        if (submitted < 0) await_memory();
    }
}

void uring_queue::await_memory() noexcept {
    constexpr timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    ::nanosleep(&pause, nullptr);
}

void uring_queue::submit_and_sleep(std::int64_t deadline) noexcept {
    if (deadline == no_deadline) {
        ::io_uring_submit_and_wait(&ring_, 1);
        return;
    }
    // The kernel adds its clock to this; what is too far away would overflow there.
    constexpr std::int64_t longest = std::int64_t{1} << 60;
    const std::int64_t left = std::min(time_left(deadline), longest);
    __kernel_timespec span{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    io_uring_cqe* first = nullptr;
    ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &span, nullptr);
}

}  // namespace bide::detail
