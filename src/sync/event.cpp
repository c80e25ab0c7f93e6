// bide/sync: event, a flag that tasks wait for.
#include <bide/event.hpp>

namespace bide {

namespace detail {

constinit const wait_kind event_awaiter::waiting{"event.wait", cancel, detach};

void event_awaiter::await_suspend(std::coroutine_handle<> frame) {
    suspend_in(owner_->waiters_, owner_->home_, *this, waiting, frame);
}

cancel_outcome event_awaiter::cancel(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;  // the event may be gone
    return withdraw(static_cast<event_awaiter&>(what).owner_->waiters_, task);
}

void event_awaiter::detach(wait& what, task_base& task) noexcept {
    if (task.linked()) static_cast<event_awaiter&>(what).owner_->waiters_.remove(task);
}

}  // namespace detail

void event::release_all() {
    waiters_.check_thread();
    waiters_.wake_all();
}

}  // namespace bide
