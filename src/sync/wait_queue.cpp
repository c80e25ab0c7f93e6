// bide/sync: the one list of waiting tasks that every primitive is built on.
#include <bide/detail/sync/wait_queue.hpp>

#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <string>

namespace bide::detail {

void wait_queue::check_thread() const {
    const task_base& task = first();
    if (BIDE_CHECKED == 0 && !task.loop->debug) return;
    if (this_loop == task.loop || (this_loop == nullptr && !task.loop->loop->is_running())) return;
    throw invalid_state_error("task '" + task_name(task) + "' waits in " + task.waiting_on->kind->name +
                              " on another loop: wake it from there, with that loop's call_soon_threadsafe");
}

void loop_binding::throw_other_loop(const task_base& task, const wait_kind& kind) {
    throw invalid_state_error(
        std::string(kind.name) + ": task '" + task_name(task) +
        "' runs in another loop than the one in which this object was first waited for; "
        "make one for each loop");
}

void suspend_in(wait_queue& queue, loop_binding& home, wait& what, const wait_kind& kind,
                std::coroutine_handle<> frame) {
    task_base& task = running_task();
    home.check(task, kind);
    what.kind = &kind;
    queue.add(task);
    begin_wait(task, what, frame);
}

}  // namespace bide::detail
