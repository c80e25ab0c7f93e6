// bide/sync: the part of a queue that does not depend on what it holds.
#include <bide/queue.hpp>

#include <bide/error.hpp>

namespace bide::detail {

void queue_core::hand_claim() {
    ++claimed_;
    getters_.wake_first();
}

// Of a task that was cancelled before it could take its item. Nothing to pass on when the items were dropped meanwhile.
void queue_core::pass_claim_on() {
    if (claimed_ == 0) return;
    --claimed_;
    if (getters_.empty()) {
        ++free_;
    } else {
        hand_claim();
    }
}

void queue_core::task_done() {
    if (unfinished_ == 0) throw invalid_state_error("queue.task_done: called more often than items were put");
    if (--unfinished_ == 0 && !joiners_.empty()) {
        joiners_.check_thread();
        joiners_.wake_all();
    }
}

void queue_core::shut_down() {
    for (wait_queue* const row : {&getters_, &putters_, &joiners_}) {
        if (!row->empty()) row->check_thread();
    }
    shut_down_ = true;
    limit_ = 0;
    for (wait_queue* const row : {&getters_, &putters_}) {
        while (!row->empty()) static_cast<queue_wait&>(*row->wake_first().waiting_on).owner_ = nullptr;
    }
}

void queue_core::note_dropped() {
    const std::size_t dropped = free_ + claimed_;
    free_ = 0;
    claimed_ = 0;  // tasks that had a claim find none when they resume
    unfinished_ -= dropped < unfinished_ ? dropped : unfinished_;
    if (unfinished_ == 0) joiners_.wake_all();
}

void queue_core::throw_nothing() const {
    if (shut_down_) throw queue_shut_down();
    throw queue_empty();
}

void queue_core::throw_no_room() const {
    if (shut_down_) throw queue_shut_down();
    throw queue_full();
}

void queue_core::throw_shut_down() { throw queue_shut_down(); }

template <wait_queue queue_core::* Row>
cancel_outcome queue_wait::cancel(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    return withdraw(static_cast<queue_wait&>(what).owner_->*Row, task);
}

template <wait_queue queue_core::* Row>
void queue_wait::detach(wait& what, task_base& task) noexcept {
    if (task.linked()) (static_cast<queue_wait&>(what).owner_->*Row).remove(task);
}

void queue_wait::detach_get(wait& what, task_base& task) noexcept {
    queue_core* const queue = static_cast<queue_wait&>(what).owner_;
    if (queue == nullptr || !leave(queue->getters_, task) || queue->claimed_ == 0) return;
    --queue->claimed_;
    ++queue->free_;
}

constinit const wait_kind queue_wait::getting{"queue.get", cancel<&queue_core::getters_>, detach_get};
constinit const wait_kind queue_wait::putting{"queue.put", cancel<&queue_core::putters_>,
                                              detach<&queue_core::putters_>};
constinit const wait_kind queue_wait::joining{"queue.join", cancel<&queue_core::joiners_>,
                                              detach<&queue_core::joiners_>};

void queue_wait::wait_to_get(std::coroutine_handle<> frame) {
    suspend_in(owner_->getters_, owner_->home_, *this, getting, frame);
}
void queue_wait::wait_to_put(std::coroutine_handle<> frame) {
    suspend_in(owner_->putters_, owner_->home_, *this, putting, frame);
}
void queue_wait::wait_to_join(std::coroutine_handle<> frame) {
    suspend_in(owner_->joiners_, owner_->home_, *this, joining, frame);
}

bool queue_wait::end_get() const {
    task_base& task = running_task();
    if (must_throw(task)) [[unlikely]] {
        if (owner_ != nullptr && was_granted(task)) owner_->pass_claim_on();
        throw_cancelled(task);
    }
    if (owner_ == nullptr || owner_->claimed_ == 0) return false;
    --owner_->claimed_;
    return true;
}

// An item that was let in is in: a cancellation that came after that waits for the next await.
bool queue_wait::end_put() const {
    task_base& task = running_task();
    if (owner_ != nullptr && was_granted(task)) return true;
    end_wait(task);
    return false;
}

}  // namespace bide::detail
