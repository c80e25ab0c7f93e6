// bide/core: the state of a task, without its result type.
//
// A task is exactly one of: waiting (`waiting_on` names for what), ready (queued in the loop) or running
// (loop->current). Its node is in one place at a time, so one node serves every queue, wait list, timer and operation.
// The loop owns one reference until the task is done; handles own the others.
#pragma once

#include <bide/detail/core/future_core.hpp>

#include <coroutine>
#include <string>

namespace bide::detail {

struct task_ops : ready_ops {
    void (*destroy)(task_base&) noexcept;         // the whole task, when the last reference goes
    void (*take_value)(task_base&, void* frame);  // moves the coroutine's value into the task
};

struct task_base : timer_node, future_core {
    task_base(loop_state* in, const task_ops& table) noexcept : timer_node{}, future_core(in) {
        ops = &table;
        set(flag::is_task);
    }

    const task_ops& table() const noexcept { return *static_cast<const task_ops*>(ops); }
    static task_base& of(ring_link& link) noexcept;

    wait* waiting_on = nullptr;
    ring_link registry;  // in loop->tasks until done
};

inline task_base& as_task(future_core& what) noexcept { return static_cast<task_base&>(what); }

inline void make_ready(wait_node& node, loop_state& loop) noexcept { loop.ready.push(node); }

void run_task(ready_node& node);
void discard_task(ready_node& node) noexcept;

// Puts a new task into the loop; its first step runs in a later turn, or now when `eager`.
void start_task(task_base& task, void* frame, bool eager);

bool cancel_task(task_base& task, const std::string& message);
// The wait that has just begun meets a cancellation that was requested before.
BIDE_COLD void cancel_wait(task_base& task) noexcept;
std::uint16_t uncancel_task(task_base& task) noexcept;

// The coroutine of the task has reached its end.
void note_frame_end(task_base& task, void* frame) noexcept;

[[noreturn]] BIDE_COLD void throw_cancelled(task_base& task);
[[noreturn]] BIDE_COLD void throw_no_task();

std::string task_name(const task_base& task);

// The task that is running on this thread. Throws invalid_state_error when there is none.
inline task_base& running_task() {
    loop_state* const loop = this_loop;
    if (loop == nullptr || loop->current == nullptr) [[unlikely]]
        throw_no_task();
    return *loop->current;
}

// Suspends `task` in `frame` at `what`. The task's node is linked where it will be found.
inline void begin_wait(task_base& task, wait& what, std::coroutine_handle<> frame) noexcept {
    task.frame = frame.address();
    task.waiting_on = &what;
    if (task.has(flag::must_cancel)) [[unlikely]]
        cancel_wait(task);
}

// For await_resume of every wait that gives way to a cancellation: throws it where there is one.
inline void end_wait(task_base& task) {
    if (task.has(flag::must_cancel | flag::cancel_now)) [[unlikely]]
        throw_cancelled(task);
}
inline bool must_throw(const task_base& task) noexcept {
    return task.has(flag::must_cancel | flag::cancel_now);
}

}  // namespace bide::detail
