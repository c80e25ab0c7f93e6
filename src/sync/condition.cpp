// bide/sync: condition, wait under a lock until something that it protects has changed.
#include <bide/condition.hpp>

#include <bide/error.hpp>

namespace bide {

namespace detail {

constinit const wait_kind condition_awaiter::waiting{"condition.wait", cancel_waiting, detach_waiting};
constinit const wait_kind condition_awaiter::notified{"condition.wait (notified, needs the lock)",
                                                      cancel_locking, detach_locking};
constinit const wait_kind condition_awaiter::leaving{"condition.wait (cancelled, needs the lock)",
                                                     cancel_locking, detach_locking};

bool condition_awaiter::await_ready() const {
    if (!owner_->locked()) {
        throw invalid_state_error("condition.wait: the lock is not held; acquire it first");
    }
    return false;
}

void condition_awaiter::await_suspend(std::coroutine_handle<> frame) {
    lock& mutex = *owner_->lock_;
    mutex.home_.check(running_task(), waiting);  // all that may throw comes first
    owner_->home_.check(running_task(), waiting);
    mutex.release();
    suspend_in(owner_->waiters_, owner_->home_, *this, waiting, frame);
}

// However the wait has ended, the lock is held.
void condition_awaiter::await_resume() const {
    task_base& task = running_task();
    if (!must_throw(task)) [[likely]]
        return;
    if (kind == &notified) owner_->notify(1);
    throw_cancelled(task);
}

// The exception must wait for the lock, and nothing takes it back any more: the task counts as cancelled from now on.
cancel_outcome condition_awaiter::cancel_waiting(wait& what, task_base& task) noexcept {
    auto& self = static_cast<condition_awaiter&>(what);
    lock& mutex = *self.owner_->lock_;
    self.owner_->waiters_.remove(task);
    self.kind = &leaving;
    if (!mutex.locked_) {
        mutex.locked_ = true;
        return cancel_outcome::withdrawn;
    }
    mutex.waiters_.add(task);
    task.set(flag::cancel_now);
    return cancel_outcome::requested;
}

cancel_outcome condition_awaiter::cancel_locking(wait&, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    task.set(flag::cancel_now);
    return cancel_outcome::requested;
}

void condition_awaiter::detach_waiting(wait& what, task_base& task) noexcept {
    static_cast<condition_awaiter&>(what).owner_->waiters_.remove(task);
}

void condition_awaiter::detach_locking(wait& what, task_base& task) noexcept {
    lock& mutex = *static_cast<condition_awaiter&>(what).owner_->lock_;
    if (task.linked()) {
        mutex.waiters_.remove(task);
    } else {
        mutex.locked_ = false;
    }
}

}  // namespace detail

// Moves waiters from here to the lock's row; its holder, who calls this, hands it on.
void condition::notify(std::size_t n) {
    if (!locked()) throw invalid_state_error("condition.notify: the lock is not held; acquire it first");
    if (waiters_.empty()) return;
    waiters_.check_thread();
    for (; n != 0 && !waiters_.empty(); --n) {
        detail::task_base& task = waiters_.take_first();
        task.waiting_on->kind = &detail::condition_awaiter::notified;
        lock_->waiters_.add(task);
    }
}

}  // namespace bide
