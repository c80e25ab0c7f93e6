// bide/sync: barrier, a point at which a fixed number of tasks meet.
#include <bide/barrier.hpp>

#include <bide/error.hpp>

#include <stdexcept>
#include <string>

namespace bide {

namespace detail {

constinit const wait_kind barrier_awaiter::waiting{"barrier.wait", cancel, detach};

bool barrier_awaiter::await_ready() {
    if (owner_->broken_) {
        owner_ = nullptr;
        return true;
    }
    if (owner_->arrived_ + 1 < owner_->parties_) return false;
    index_ = owner_->arrived_;
    owner_->release_round();
    return true;
}

void barrier_awaiter::await_suspend(std::coroutine_handle<> frame) {
    barrier& at = *owner_;
    at.home_.check(running_task(), waiting);
    ++at.arrived_;
    suspend_in(at.waiters_, at.home_, *this, waiting, frame);
}

cancel_outcome barrier_awaiter::cancel(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;  // the barrier may be gone
    detach(what, task);
    return cancel_outcome::withdrawn;
}

void barrier_awaiter::detach(wait& what, task_base& task) noexcept {
    if (!task.linked()) return;
    barrier& at = *static_cast<barrier_awaiter&>(what).owner_;
    at.waiters_.remove(task);
    --at.arrived_;
}

void barrier_awaiter::throw_broken() { throw broken_barrier_error(); }

}  // namespace detail

barrier::barrier(std::ptrdiff_t parties) : parties_(static_cast<std::size_t>(parties)) {
    if (parties < 1) {
        throw std::invalid_argument("barrier: the number of parties is " + std::to_string(parties) +
                                    "; it must be one or more");
    }
}

// Numbers are given out now, not on arrival, so that they are distinct even if somebody came and was cancelled.
void barrier::release_round() {
    if (waiters_.empty()) return;
    waiters_.check_thread();
    for (std::size_t index = 0; !waiters_.empty(); ++index) {
        static_cast<detail::barrier_awaiter&>(*waiters_.wake_first().waiting_on).index_ = index;
    }
    arrived_ = 0;
}

void barrier::break_round() {
    if (waiters_.empty()) return;
    waiters_.check_thread();
    while (!waiters_.empty()) {
        static_cast<detail::barrier_awaiter&>(*waiters_.wake_first().waiting_on).owner_ = nullptr;
    }
    arrived_ = 0;
}

void barrier::reset() {
    break_round();
    broken_ = false;
}

void barrier::abort() {
    break_round();
    broken_ = true;
}

}  // namespace bide
