// bide/os: operations as entries of an io_uring.
//
// One ring, one thread: that of the first poll(), because a loop may be made on another thread than the one that runs
// it. Until then operations wait in a list. One io_uring_enter per loop turn submits what was queued, waits, and carries
// the next deadline; small sends leave before it, several in one call: see os/uring_sends.hpp.
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
// A receive into lent memory stays armed in the kernel from one operation to the next: see os/uring_receives.hpp.
//
// When the thread that enabled the ring ends, the kernel cancels what it has in flight. Whoever closes the loop
// afterwards may read completions but not enter the ring; what left none is cancelled all the same.
#include <liburing.h>
#include <sys/eventfd.h>
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
#include "os/sock.hpp"
#include "os/thread_mark.hpp"
#include "os/uring_buffers.hpp"
#include "os/uring_marks.hpp"
#include "os/uring_queue.hpp"
#include "os/uring_receives.hpp"
#include "os/uring_sends.hpp"
#include "os/wakeup.hpp"

#include <bide/detail/base/wait_list.hpp>
#include <bide/time.hpp>

namespace bide::detail {

namespace {

class uring_backend final : public backend {
public:
    explicit uring_backend(const io_uring& ring) noexcept
        : blocking_(wakeup_), ring_(ring), stays_armed_(ring_.completes_in_calls()) {}

    ~uring_backend() override {
        if (inherited()) {
            ring_.disown();
            lent_.disown();
        } else if (owner_ && !owner_.is_here()) {
            ring_.leave_thread();
        }
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
        if (request.kind->for_device && ring_.entries() >= device_batch) ring_.submit();
    }

    void cancel(timer_node& node) noexcept override {
        op_request& request = *node.request;
        if (request.state != op_state::in_flight) return;
        request.state = op_state::cancelling;
        if (blocks(request)) return;  // a call on a worker thread cannot be recalled
        if (!may_enter()) return;     // not begun, or cancelled by the kernel when the ring's thread ended
        if (stop_waiting(node)) return keep_result(node, -ECANCELED);
        queue_cancel(mark(&node, request.waits_for_readiness ? tag::readiness : tag::operation));
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
        if (deadline == 0 || !done.empty() || !tried_.empty() || ring_.has_completions()) {
            if (ring_.entries() != 0 || ring_.has_deferred_work()) ring_.submit_and_look();
        } else {
            ring_.submit_and_sleep(deadline);
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
            if (!made || ::io_uring_register_eventfd(&ring_.native(), made.get()) != 0) return -1;
            notice_ = std::move(made);
            wakeup_.also_signal(
                notice_.get());  // what one eventfd does to another takes the kernel milliseconds
        }
        if (flush()) wakeup_.signal();
        return notice_.get();
    }
    bool flush() noexcept override {
        if (ring_.entries() != 0) ring_.submit();
        return !tried_.empty() || ring_.has_completions() || ring_.has_deferred_work();
    }

    void forget(int fd) noexcept override {
        if (fd < 0 || static_cast<std::size_t>(fd) >= table_.size()) return;
        const wait_list& list = table_[static_cast<std::size_t>(fd)];
        const bool in_use = !list.empty();
        place* const from = receives_.find(fd);
        const bool armed = from != nullptr && from->armed;
        for_each_operation_in(list, [&](timer_node& node) { cancel(node); });
        if (!may_enter()) return;
        if (armed) end_armed(fd, *from);
        if (from != nullptr) uring_receives::renew(*from);
        // At once: by the time of the next turn the number may belong to another file. And what is armed holds the
        // file, so that the peer would see no end until then.
        if (armed) {
            ring_.submit_and_look();
        } else if (in_use) {
            ring_.submit();
        }
    }

    std::int64_t now() noexcept override { return clock_.now(); }
    [[nodiscard]] const char* name() const noexcept override { return "io_uring"; }
    void give_back(void* data) noexcept override {
        if (data != nullptr && !inherited()) lent_.give_back(data);
    }

    std::ptrdiff_t receive_now(int fd, void* data, std::size_t size) noexcept override {
        place* from = receives_.find(fd);
        if (from == nullptr) return sys::recv_now(fd, data, size);
        if (from->armed && (ring_.has_completions() || ring_.has_kept_back())) {
            reap_early();
            from = receives_.find(fd);
        }
        if (from->early == nullptr) return sys::recv_now(fd, data, size);
        const std::ptrdiff_t early = from->take(data, size);
        if (early <= 0 || static_cast<std::size_t>(early) == size || from->early != nullptr) return early;
        const auto count = static_cast<std::size_t>(early);
        const std::ptrdiff_t more = sys::recv_now(fd, static_cast<char*>(data) + count, size - count);
        if (more < 0 && more != -EAGAIN) from->keep_error(static_cast<int>(-more));
        return early + std::max<std::ptrdiff_t>(more, 0);
    }

