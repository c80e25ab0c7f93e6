// bide/sync: barrier, a point at which a fixed number of tasks meet.
#pragma once

#include <bide/detail/sync/wait_queue.hpp>

#include <coroutine>
#include <cstddef>

namespace bide {

class barrier;

namespace detail {

class barrier_awaiter : public wait_for_owner<barrier> {
public:
    using wait_for_owner::wait_for_owner;

    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> frame);
    std::size_t await_resume() const {
        if (kind != nullptr) end_wait(running_task());
        if (owner_ == nullptr) throw_broken();
        return index_;
    }

private:
    friend barrier;
    static const wait_kind waiting;
    static cancel_outcome cancel(wait& what, task_base& task) noexcept;
    static void detach(wait& what, task_base& task) noexcept;
    [[noreturn]] BIDE_COLD static void throw_broken();

    // owner_ is null where the barrier is, or was while this task waited, broken.
    std::size_t index_ = 0;
};

}  // namespace detail

/// A point at which `parties` tasks wait for each other. The last one to arrive releases all of them and does not
/// suspend; at that moment the next round begins.
/// Life: usable without a loop; belongs to the loop in which a task first has to wait for it. May be destroyed right
/// after the last arrival, but not while tasks wait (checked). Neither copied nor moved.
/// Threads: not thread-safe; the loop's thread only. Python: asyncio.Barrier.
class barrier {
public:
    /// Throws: std::invalid_argument when `parties` is less than one.
    explicit barrier(std::ptrdiff_t parties);
    barrier(const barrier&) = delete;
    barrier& operator=(const barrier&) = delete;

    /// Waits until all parties have arrived. Returns: 0 to parties - 1, a different number for each task of the round, in
    /// the order of arrival. Suspends: unless it is the last.
    /// Throws: broken_barrier_error when the barrier is aborted, or is aborted or reset meanwhile; invalid_state_error
    /// when it belongs to another loop.
    /// Cancellation: the task leaves; the barrier is not broken and waits for another one.
    /// Python: Barrier.wait, `async with barrier as position`.
    [[nodiscard("co_await it")]] detail::barrier_awaiter wait() noexcept {
        return detail::barrier_awaiter(*this);
    }

    /// Makes it as new: those who wait get broken_barrier_error, and an aborted barrier can be used again.
    /// Python: Barrier.reset. Differences: not awaited; spares those whose round was complete but who have not run yet.
    void reset();

    /// Breaks it until reset(): those who wait, and those who come, get broken_barrier_error.
    /// Python: Barrier.abort. Difference: not awaited.
    void abort();

    /// How many tasks make a round. Python: Barrier.parties.
    [[nodiscard]] std::size_t parties() const noexcept { return parties_; }
    /// How many have arrived in this round. Python: Barrier.n_waiting.
    [[nodiscard]] std::size_t n_waiting() const noexcept { return arrived_; }
    /// Python: Barrier.broken.
    [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
    friend detail::barrier_awaiter;
    void release_round();
    void break_round();

    detail::wait_queue waiters_;
    detail::loop_binding home_;
    std::size_t parties_;
    std::size_t arrived_ = 0;  // as many as wait
    bool broken_ = false;
};

}  // namespace bide
