// bide/system: the part of a process_queue that does not depend on what it holds.
#include "system/process_queue_core.hpp"

#include <bide/error.hpp>

#include <chrono>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bide::detail {

namespace {

constexpr const char* what_it_is = "process_queue";

task_base& task_of(wait_node& node) noexcept {
    return static_cast<task_base&>(static_cast<timer_node&>(node));
}

shared_ring ring_of(const ipc_block& block) noexcept {
    return {block.body(), block.number(0), block.number(1)};
}

ipc_shape shape_of(std::size_t capacity, std::size_t maxsize) noexcept {
    ipc_shape made;
    made.what = what_it_is;
    made.kind = 4;
    made.numbers[0] = capacity;
    made.numbers[1] = maxsize;
    made.body = shared_ring::memory_for(capacity);
    made.fill = [](std::byte* body, const ipc_shape&) { shared_ring::make(body, what_it_is); };
    made.take_back = [](ipc_block& block, unsigned, process_key) noexcept { ring_of(block).settle(); };
    return made;
}

}  // namespace

constinit const wait_kind process_queue_core::waiting[2]{
    {"process_queue.get", cancel, detach},
    {"process_queue.put", cancel, detach},
};

process_queue_core::process_queue_core(std::string name, std::size_t maxsize, std::size_t capacity,
                                       block_open how)
    : block_(shape_of(capacity, maxsize), std::move(name), how) {
    open_ring();
    if (how == block_open::existing || (ring_.most() == maxsize && block_.number(0) == capacity)) return;
    throw std::invalid_argument(block_.label() + ": it exists with maxsize " + std::to_string(ring_.most()) +
                                " and a capacity of " + std::to_string(block_.number(0)) + " bytes, not " +
                                std::to_string(maxsize) + " and " + std::to_string(capacity));
}

process_queue_core::process_queue_core(int fd) : block_(shape_of(8, 0), fd) {
    try {
        open_ring();
    } catch (...) {
        block_.disown_fd();
        throw;
    }
}

process_queue_core::~process_queue_core() {
    BIDE_ASSERT(rows_[getters].tasks.empty() && rows_[putters].tasks.empty() && "a process_queue is in use");
}

void process_queue_core::open_ring() {
    const std::size_t capacity = block_.number(0);
    if (capacity == 0 || capacity > block_.body_size() ||
        shared_ring::memory_for(capacity) > block_.body_size())
        throw std::invalid_argument(block_.label() + ": the block is damaged");
    ring_ = ring_of(block_);
}

void process_queue_core::unlink(std::string_view name) {
    check_block_name(what_it_is, name);
    unlink_block(ipc_block::system_name(what_it_is, std::string(name)), block_label(what_it_is, name));
}

void process_queue_core::forget_tasks() noexcept {
    for (row& each : rows_) each = row();
}

// --- items ---

queue_step process_queue_core::put(std::string_view bytes, bool waited, bool patient) {
    refresh();
    if (shared_ring::room_for(bytes.size()) > ring_.capacity())
        throw std::invalid_argument(block_.label() + ": an item of " + std::to_string(bytes.size()) +
                                    " bytes; the largest that fits has " +
                                    std::to_string(ring_.capacity() - 8) +
                                    ": make the queue with a larger capacity");
    const row& others = rows_[putters];
    if (!waited && (!others.tasks.empty() || others.woken != 0) && !ring_.is_shut_down())
        return queue_step::no;
    const queue_step result = ring_.push(bytes, patient);
    if (result != queue_step::done) return result;
    changed(getters);
    if (!others.tasks.empty() || block_.waiting(putters) != 0)
        changed(putters);  // perhaps there is more room
    return result;
}

queue_step process_queue_core::take(std::string& bytes, bool waited, bool patient) {
    refresh();
    const row& others = rows_[getters];
    if (!waited && (!others.tasks.empty() || (others.woken != 0 && ring_.count() <= others.woken)) &&
        !ring_.is_shut_down())
        return queue_step::no;
    const queue_step result = ring_.pop(bytes, patient);
    if (result == queue_step::done) changed(putters);
    return result;
}

void process_queue_core::shut_down(bool drop_items) {
    refresh();
    if (!ring_.shut_down(drop_items))
        throw std::system_error(std::make_error_code(std::errc::timed_out),
                                "shutdown of " + block_.label() +
                                    ": another process has stopped in the middle of an item");
    block_.ring_all();
    look();
}

// --- waiting ---

