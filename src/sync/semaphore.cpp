// bide/sync: semaphore, a number of places that tasks take and give back.
#include <bide/semaphore.hpp>

#include <bide/error.hpp>

#include <stdexcept>
#include <string>

namespace bide {

namespace detail {

constinit const wait_kind semaphore_awaiter::waiting{"semaphore.acquire", cancel, detach};

void semaphore_awaiter::await_suspend(std::coroutine_handle<> frame) {
    suspend_in(owner_->waiters_, owner_->home_, *this, waiting, frame);
}

void semaphore_awaiter::end() const {
    task_base& task = running_task();
    if (!must_throw(task)) [[likely]]
        return;
    if (was_granted(task)) owner_->release();
    throw_cancelled(task);
}

cancel_outcome semaphore_awaiter::cancel(wait& what, task_base& task) noexcept {
    return withdraw(static_cast<semaphore_awaiter&>(what).owner_->waiters_, task);
}

void semaphore_awaiter::detach(wait& what, task_base& task) noexcept {
    semaphore& wanted = *static_cast<semaphore_awaiter&>(what).owner_;
    if (leave(wanted.waiters_, task)) ++wanted.value_;
}

}  // namespace detail

semaphore::semaphore(std::ptrdiff_t value, std::ptrdiff_t bound) : value_(value), bound_(bound) {
    if (value < 0) {
        throw std::invalid_argument("semaphore: the initial value is " + std::to_string(value) +
                                    "; it must be zero or more");
    }
}

void semaphore::throw_too_many() const {
    throw invalid_state_error("semaphore.release: all of its " + std::to_string(bound_) +
                              " places are free already");
}

// The place is never free in between: from now on the woken task holds it.
void semaphore::hand_over() {
    waiters_.check_thread();
    waiters_.wake_first();
}

}  // namespace bide
