// bide/exec: tasks that take turns by hand, on one thread.
//
// An ordinary loop with one addition: a task that is switched to goes to the front of the turn that is running. So a
// switch needs no recursion: the task that pauses returns to the loop, which resumes the other.
#include <bide/scheduler.hpp>

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/call_graph.hpp>
#include <bide/error.hpp>

#include <utility>

#include "loop/loop_core.hpp"

namespace bide {

namespace detail {

namespace {

void leave_list(wait& what, task_base& task) noexcept { static_cast<pause_awaitable&>(what).leave(task); }

cancel_outcome cancel_pause(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    leave_list(what, task);
    return cancel_outcome::withdrawn;
}

void detach_pause(wait& what, task_base& task) noexcept {
    if (task.linked()) leave_list(what, task);
}

bool something_is_under_way(const loop_core& core) noexcept {
    return !core.ready.empty() || !core.timers.empty() || core.os->in_flight() != 0 ||
           core.pending_external != 0 || !core.arrivals.empty();
}

}  // namespace

constinit const wait_kind pause_wait{"resume_task or switch_to", cancel_pause, detach_pause};

bool pause_awaitable::await_suspend(std::coroutine_handle<> frame) {
    task_base& task = running_task();
    scheduler& home = *scheduler_;
    if (task.loop != &home.loop().state()) {
        throw invalid_state_error("task '" + task_name(task) +
                                  "' does not belong to this scheduler; start it with start_new_task");
    }
    if (next_) {
        task_base& target = as_task(next_.core());
        if (&target == &task) return false;
        home.take_out(target);
        static_cast<loop_core&>(*task.loop).run_next(target);
    }
    home.paused_.push_back(task);
    begin_wait(task, *this, frame);
    return true;
}

void pause_awaitable::leave(task_base& task) noexcept { scheduler_->paused_.remove(task); }

}  // namespace detail

// Takes a task that is paused or ready out of where it is.
void scheduler::take_out(detail::task_base& target) {
    detail::loop_core& core = loop().core();
    const std::string name = "switch_to: task '" + detail::task_name(target) + "' ";
    if (target.loop != &core) throw invalid_state_error(name + "belongs to another loop");
    if (target.has(detail::flag::done)) throw invalid_state_error(name + "is done");
    const bool paused = target.waiting_on != nullptr && target.waiting_on->kind == &detail::pause_wait;
    if (paused && target.linked()) return paused_.remove(target);
    if (core.unqueue_any(target)) return;
    throw invalid_state_error(name + "is neither paused nor ready: it waits for " +
                              detail::what_it_waits_for(target));
}

bool scheduler::resume_task(const any_task& target) {
    detail::task_base& task = detail::as_task(target.core());
    if (task.loop != &loop().state()) {
        throw invalid_state_error("resume_task: task '" + detail::task_name(task) +
                                  "' belongs to another loop");
    }
    const bool paused = task.waiting_on != nullptr && task.waiting_on->kind == &detail::pause_wait;
    if (!paused || !task.linked()) return false;
    paused_.remove(task);
    detail::make_ready(task, *task.loop);
    return true;
}

void scheduler::run() {
    event_loop& loop = host_.get_loop();
    detail::loop_core& core = loop.core();
    core.on_turn = [&core] {
        if (!detail::something_is_under_way(core)) core.stopping = true;
    };
    const detail::scope_guard leave([&]() noexcept { core.on_turn = {}; });
    loop.run_forever();
}

bool scheduler::run_once() {
    event_loop& loop = host_.get_loop();
    loop.stop();  // before a run: one look that does not wait, and one batch
    loop.run_forever();
    const detail::ring_link& tasks = loop.state().tasks;
    return tasks.after != &tasks;
}

// A shuffled ready queue would take the turns out of the hands of those who give them.
run_options scheduler::in_order(run_options options) {
    if (!options.loop().shuffle()) options.loop(loop_options(options.loop()).shuffle(0));
    return options;
}

}  // namespace bide