bool process_queue_core::may_go(int which) const noexcept {
    const row& here = rows_[which];
    if (ring_.is_shut_down()) return true;
    if (which == getters) return ring_.count() > here.woken;
    const auto& first = static_cast<const queue_turn&>(*task_of(*here.tasks.front()).waiting_on);
    return here.woken == 0 && ring_.fits(first.size_);
}

// Wakes the tasks of this process that can go on. Those that cannot are in the row of all processes.
void process_queue_core::look_at(int which) noexcept {
    row& here = rows_[which];
    if (hub_ == nullptr) return;
    for (;;) {
        while (!here.tasks.empty() && may_go(which)) {
            task_base& task = task_of(*here.tasks.pop_front());
            ++here.woken;
            make_ready(task, *task.loop);
        }
        if (here.tasks.empty()) return leave_row(which);
        const std::uint64_t old = block_.waiting(which);
        block_.enter_again(which);
        if (block_.waiting(which) == old || !may_go(which)) return;
    }
}

void process_queue_core::look() noexcept {
    look_at(getters);
    look_at(putters);
}

void process_queue_core::changed(int which) noexcept {
    if (block_.waiting(which) == 0) {
        if (!rows_[which].tasks.empty()) look_at(which);
        return;
    }
    if (block_.call_first(which)) look_at(which);
}

void process_queue_core::leave_row(int which) noexcept {
    if (!rows_[which].entered) return;
    rows_[which].entered = false;
    block_.leave_row(which);
    if (!rows_[1 - which].entered) std::exchange(hub_, nullptr)->remove(*this);
}

void process_queue_core::loop_closes() noexcept {
    hub_ = nullptr;
    for (const int which : {getters, putters}) {
        rows_[which].entered = false;
        block_.leave_row(which);
    }
    if (ring_.count() != 0) static_cast<void>(block_.call_first(getters));
    static_cast<void>(block_.call_first(putters));
}

void process_queue_core::suspend(queue_turn& what, std::coroutine_handle<> frame) {
    task_base& task = running_task();
    const wait_kind& kind = waiting[what.row_];
    row& here = rows_[what.row_];
    home_.check(task, kind);
    ipc_hub& hub = running_ipc_hub(kind.name);
    const std::uint64_t door = hub.prepare();
    what.kind = &kind;
    if (what.again_) {
        here.tasks.push_front(task);
    } else {
        here.tasks.push_back(task);
    }
    begin_wait(task, what, frame);  // a cancellation may end it at once
    if (here.tasks.empty()) return;
    if (hub_ == nullptr) {
        hub_ = &hub;
        peers_known = block_.joined();
        hub.add(*this);
    }
    if (!here.entered) {
        here.entered = true;
        block_.enter_row(what.row_, door);
    }
    look_at(what.row_);
}

// A woken task that will not try gives the hint to the next.
void process_queue_core::resumed(const queue_turn& what) {
    task_base& task = running_task();
    if (was_granted(task)) --rows_[what.row_].woken;
    if (!must_throw(task)) return;
    if (was_granted(task)) changed(what.row_);
    throw_cancelled(task);
}

void process_queue_core::withdraw(queue_turn& what, task_base& task) noexcept {
    row& here = rows_[what.row_];
    here.tasks.remove(task);
    if (hub_ == nullptr) return;
    if (here.tasks.empty()) {
        leave_row(what.row_);
    } else {
        look_at(what.row_);  // a smaller item may fit
    }
    if (what.row_ == getters ? ring_.count() != 0 : true) {
        if (block_.waiting(what.row_) != 0 && block_.call_first(what.row_)) look_at(what.row_);
    }
}

cancel_outcome process_queue_core::cancel(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    auto& turn = static_cast<queue_turn&>(what);
    turn.queue_->withdraw(turn, task);
    return cancel_outcome::withdrawn;
}

// The loop closes: no task of this process is woken any more.
void process_queue_core::detach(wait& what, task_base& task) noexcept {
    auto& turn = static_cast<queue_turn&>(what);
    process_queue_core& queue = *turn.queue_;
    row& here = queue.rows_[turn.row_];
    if (task.linked()) {
        here.tasks.remove(task);
        if (here.tasks.empty() && queue.hub_ != nullptr) queue.leave_row(turn.row_);
    } else if (was_granted(task) && here.woken != 0) {
        --here.woken;
    }
    if (turn.row_ == putters || queue.ring_.count() != 0)
        static_cast<void>(queue.block_.call_first(turn.row_));
}

void queue_turn::await_suspend(std::coroutine_handle<> frame) { queue_->suspend(*this, frame); }
void queue_turn::await_resume() const { queue_->resumed(*this); }

}  // namespace bide::detail
