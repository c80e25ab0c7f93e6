// bide/sync: condition, wait under a lock until something that it protects has changed.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/sync/wait_queue.hpp>
#include <bide/lock.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace bide {

class condition;

namespace detail {

class condition_awaiter : public wait_for_owner<condition> {
public:
    using wait_for_owner::wait_for_owner;

    [[nodiscard]] bool await_ready() const;
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() const;

private:
    friend condition;

    // The stages of a wait, told by its kind: in the condition's list; notified, in the lock's row or its holder;
    // cancelled before it was notified, likewise on the way to the lock.
    static const wait_kind waiting;
    static const wait_kind notified;
    static const wait_kind leaving;
    static cancel_outcome cancel_waiting(wait& what, task_base& task) noexcept;
    static cancel_outcome cancel_locking(wait& what, task_base& task) noexcept;
    static void detach_waiting(wait& what, task_base& task) noexcept;
    static void detach_locking(wait& what, task_base& task) noexcept;
};

}  // namespace detail

/// Lets tasks wait until another one has changed what a lock protects. It has a lock of its own, or several conditions
/// share one. A task that is notified goes straight into the lock's row and wakes up as the lock's holder.
/// Life: as for lock. Threads: not thread-safe; the loop's thread only. Python: asyncio.Condition.
class condition {
public:
    condition() noexcept : lock_(&own_) {}
    /// Uses `shared`, which must outlive it.
    explicit condition(lock& shared) noexcept : lock_(&shared) {}
    condition(const condition&) = delete;
    condition& operator=(const condition&) = delete;

    /// As the lock's. Python: Condition.acquire, release, locked, async with condition.
    [[nodiscard("co_await it")]] auto acquire() noexcept { return lock_->acquire(); }
    [[nodiscard("co_await it")]] auto scoped() noexcept { return lock_->scoped(); }
    void release() { lock_->release(); }
    [[nodiscard]] bool locked() const noexcept { return lock_->locked(); }

    /// Releases the lock, waits for a notification, and takes the lock again.
    /// Suspends: always. There are no spurious wake-ups, but by the time the lock is held again what was waited for may
    /// have changed: use wait_for(), or look again in a loop.
    /// Throws: invalid_state_error when the lock is not held, or belongs to another loop.
    /// Cancellation: takes the lock first, however long that takes, then throws; further cancellations meanwhile are
    /// merged into that one. A notification that it had received goes to the next waiter.
    /// Python: Condition.wait, which returns True.
    [[nodiscard("co_await it")]] detail::condition_awaiter wait() noexcept {
        return detail::condition_awaiter(*this);
    }

    /// Waits until predicate() is true; looks before the first wait, and then after each one with the lock held.
    /// Returns: the predicate's last value. The rest is as for wait(). Python: Condition.wait_for.
    template <class Predicate>
    coro<std::invoke_result_t<Predicate&>> wait_for(Predicate predicate) {
        auto value = predicate();
        while (!value) {
            co_await wait();
            value = predicate();
        }
        co_return value;
    }

    /// Wakes the first n waiters; they run when they get the lock, so not before the caller has released it.
    /// Throws: invalid_state_error when the lock is not held. Python: Condition.notify.
    void notify(std::size_t n = 1);
    /// Wakes all that wait now. Python: Condition.notify_all.
    void notify_all() { notify(SIZE_MAX); }

private:
    friend detail::condition_awaiter;

    lock own_;
    lock* lock_;
    detail::wait_queue waiters_;
    detail::loop_binding home_;
};

}  // namespace bide
