// bide/sync: lock, mutual exclusion between tasks.
#pragma once

#include <bide/detail/sync/acquire_awaiter.hpp>
#include <bide/detail/sync/guard.hpp>
#include <bide/detail/sync/wait_queue.hpp>

namespace bide {

class lock;

namespace detail {

class condition_awaiter;

using lock_awaiter = acquire_awaiter<lock>;

}  // namespace detail

/// Mutual exclusion between tasks of one loop. Not owned: any task may release it. Not recursive: a task that acquires
/// it twice waits for itself. release() hands it to the task that has waited longest; it stays locked meanwhile, so a
/// newcomer never overtakes.
/// Life: usable without a loop; belongs to the loop in which a task first has to wait for it. Destroy it only when
/// nobody waits (checked). Neither copied nor moved.
/// Threads: not thread-safe; the loop's thread only. Python: asyncio.Lock.
class lock {
public:
    using guard = detail::guard<lock>;

    lock() noexcept = default;
    lock(const lock&) = delete;
    lock& operator=(const lock&) = delete;

    /// Locks it. Suspends: only while it is locked.
    /// Throws: invalid_state_error when it belongs to another loop.
    /// Cancellation: the task leaves its place in the row; one that was handed the lock already passes it on.
    /// Python: Lock.acquire, which returns True.
    [[nodiscard("co_await it")]] detail::lock_awaiter acquire() noexcept {
        return detail::lock_awaiter(*this);
    }

    /// As acquire(); the await gives a guard that releases: `auto held = co_await mutex.scoped();`.
    /// Python: async with lock.
    [[nodiscard("co_await it")]] detail::scoped_awaiter<lock, detail::lock_awaiter> scoped() noexcept {
        return detail::scoped_awaiter<lock, detail::lock_awaiter>(*this);
    }

    /// Unlocks it, or hands it to the first waiter, which runs in a later turn.
    /// Throws: invalid_state_error when it is not locked. Python: Lock.release.
    void release() {
        if (!locked_) [[unlikely]]
            throw_not_locked();
        if (waiters_.empty()) {
            locked_ = false;
        } else {
            hand_over();
        }
    }

    /// Python: Lock.locked. Difference: true also between release() and the next holder's resumption.
    [[nodiscard]] bool locked() const noexcept { return locked_; }

private:
    friend guard;
    friend detail::lock_awaiter;
    friend detail::condition_awaiter;
    friend class condition;

    [[noreturn]] BIDE_COLD static void throw_not_locked();
    bool try_acquire() noexcept {
        if (locked_) return false;
        locked_ = true;
        return true;
    }
    void free_again() noexcept { locked_ = false; }
    void hand_over();
    void
    give_back() noexcept {  // a guard's frame may be destroyed by a loop that closes, when the lock is free again
        if (locked_) release();
    }

    detail::wait_queue waiters_;
    detail::loop_binding home_;
    bool locked_ = false;
};

namespace detail {

template <>
const wait_kind lock_awaiter::waiting;
extern template class acquire_awaiter<lock>;

}  // namespace detail
}  // namespace bide
