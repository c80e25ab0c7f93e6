// bide/os: operations as entries of an io_uring.
//
// One ring, one thread. The ring is created disabled and enabled by the first poll(), because with SINGLE_ISSUER and
// DEFER_TASKRUN only the thread that enabled it may enter it, and a loop may be made on another thread than the one
// that runs it. Until then operations wait in a list. One io_uring_enter per loop turn submits what was queued, waits,
// and carries the next deadline.
//
// Cancellation (io_uring_cancelation(7)): closing a descriptor does not end operations on it, and the completions of
// an operation and of its cancellation arrive in either order. So the result of a cancellation is ignored, and only
// the operation's own completion ends it; its node stays put until then. The operations of each descriptor are in a
// list, so that forget() cancels exactly those (cancelling by descriptor needs Linux 5.19), and marks them: none is
// submitted again under a number that may belong to another file by then.
//
// A descriptor in O_NONBLOCK mode makes the kernel report -EAGAIN instead of waiting. Then a poll entry for the same
// node waits for readiness, and the operation is submitted again. Operations without a completion form are performed that
// way from the start: an attempt, a poll entry, an attempt.
//
// When the thread that enabled the ring ends, the kernel cancels what it has in flight. Whoever closes the loop
// afterwards may read completions but not enter the ring; what left none is cancelled all the same.
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <poll.h>
#include <utility>
#include <vector>

#include "os/backend.hpp"
#include "os/blocking_calls.hpp"
#include "os/fd.hpp"
#include "os/quick_clock.hpp"
#include "os/thread_mark.hpp"
#include "os/uring_buffers.hpp"
#include "os/wakeup.hpp"

