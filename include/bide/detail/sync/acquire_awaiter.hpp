// bide/sync: waits for a lock, or for a place of a semaphore.
#pragma once

#include <bide/detail/sync/wait_queue.hpp>

#include <coroutine>

namespace bide::detail {

// Owner has waiters_, home_, try_acquire(), release(), and free_again(): what was handed over came too late for its
// waiter, at a moment when nobody else waits.
template <class Owner>
class acquire_awaiter : public wait_for_owner<Owner> {
public:
    using wait_for_owner<Owner>::wait_for_owner;

    [[nodiscard]] bool await_ready() const noexcept { return this->owner_->try_acquire(); }
    void await_suspend(std::coroutine_handle<> frame) {
        suspend_in(this->owner_->waiters_, this->owner_->home_, *this, waiting, frame);
    }
    void await_resume() const {
        if (this->kind != nullptr) end();
    }

private:
    static const wait_kind waiting;

    static cancel_outcome cancel(wait& what, task_base& task) noexcept {
        return withdraw(static_cast<acquire_awaiter&>(what).owner_->waiters_, task);
    }
    static void detach(wait& what, task_base& task) noexcept {
        Owner& wanted = *static_cast<acquire_awaiter&>(what).owner_;
        if (leave(wanted.waiters_, task)) wanted.free_again();
    }

    void end() const;
};

template <class Owner>
void acquire_awaiter<Owner>::end() const {
    task_base& task = running_task();
    if (!must_throw(task)) [[likely]]
        return;
    if (was_granted(task)) this->owner_->release();
    throw_cancelled(task);
}

}  // namespace bide::detail
