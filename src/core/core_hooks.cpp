// bide/core: what core tells the loop about tasks.
#include "core/core_hooks.hpp"

#include <bide/coro.hpp>
#include <bide/detail/core/promise.hpp>
#include <bide/error.hpp>

#include "core/debug_layout.hpp"
#include "core/failure_place.hpp"
#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

// Where the task is suspended, in the program; empty when it is not.
std::string place_of(const task_base& task) {
    if (task.frame == nullptr || task.has(flag::done)) return {};
    const std::source_location where = place_of_wait(task);
    return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

bool is_alive(const loop_state& loop, const ready_node& node) noexcept {
    for (const ring_link* at = loop.tasks.after; at != &loop.tasks; at = at->after) {
        if (static_cast<const ready_node*>(&task_base::of(const_cast<ring_link&>(*at))) == &node) return true;
    }
    return false;
}

step_place step_of(const loop_state& loop, const ready_node& node, bool after) {
    if (after ? !is_alive(loop, node) : node.ops->run != run_task) return {};
    const auto& task = static_cast<const task_base&>(static_cast<const timer_node&>(node));
    return {task_name(task), place_of(task)};
}

void release_anchor(void* anchor) noexcept { release(*static_cast<future_core*>(anchor)); }

// Destroys the frame that is suspended in `frame` and all that await it, outermost first; each frame owns the next.
void destroy_from_root(void* frame) noexcept {
    promise_base* promise = &promise_base::of(frame);
    while (!promise->is_root()) {
        frame = promise->awaiting_frame();
        promise = &promise_base::of(frame);
    }
    destroy_unawaited(std::coroutine_handle<>::from_address(frame));
}

void destroy_one(loop_core& loop, task_base& task) noexcept {
    try {
        if (!task.has(flag::internal)) {
            report_late(&loop, {"Task was destroyed but it is pending", nullptr, task_name(task),
                                place_of(task), "await or cancel it before its loop closes, as run() does"});
        }
    } catch (...) {  // no memory to name it
    }
    task.registry.unlink();
    destroy_from_root(task.frame);
    task.frame = nullptr;
    task.set(flag::cancelled);
    finish_future(task);
    release(static_cast<future_core&>(task));
}

// In three rounds: first nobody waits for anything any more, then the kernel is done with every buffer, then the
// frames go. So no destructor finds another task linked to what it destroys.
void destroy_tasks(loop_state& state) noexcept {
    auto& loop = static_cast<loop_core&>(state);
    ring_link& all = loop.tasks;
    for (ring_link* at = all.after; at != &all; at = at->after) {
        task_base& task = task_base::of(*at);
        if (task.waiting_on != nullptr) task.waiting_on->kind->detach(*task.waiting_on, task);
    }
    loop.drain();
    loop.drop_queued();
    while (all.after != &all) {
        destroy_one(loop, task_base::of(*all.after));
        loop.drop_queued();
    }
}

}  // namespace

// Every program that has a task refers to this table, so the layout is always linked in.
const loop_hooks core_hooks{describe_deadlock, step_of, release_anchor, destroy_tasks, &bide_debug_layout};

}  // namespace bide::detail
