// bide/sync: lock, mutual exclusion between tasks.
#include <bide/lock.hpp>

#include <bide/error.hpp>

namespace bide {

namespace detail {

constinit const wait_kind lock_awaiter::waiting{"lock.acquire", cancel, detach};

void lock_awaiter::await_suspend(std::coroutine_handle<> frame) {
    suspend_in(owner_->waiters_, owner_->home_, *this, waiting, frame);
}

void lock_awaiter::end() const {
    task_base& task = running_task();
    if (!must_throw(task)) [[likely]]
        return;
    if (was_granted(task)) owner_->release();
    throw_cancelled(task);
}

cancel_outcome lock_awaiter::cancel(wait& what, task_base& task) noexcept {
    return withdraw(static_cast<lock_awaiter&>(what).owner_->waiters_, task);
}

void lock_awaiter::detach(wait& what, task_base& task) noexcept {
    lock& wanted = *static_cast<lock_awaiter&>(what).owner_;
    if (leave(wanted.waiters_, task)) wanted.locked_ = false;
}

}  // namespace detail

void lock::throw_not_locked() { throw invalid_state_error("lock.release: the lock is not locked"); }

// It stays locked: from now on the woken task holds it.
void lock::hand_over() {
    waiters_.check_thread();
    waiters_.wake_first();
}

}  // namespace bide