    std::ptrdiff_t send_now(int fd, std::string_view bytes, send_owner& owner,
                            bool others_follow) noexcept override {
        const unsigned at = sends_.find(fd);
        if ((others_follow || holds_sends_) && may_enter() && sends_.hold(at, fd, bytes, owner)) {
            holds_sends_ = true;
            if (!others_follow || sends_.full()) send_held();
            return static_cast<std::ptrdiff_t>(bytes.size());
        }
        if (sends_.holds(at)) {  // these come behind
            send_held();
            if (sends_.failed(at)) return -EAGAIN;
        }
        const std::ptrdiff_t sent = sys::send_now(fd, bytes.data(), bytes.size());
        if (!others_follow) send_held();
        return sent;
    }
    void send_held() noexcept override {
        if (!holds_sends_) return;
        holds_sends_ = false;
        if (inherited()) return sends_.drop();  // the parent sends them
        if (!may_enter()) return sends_.send_each();
        sends_.hand_over(ring_);
        while (!sends_.empty()) {  // the kernel had no room for a completion, or no memory for an entry
            if (ring_.entries() != 0) ring_.await_memory();
            ring_.submit_and_look();
            reap_early();
        }
    }

private:
    using place = uring_receives::place;

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

    void queue_operation(timer_node& node) noexcept {
        node.request->waits_for_readiness = false;
        const op_request& request = *node.request;
        if (request.kind->prepare == nullptr) return try_now(node);
        const bool borrows = request.kind->borrows;
        if ((borrows || request.kind->ready_is_done) && receive_armed(node)) return;
        if (borrows && !lent_.available(ring_.native())) return queue_wait(node);
        queue_entry(request.kind->prepare(request.args), borrows, mark(&node, tag::operation));
    }

    // Whether what stays armed on the descriptor serves, or precedes, this operation, which waits to receive.
    bool receive_armed(timer_node& node) noexcept {
        const op_request& request = *node.request;
        const int fd = request.args.fd;
        place* from = receives_.find(fd);
        if (from != nullptr && from->early != nullptr) {
            keep_result(node, from->early_result());
            if (from->early_result() < 0) from->early.reset();
            return true;
        }
        const bool armed = from != nullptr && from->armed;
        if (armed && from->waiter != nullptr) return false;
        if (!armed && !(request.kind->borrows && stays_armed_ && fd >= 0 && lent_.available(ring_.native())))
            return false;
        if (!armed) {
            from = &receives_.at(fd);
            arm(request, *from);
        } else if (!request.kind->borrows) {
            end_armed(fd, *from);  // it would take what is to be waited for
        }
        from->waiter = &node;
        return true;
    }

    void arm(const op_request& request, place& from) noexcept {
        ring_entry each = request.kind->prepare(request.args);
        each.size = 0;  // as much as a piece holds
        io_uring_sqe* const sqe =
            queue_entry(each, true, mark(uring_receives::ticket(request.args.fd, from), tag::arrival));
        sqe->ioprio = IORING_RECV_MULTISHOT;
        from.armed = true;
    }

    void end_armed(int fd, place& from) noexcept {
        if (std::exchange(from.ending, true)) return;
        queue_cancel(mark(uring_receives::ticket(fd, from), tag::arrival));
    }

    // True: the operation waited for what is armed, and does not any more.
    bool stop_waiting(const timer_node& node) noexcept {
        const int fd = node.request->args.fd;
        place* const from = receives_.find(fd);
        if (from == nullptr || from->waiter != &node) return false;
        from->waiter = nullptr;
        end_armed(fd, *from);  // or it would take what others may want to receive in another way
        return true;
    }

    // Until there is something to receive, for an operation that has no memory to receive it into.
    void queue_wait(timer_node& node) noexcept {
        const op_request& request = *node.request;
        queue_entry(request.kind->wait_form->prepare(request.args), false, mark(&node, tag::operation));
    }

    void queue_cancel(std::uint64_t what) noexcept { ring_.add_cancel(what, mark(nullptr, tag::ignored)); }

    io_uring_sqe* queue_entry(const ring_entry& from, bool borrows, std::uint64_t user_data) noexcept {
        io_uring_sqe* const sqe = ring_.add(from, user_data);
        if (borrows) {
            sqe->flags |= IOSQE_BUFFER_SELECT;
            sqe->buf_group = uring_buffers::group;
        }
        return sqe;
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
        io_uring_sqe* const sqe = ring_.entry();
        ::io_uring_prep_poll_add(sqe, request.args.fd,
                                 request.kind->waits_for == ready_for::reading ? POLLIN : POLLOUT);
        sqe->user_data = mark(&node, tag::readiness);
    }

    void watch_wakeup() noexcept {
        io_uring_sqe* const sqe = ring_.entry();
        ::io_uring_prep_poll_multishot(sqe, wakeup_.fd(), POLLIN);
        sqe->user_data = mark(nullptr, tag::wake);
    }

    // Starts what was submitted before this thread became the ring's.
    void enable() noexcept {
        owner_ = thread_mark::here();
        ring_.enable();
        watch_wakeup();
        for_each_operation([&](timer_node& node) {
            if (node.request->state == op_state::cancelling) return keep_result(node, -ECANCELED);
            queue_operation(node);
        });
    }

    void reap(ready_queue& done) noexcept {
        ring_.take_completions([&](const io_uring_cqe& cqe) { complete(cqe, done); });
    }