#include <bide/detail/base/wait_list.hpp>
#include <bide/detail/os/ops.hpp>
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
    explicit uring_backend(const io_uring& ring) noexcept
        : ring_(ring), unregistered_flags_(ring.int_flags), blocking_(wakeup_) {}

    ~uring_backend() override {
        if (inherited()) {  // the mapping did not come along (DONTFORK), and the ring is the parent's
            ::close(ring_.ring_fd);
            lent_.disown();
            return;
        }
        if (owner_ && !owner_.is_here()) {  // the registered index means another ring in this thread
            ring_.enter_ring_fd = ring_.ring_fd;
            ring_.int_flags = unregistered_flags_;
        }
        ::io_uring_queue_exit(&ring_);
    }

    void submit(timer_node& node) noexcept override {
        ++in_flight_;
        op_request& request = *node.request;
        request.state = op_state::in_flight;
        request.waits_for_readiness = false;
        if (blocks(request)) return blocking_.start(node);
        operations_on(request.args.fd).push_back(node);
        if (!owner_) [[unlikely]]
            return;
        queue_operation(node);
        if (request.kind->for_device && ::io_uring_sq_ready(&ring_) >= device_batch)
            ::io_uring_submit(&ring_);
    }

    void cancel(timer_node& node) noexcept override {
        op_request& request = *node.request;
        if (request.state != op_state::in_flight) return;
        request.state = op_state::cancelling;
        if (blocks(request)) return;  // a call on a worker thread cannot be recalled
        if (!may_enter()) return;     // not begun, or cancelled by the kernel when the ring's thread ended
        io_uring_sqe* const sqe = entry();
        ::io_uring_prep_cancel64(
            sqe, mark(&node, request.waits_for_readiness ? tag::readiness : tag::operation), 0);
        ::io_uring_sqe_set_data64(sqe, mark(nullptr, tag::ignored));
    }

    void poll(std::int64_t deadline, ready_queue& done) noexcept override {
        if (!owner_) [[unlikely]]
            enable();
        if (!owner_.is_here()) [[unlikely]]
            return take_back(done);
        if (notice_) {  // before looking, so that what comes afterwards is told
            eventfd_t count = 0;
            ::eventfd_read(notice_.get(), &count);
        }
        if (deadline == 0 || !done.empty() || !tried_.empty() || ::io_uring_cq_ready(&ring_) != 0) {
            if (::io_uring_sq_ready(&ring_) != 0 || has_deferred_work())
                ::io_uring_submit_and_get_events(&ring_);
        } else {
            sleep_until(deadline);
        }
        reap(done);
        hand_over_tried(done);
        in_flight_ -= blocking_.collect(done);
    }

    void wake() noexcept override { wakeup_.signal(); }

    // The ring's own descriptor would not do: with DEFER_TASKRUN, what comes in wakes nobody who polls it. An eventfd of
    // the ring is written to then, too.
    [[nodiscard]] int descriptor() noexcept override {
        if (!owner_) enable();
        if (!notice_) {
            unique_fd made(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            if (!made || ::io_uring_register_eventfd(&ring_, made.get()) != 0) return -1;
            notice_ = std::move(made);
            wakeup_.also_signal(
                notice_.get());  // what one eventfd does to another takes the kernel milliseconds
        }
        if (flush()) wakeup_.signal();
        return notice_.get();
    }
    bool flush() noexcept override {
        if (::io_uring_sq_ready(&ring_) != 0) ::io_uring_submit(&ring_);
        return !tried_.empty() || ::io_uring_cq_ready(&ring_) != 0 || has_deferred_work();
    }

    void forget(int fd) noexcept override {
        if (fd < 0 || static_cast<std::size_t>(fd) >= table_.size()) return;
        const wait_list& list = table_[static_cast<std::size_t>(fd)];
        if (list.empty()) return;
        for (wait_node* node = list.front(); node != nullptr; node = list.after(*node)) {
            cancel(static_cast<timer_node&>(*node));
        }
        // At once: by the time of the next turn the number may belong to another file.
        if (may_enter()) ::io_uring_submit(&ring_);
    }

    std::int64_t now() noexcept override { return clock_.now(); }
    [[nodiscard]] const char* name() const noexcept override { return "io_uring"; }
    void give_back(void* data) noexcept override {
        if (data != nullptr && !inherited()) lent_.give_back(data);
    }

private:
    // A call for each keeps a device busy best and costs most.
    static constexpr unsigned device_batch = 4;

    [[nodiscard]] bool may_enter() const noexcept { return owner_ && owner_.is_here() && !inherited(); }

    // Neither form: performed by a worker thread.
    static bool blocks(const op_request& request) noexcept {
        return request.kind->prepare == nullptr && request.kind->waits_for == ready_for::nothing;
    }

    wait_list& operations_on(int fd) noexcept {
        if (fd < 0) return without_descriptor_;
        const auto index = static_cast<std::size_t>(fd);
        if (index >= table_.size()) table_.resize(std::max(index + 1, table_.size() * 2));
        return table_[index];
    }

    io_uring_sqe* entry() noexcept {
        io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
        while (sqe == nullptr) {  // the queue is full: hand it over, never drop
            ::io_uring_submit(&ring_);
            sqe = ::io_uring_get_sqe(&ring_);
        }
        return sqe;
    }

    void queue_operation(timer_node& node) noexcept {
        node.request->waits_for_readiness = false;
        const op_request& request = *node.request;
        if (request.kind->prepare == nullptr) return try_now(node);
        const bool borrows = request.kind->borrows;
        if (borrows && !lent_.available(ring_)) return queue_wait(node);
        queue_entry(node, request.kind->prepare(request.args), borrows);
    }

    // Until there is something to receive, for an operation that has no memory to receive it into.
    void queue_wait(timer_node& node) noexcept {
        queue_entry(node, recv_wait_op.prepare(node.request->args), false);
    }

    void queue_entry(timer_node& node, const ring_entry& from, bool borrows) noexcept {
        io_uring_sqe* const sqe = entry();
        std::memset(sqe, 0, sizeof *sqe);
        sqe->opcode = from.code;
        sqe->fd = from.fd;
        sqe->addr = reinterpret_cast<std::uint64_t>(from.data);
        sqe->len = from.size;
        sqe->off = from.offset;
        sqe->rw_flags = static_cast<int>(from.flags);  // one union holds every operation's flags
        sqe->user_data = mark(&node, tag::operation);
        if (borrows) {
            sqe->flags |= IOSQE_BUFFER_SELECT;
            sqe->buf_group = uring_buffers::group;
        }
    }

    // The readiness form. What it finishes stays in flight until poll() hands it over.
    void try_now(timer_node& node) noexcept {
        const int result = node.request->kind->attempt(node.request->args);
        if (result == -EAGAIN) return queue_readiness(node);
        keep_result(node, result);
    }
    void keep_result(timer_node& node, int result) noexcept {
        finish(node, result, tried_);
        ++in_flight_;
        ++tried_count_;
    }
    void hand_over_tried(ready_queue& done) noexcept {
        in_flight_ -= std::exchange(tried_count_, 0);
        done.append(tried_);
    }

    void queue_readiness(timer_node& node) noexcept {
        op_request& request = *node.request;
        request.waits_for_readiness = true;
        io_uring_sqe* const sqe = entry();
        ::io_uring_prep_poll_add(sqe, request.args.fd,
                                 request.kind->waits_for == ready_for::reading ? POLLIN : POLLOUT);
        sqe->user_data = mark(&node, tag::readiness);
    }

    void watch_wakeup() noexcept {
        io_uring_sqe* const sqe = entry();
        ::io_uring_prep_poll_multishot(sqe, wakeup_.fd(), POLLIN);
        sqe->user_data = mark(nullptr, tag::wake);
    }

    // Starts what was submitted before this thread became the ring's.
    void enable() noexcept {
        owner_ = thread_mark::here();
        if ((ring_.flags & IORING_SETUP_R_DISABLED) != 0) enable_ring(ring_.ring_fd);
        ::io_uring_register_ring_fd(&ring_);
        watch_wakeup();
        for_each_operation([&](timer_node& node) {
            if (node.request->state == op_state::cancelling) return keep_result(node, -ECANCELED);
            queue_operation(node);
        });
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
        // The kernel adds its clock to this; what is too far away would overflow there.
        constexpr std::int64_t longest = std::int64_t{1} << 60;
        const std::int64_t left = std::min(time_left(deadline), longest);
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
        const bool can_submit = owner_.is_here();
        if (kind == tag::wake) {
            if ((cqe.flags & IORING_CQE_F_MORE) == 0 && can_submit) watch_wakeup();
            return;
        }
        auto& node = *reinterpret_cast<timer_node*>(cqe.user_data & ~tag_mask);
        op_request& request = *node.request;
        const bool wanted = request.state != op_state::cancelling && can_submit;
        if (char* const piece = lent_.piece_of(cqe)) {
            if (cqe.res > 0)
                request.args.data = piece;
            else
                lent_.give_back(piece);
        } else if (cqe.res == -ENOBUFS && request.kind->borrows) {
            if (wanted) return queue_wait(node);
            return finish(node, -ECANCELED, done);
        }
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
        operations_on(node.request->args.fd).remove(node);
        node.request->result = result;
        node.request->state = op_state::done;
        --in_flight_;
        done.push(node);
    }

    // `fn` may end the operation it is given.
    template <class F>
    void for_each_operation(F fn) noexcept {
        const auto visit = [&](const wait_list& list) {
            for (wait_node* node = list.front(); node != nullptr;) {
                wait_node* const following = list.after(*node);
                fn(static_cast<timer_node&>(*node));
                node = following;
            }
        };
        visit(without_descriptor_);
        for (const wait_list& list : table_) visit(list);
    }

    // In another thread than the ring's, which is expected to end.
    void take_back(ready_queue& done) noexcept {
        const bool ended = owner_.has_ended();
        reap(done);
        hand_over_tried(done);
        if (ended) for_each_operation([&](timer_node& node) { finish(node, -ECANCELED, done); });
        in_flight_ -= blocking_.collect(done);
        if (!done.empty()) return;
        constexpr timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
        ::nanosleep(&pause, nullptr);
    }

    io_uring ring_;
    decltype(io_uring::int_flags) unregistered_flags_;
    wakeup wakeup_;
    unique_fd notice_;  // for descriptor()
    blocking_calls blocking_;
    quick_clock clock_;
    thread_mark owner_;  // the thread that polled first
    uring_buffers lent_;
    std::vector<wait_list> table_;  // by descriptor: what is in flight on it
    wait_list without_descriptor_;
    ready_queue tried_;  // finished by try_now()
    std::uint32_t tried_count_ = 0;
};

// Newest first; each line is what the kernel of its version accepts.
struct setup {
    unsigned flags;
    const char* needs;
};
constexpr unsigned deferred = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                              IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
constexpr setup setups[] = {
    {deferred, "deferred task work, Linux 6.1"},
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
     "cooperative task work, Linux 5.19"},
    {0, "plain, Linux 5.15"},
};

constexpr unsigned queue_entries = 256;
constexpr unsigned completion_entries = 4096;

}  // namespace

std::unique_ptr<backend> make_uring_backend(std::string& why, bool oldest) {
    int error = 0;
    for (const setup& each : setups) {
        if (oldest && each.flags != 0) continue;
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
            ignore_write_signals();
            return std::make_unique<uring_backend>(ring);
        }
        if (error != -EINVAL) break;
    }
    why = std::string("io_uring_setup says: ") + std::strerror(-error);
    if (error == -EPERM) why += " (kernel.io_uring_disabled, or a container's seccomp profile)";
    return nullptr;
}

}  // namespace bide::detail
