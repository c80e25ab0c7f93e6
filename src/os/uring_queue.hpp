// bide/os: one io_uring: entries go in, completions come out; what they mean is the backend's matter.
//
// The ring is created disabled and enabled by the thread that will enter it, because with SINGLE_ISSUER and DEFER_TASKRUN
// only that one may.
#pragma once

#include <bide/detail/os/op.hpp>

#include <liburing.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace bide::detail {

class uring_queue {
public:
    // Makes a ring of the newest form that the kernel has; false, with the reason in `why`, where it allows none. `oldest`:
    // of the oldest form. Otherwise `why` names the form.
    static bool open(io_uring& made, std::string& why, bool oldest);

    explicit uring_queue(const io_uring& ring) noexcept : ring_(ring), unregistered_flags_(ring.int_flags) {}
    uring_queue(const uring_queue&) = delete;
    uring_queue& operator=(const uring_queue&) = delete;
    ~uring_queue();

    // This thread enters it from now on.
    void enable() noexcept;
    // Another thread closes it: the registered index means another ring there.
    void leave_thread() noexcept;
    // In the child of a fork: the mapping did not come along, and the ring is the parent's.
    void disown() noexcept;

    // The kernel's completions are made in this thread's own calls only.
    [[nodiscard]] bool completes_in_calls() const noexcept {
        return (ring_.flags & IORING_SETUP_DEFER_TASKRUN) != 0;
    }
    [[nodiscard]] io_uring& native() noexcept { return ring_; }

    // A place for an entry. The queue may be full: then it is handed over, and nothing is ever dropped.
    io_uring_sqe* entry() noexcept {
        io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_);
        return sqe != nullptr ? sqe : entry_when_full();
    }
    io_uring_sqe* add(const ring_entry& from, std::uint64_t user_data) noexcept {
        io_uring_sqe* const sqe = entry();
        std::memset(sqe, 0, sizeof *sqe);
        sqe->opcode = from.code;
        sqe->fd = from.fd;
        sqe->addr = reinterpret_cast<std::uint64_t>(from.data);
        sqe->len = from.size;
        sqe->off = from.offset;
        sqe->rw_flags = static_cast<int>(from.flags);  // one union holds every operation's flags
        sqe->user_data = user_data;
        return sqe;
    }
    // Ends what was added with these user data.
    void add_cancel(std::uint64_t of, std::uint64_t user_data) noexcept {
        io_uring_sqe* const sqe = entry();
        ::io_uring_prep_cancel64(sqe, of, 0);
        sqe->user_data = user_data;
    }

    [[nodiscard]] unsigned entries() const noexcept { return ::io_uring_sq_ready(&ring_); }
    [[nodiscard]] bool has_completions() const noexcept { return ::io_uring_cq_ready(&ring_) != 0; }
    // There was no room for all; the kernel hands over the rest when the thread enters it and there is room.
    [[nodiscard]] bool has_kept_back() const noexcept {
        return (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0;
    }
    // DEFER_TASKRUN keeps completions back until the thread enters the kernel; the flag says that there are some.
    [[nodiscard]] bool has_deferred_work() const noexcept {
        const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
        return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
    }

    void submit() noexcept { ::io_uring_submit(&ring_); }
    // Submits and lets the kernel make its completions.
    void submit_and_look() noexcept { ::io_uring_submit_and_get_events(&ring_); }
    // A pause, where entries are left behind by a submit(): the kernel had no memory for them.
    static void await_memory() noexcept;
    // Submits and waits for a completion, until the deadline.
    void submit_and_sleep(std::int64_t deadline) noexcept;

    template <class F>
    void take_completions(F fn) noexcept {
        take_completions_while([&](io_uring_cqe& cqe) {
            fn(cqe);
            return true;
        });
    }
    // Until `fn` does not want one.
    template <class F>
    void take_completions_while(F fn) noexcept {
        unsigned head = 0;
        unsigned count = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            if (!fn(*cqe)) break;
            ++count;
        }
        ::io_uring_cq_advance(&ring_, count);
    }
    // They stay.
    template <class F>
    void look_at_completions(F fn) noexcept {
        unsigned head = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) fn(*cqe);
    }

private:
    io_uring_sqe* entry_when_full() noexcept;

    io_uring ring_;
    decltype(io_uring::int_flags) unregistered_flags_;
    bool disowned_ = false;
};

}  // namespace bide::detail
