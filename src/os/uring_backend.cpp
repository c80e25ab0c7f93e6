// bide/os: operations as entries of an io_uring.
//
// One ring, one thread. The ring is created disabled and enabled by the first poll(), because with SINGLE_ISSUER and
// DEFER_TASKRUN only the thread that enabled it may enter it, and a loop may be made on another thread than the one
// that runs it. One io_uring_enter per loop turn submits what was queued, waits, and carries the next deadline.
//
// Cancellation (io_uring_cancelation(7)): closing a descriptor does not end operations on it, and the completions of
// an operation and of its cancellation arrive in either order. So the result of a cancellation is ignored, and only
// the operation's own completion ends it; its node stays put until then.
//
// A descriptor in O_NONBLOCK mode makes the kernel report -EAGAIN instead of waiting. Then a poll entry for the same
// node waits for readiness, and the operation is submitted again.
#include <liburing.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>

#include "os/backend.hpp"
#include "os/blocking_calls.hpp"
#include "os/wakeup.hpp"

#include <bide/time.hpp>

namespace bide::detail {

namespace {

// The low bits of user_data say what a completion belongs to; nodes are at least 8-byte aligned.
enum class tag : std::uint64_t { operation = 0, readiness = 1, wake = 2, ignored = 3 };
constexpr std::uint64_t tag_mask = 3;

std::uint64_t mark(const timer_node* node, tag kind) noexcept {
    return reinterpret_cast<std::uint64_t>(node) | static_cast<std::uint64_t>(kind);
}

// liburing 2.3 declares io_uring_enable_rings but does not export it.
void enable_ring(int fd) noexcept {
    ::syscall(__NR_io_uring_register, fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
}

class uring_backend final : public backend {
public:
    explicit uring_backend(const io_uring& ring) noexcept : ring_(ring), blocking_(wakeup_) {}
    ~uring_backend() override { ::io_uring_queue_exit(&ring_); }

    void submit(timer_node& node) noexcept override {
        ++in_flight_;
        node.request->state = op_state::in_flight;
        if (node.request->kind->prepare == nullptr) return blocking_.start(node);
        queue_operation(node);
    }

    void cancel(timer_node& node) noexcept override {
        op_request& request = *node.request;
        if (request.state != op_state::in_flight) return;
        request.state = op_state::cancelling;
        if (request.kind->prepare == nullptr) return;  // a call on a worker thread cannot be recalled
        // The node may wait under either mark; cancelling the one that is not there does nothing.
        for (const tag kind : {tag::operation, tag::readiness}) {
            io_uring_sqe* const sqe = entry();
            ::io_uring_prep_cancel64(sqe, mark(&node, kind), 0);
            ::io_uring_sqe_set_data64(sqe, mark(nullptr, tag::ignored));
        }
    }

    void poll(std::int64_t deadline, ready_queue& done) noexcept override {
        if (!enabled_) enable();
        if (deadline == 0 || ::io_uring_cq_ready(&ring_) != 0) {
            if (::io_uring_sq_ready(&ring_) != 0 || has_deferred_work()) ::io_uring_submit_and_get_events(&ring_);
        } else {
            sleep_until(deadline);
        }
        reap(done);
        in_flight_ -= blocking_.collect(done);
    }

    void wake() noexcept override { wakeup_.signal(); }

    void forget(int fd) noexcept override {
        if (in_flight_ == 0) return;
        io_uring_sqe* const sqe = entry();
        ::io_uring_prep_cancel_fd(sqe, fd, IORING_ASYNC_CANCEL_ALL);
        ::io_uring_sqe_set_data64(sqe, mark(nullptr, tag::ignored));
        // At once: by the time of the next turn the number may belong to another file.
        if (enabled_) ::io_uring_submit(&ring_);
    }

    std::int64_t now() noexcept override { return monotonic_now(); }
    [[nodiscard]] const char* name() const noexcept override { return "io_uring"; }

private:
    io_uring_sqe* entry() noexcept {
        io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
        while (sqe == nullptr) {  // the queue is full: hand it over, never drop
            if (!enabled_) enable();
            ::io_uring_submit(&ring_);
            sqe = ::io_uring_get_sqe(&ring_);
        }
        return sqe;
    }

    void queue_operation(timer_node& node) noexcept {
        const ring_entry from = node.request->kind->prepare(node.request->args);
        io_uring_sqe* const sqe = entry();
        std::memset(sqe, 0, sizeof *sqe);
        sqe->opcode = from.code;
        sqe->fd = from.fd;
        sqe->addr = reinterpret_cast<std::uint64_t>(from.data);
        sqe->len = from.size;
        sqe->off = from.offset;
        sqe->rw_flags = static_cast<int>(from.flags);  // one union holds every operation's flags
        if (from.poll_first != 0) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
        sqe->user_data = mark(&node, tag::operation);
    }

    void queue_readiness(timer_node& node) noexcept {
        const op_request& request = *node.request;
        io_uring_sqe* const sqe = entry();
        ::io_uring_prep_poll_add(sqe, request.args.fd, request.kind->waits_for == ready_for::reading ? POLLIN : POLLOUT);
        sqe->user_data = mark(&node, tag::readiness);
    }

    void watch_wakeup() noexcept {
        io_uring_sqe* const sqe = entry();
        ::io_uring_prep_poll_multishot(sqe, wakeup_.fd(), POLLIN);
        sqe->user_data = mark(nullptr, tag::wake);
    }

    void enable() noexcept {
        enabled_ = true;
        if ((ring_.flags & IORING_SETUP_R_DISABLED) != 0) enable_ring(ring_.ring_fd);
        ::io_uring_register_ring_fd(&ring_);
        watch_wakeup();
    }

    // DEFER_TASKRUN keeps completions back until the thread enters the kernel; the flag says that there are some.
    [[nodiscard]] bool has_deferred_work() const noexcept {
        const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
        return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
    }

    void sleep_until(std::int64_t deadline) noexcept {
        io_uring_cqe* first = nullptr;
        if (deadline == no_deadline) {
            ::io_uring_submit_and_wait(&ring_, 1);
            return;
        }
        const std::int64_t left = std::max<std::int64_t>(0, deadline - monotonic_now());
        __kernel_timespec span{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
        ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &span, nullptr);
    }

    void reap(ready_queue& done) noexcept {
        unsigned head = 0;
        unsigned count = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            ++count;
            complete(*cqe, done);
        }
        ::io_uring_cq_advance(&ring_, count);
    }

    void complete(const io_uring_cqe& cqe, ready_queue& done) noexcept {
        const auto kind = static_cast<tag>(cqe.user_data & tag_mask);
        if (kind == tag::ignored) return;
        if (kind == tag::wake) {
            if ((cqe.flags & IORING_CQE_F_MORE) == 0) watch_wakeup();
            return;
        }
        auto& node = *reinterpret_cast<timer_node*>(cqe.user_data & ~tag_mask);
        op_request& request = *node.request;
        const bool wanted = request.state != op_state::cancelling;
        if (kind == tag::readiness && cqe.res >= 0) {
            if (wanted) return queue_operation(node);
            return finish(node, -ECANCELED, done);
        }
        if (cqe.res == -EAGAIN && kind == tag::operation && request.kind->waits_for != ready_for::nothing) {
            if (wanted) return queue_readiness(node);
            return finish(node, -ECANCELED, done);
        }
        if (cqe.res == -EINTR && wanted) return queue_operation(node);
        finish(node, cqe.res == -EINTR ? -ECANCELED : cqe.res, done);
    }

    void finish(timer_node& node, int result, ready_queue& done) noexcept {
        node.request->result = result;
        node.request->state = op_state::done;
        --in_flight_;
        done.push(node);
    }

    io_uring ring_;
    wakeup wakeup_;
    blocking_calls blocking_;
    bool enabled_ = false;
};

// Newest first; each line is what the kernel of its version accepts.
struct setup {
    unsigned flags;
    const char* needs;
};
constexpr unsigned deferred = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                              IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
constexpr setup setups[] = {
    {deferred, "deferred task work, Linux 6.1"},
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL, "cooperative task work, Linux 5.19"},
    {0, "plain, Linux 5.15"},
};

constexpr unsigned queue_entries = 256;
constexpr unsigned completion_entries = 4096;

}  // namespace

std::unique_ptr<backend> make_uring_backend(std::string& why) {
    int error = 0;
    for (const setup& each : setups) {
        io_uring ring;
        io_uring_params params{};
        params.flags = each.flags | IORING_SETUP_CQSIZE;
        params.cq_entries = completion_entries;
        error = ::io_uring_queue_init_params(queue_entries, &ring, &params);
        if (error == 0) {
            constexpr unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL;
            if ((params.features & needed) != needed) {
                ::io_uring_queue_exit(&ring);
                why = "this kernel's io_uring cannot wait with a timeout (Linux 5.15 can)";
                return nullptr;
            }
            ::io_uring_ring_dontfork(&ring);
            why = each.needs;
            return std::make_unique<uring_backend>(ring);
        }
        if (error != -EINVAL) break;
    }
    why = std::string("io_uring_setup says: ") + std::strerror(-error);
    if (error == -EPERM) why += " (kernel.io_uring_disabled, or a container's seccomp profile)";
    return nullptr;
}

}  // namespace bide::detail