    // Before the turn's end. What is done waits for the next poll() all the same.
    void reap_early() noexcept {
        const std::uint32_t before = in_flight_;
        reap(tried_);
        while (ring_.has_kept_back()) {
            ring_.submit_and_look();
            reap(tried_);
        }
        tried_count_ += before - std::exchange(in_flight_, before);
    }

    void complete(const io_uring_cqe& cqe, ready_queue& done) noexcept {
        const tag kind = tag_of(cqe.user_data);
        if (kind == tag::ignored) return;
        if (kind == tag::arrival) return arrive(cqe, done);
        if (kind == tag::held_send) return sends_.completed(cqe);
        const bool can_submit = owner_.is_here();
        if (kind == tag::wake) {
            if ((cqe.flags & IORING_CQE_F_MORE) == 0 && can_submit) watch_wakeup();
            return;
        }
        timer_node& node = node_of(cqe.user_data);
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

    // What stays armed has brought something, or has ended.
    void arrive(const io_uring_cqe& cqe, ready_queue& done) noexcept {
        char* const piece = lent_.piece_of(cqe);
        place* const from = receives_.of_ticket(number_of(cqe.user_data));
        if (from == nullptr) return give_back(piece);
        if ((cqe.flags & IORING_CQE_F_MORE) == 0) from->armed = from->ending = false;
        if (cqe.res <= 0) {
            give_back(piece);
            if (!from->armed) ended(cqe.res, *from, done);
            return;
        }
        proved_armed_ = true;
        timer_node* const waiter = std::exchange(from->waiter, nullptr);
        const auto count = static_cast<std::size_t>(cqe.res);
        if (waiter != nullptr && waiter->request->kind->borrows && waiter->request->args.size >= count) {
            waiter->request->args.data = piece;
            return finish(*waiter, cqe.res, done);
        }
        from->keep(piece, count);
        give_back(piece);
        if (waiter != nullptr) return finish(*waiter, 1, done);
        if (from->armed && may_enter()) end_armed(static_cast<int>(number_of(cqe.user_data)), *from);
    }

    // `result`: 0 for the end of what the peer sends, or why nothing is armed any more.
    void ended(int result, place& from, ready_queue& done) noexcept {
        timer_node* const waiter = std::exchange(from.waiter, nullptr);
        const bool refused = result == -EINVAL && !proved_armed_;  // before Linux 6.0
        if (refused) stays_armed_ = false;
        const bool again = refused || result == -ECANCELED || result == -EINTR;
        const bool lacks = result == -ENOBUFS || result == -EAGAIN;
        if (waiter == nullptr) {  // an end comes again, an error does not
            if (result < 0 && !again && !lacks) from.keep_error(-result);
            return;
        }
        if (!again && !lacks) return finish(*waiter, result, done);
        if (!owner_.is_here()) return finish(*waiter, -ECANCELED, done);
        if (again) return queue_operation(*waiter);
        if (result == -EAGAIN) return queue_readiness(*waiter);
        if (waiter->request->kind->borrows) return queue_wait(*waiter);
        queue_operation(*waiter);
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
    static void for_each_operation_in(const wait_list& list, F fn) noexcept {
        for (wait_node* node = list.front(); node != nullptr;) {
            wait_node* const following = list.after(*node);
            fn(static_cast<timer_node&>(*node));
            node = following;
        }
    }
    template <class F>
    void for_each_operation(F fn) noexcept {
        for_each_operation_in(without_descriptor_, fn);
        for (const wait_list& list : table_) for_each_operation_in(list, fn);
    }

    // In another thread than the ring's, which is expected to end.
    void take_back(ready_queue& done) noexcept {
        const bool ended = owner_.has_ended();
        reap(done);
        hand_over_tried(done);
        if (ended) {
            receives_.forget_waiters();
            for_each_operation([&](timer_node& node) { finish(node, -ECANCELED, done); });
        }
        in_flight_ -= blocking_.collect(done);
        if (!done.empty()) return;
        constexpr timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
        ::nanosleep(&pause, nullptr);
    }

    wakeup wakeup_;
    unique_fd notice_;  // for descriptor()
    blocking_calls blocking_;
    quick_clock clock_;
    thread_mark owner_;  // the thread that polled first
    uring_buffers lent_;
    uring_queue ring_;  // behind what the kernel writes to, so that it goes first
    uring_receives receives_;
    uring_sends sends_;
    bool stays_armed_;  // a receive into lent memory; the order of what comes depends on DEFER_TASKRUN
    bool proved_armed_ = false;
    std::vector<wait_list> table_;  // by descriptor: what is in flight on it
    wait_list without_descriptor_;
    ready_queue tried_;  // finished by try_now()
    std::uint32_t tried_count_ = 0;
};

}  // namespace

std::unique_ptr<backend> make_uring_backend(std::string& why, bool oldest) {
    io_uring ring;
    if (!uring_queue::open(ring, why, oldest)) return nullptr;
    ignore_write_signals();
    return std::make_unique<uring_backend>(ring);
}

}  // namespace bide::detail
