// bide/sync: semaphore, a number of places that tasks take and give back.
#pragma once

#include <bide/detail/sync/guard.hpp>
#include <bide/detail/sync/wait_queue.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace bide {

class semaphore;

namespace detail {

class semaphore_awaiter : public wait_for_owner<semaphore> {
public:
    using wait_for_owner::wait_for_owner;

    [[nodiscard]] bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() const {
        if (kind != nullptr) end();
    }

private:
    static const wait_kind waiting;
    static cancel_outcome cancel(wait& what, task_base& task) noexcept;
    static void detach(wait& what, task_base& task) noexcept;
    void end() const;
};

}  // namespace detail

/// A count of free places. acquire() takes one and waits while there is none; release() gives one back, or hands it to
/// the task that has waited longest, so a newcomer never overtakes.
/// Life: usable without a loop; belongs to the loop in which a task first has to wait for it. Destroy it only when
/// nobody waits (checked). Neither copied nor moved.
/// Threads: not thread-safe; the loop's thread only. Python: asyncio.Semaphore.
class semaphore {
public:
    using guard = detail::guard<semaphore>;

    /// Starts with `value` free places. Throws: std::invalid_argument when it is negative.
    explicit semaphore(std::ptrdiff_t value = 1) : semaphore(value, PTRDIFF_MAX) {}
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;

    /// Takes a place. Suspends: only while there is none.
    /// Throws: invalid_state_error when the semaphore belongs to another loop.
    /// Cancellation: the task leaves its place in the row; one that was handed a place already passes it on.
    /// Python: Semaphore.acquire, which returns True.
    [[nodiscard("co_await it")]] detail::semaphore_awaiter acquire() noexcept {
        return detail::semaphore_awaiter(*this);
    }

    /// As acquire(); the await gives a guard that releases: `auto place = co_await places.scoped();`.
    /// Python: async with semaphore.
    [[nodiscard("co_await it")]] detail::scoped_awaiter<semaphore, detail::semaphore_awaiter>
    scoped() noexcept {
        return detail::scoped_awaiter<semaphore, detail::semaphore_awaiter>(*this);
    }

    /// Gives a place back, or adds one: the count may exceed the initial value unless this is a bounded_semaphore.
    /// Throws: invalid_state_error beyond the bound. Python: Semaphore.release.
    void release() {
        if (value_ >= bound_) [[unlikely]]
            throw_too_many();
        if (waiters_.empty()) {
            ++value_;
        } else {
            hand_over();
        }
    }

    /// Whether acquire() would wait. Python: Semaphore.locked.
    [[nodiscard]] bool locked() const noexcept { return value_ == 0; }

protected:
    semaphore(std::ptrdiff_t value, std::ptrdiff_t bound);

private:
    friend guard;
    friend detail::semaphore_awaiter;

    [[noreturn]] BIDE_COLD void throw_too_many() const;
    void hand_over();
    void give_back() noexcept {
        if (value_ < bound_) release();
    }

    // Not zero only while nobody waits: a place that is given back goes to a waiter first.
    std::ptrdiff_t value_;
    std::ptrdiff_t bound_;
    detail::wait_queue waiters_;
    detail::loop_binding home_;
};

/// A semaphore whose count never exceeds its initial value: one release() too many throws invalid_state_error instead
/// of adding a place. Python: asyncio.BoundedSemaphore, which raises ValueError there.
class bounded_semaphore : public semaphore {
public:
    /// Throws: std::invalid_argument when `value` is negative.
    explicit bounded_semaphore(std::ptrdiff_t value = 1) : semaphore(value, value) {}
};

namespace detail {

inline bool semaphore_awaiter::await_ready() const noexcept {
    if (owner_->value_ == 0) return false;
    --owner_->value_;
    return true;
}

}  // namespace detail
}  // namespace bide
