// bide/sync: semaphore, a number of places that tasks take and give back.
#pragma once

#include <bide/detail/sync/acquire_awaiter.hpp>
#include <bide/detail/sync/guard.hpp>
#include <bide/detail/sync/wait_queue.hpp>

#include <cstddef>
#include <cstdint>

namespace bide {

class semaphore;

namespace detail {

using semaphore_awaiter = acquire_awaiter<semaphore>;

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
    bool try_acquire() noexcept {
        if (value_ == 0) return false;
        --value_;
        return true;
    }
    void free_again() noexcept { ++value_; }
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

template <>
const wait_kind semaphore_awaiter::waiting;
extern template class acquire_awaiter<semaphore>;

}  // namespace detail
}  // namespace bide
