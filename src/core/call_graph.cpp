// bide/core: who waits for whom, and where.
#include <bide/detail/core/call_graph.hpp>

#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/core/promise.hpp>

#include "core/function_name.hpp"

namespace bide::detail {

namespace {

frame_place place_of(const promise_base& promise) {
    const std::source_location where = promise.where();
    return {where.file_name(), short_function_name(where.function_name()), where.line()};
}

void add_task(task_base* task, std::vector<task_base*>& found) {
    if (task->has(flag::marked)) return;  // there already
    task->set(flag::marked);
    found.push_back(task);
}

void add_awaiters(const future_core& what, std::vector<task_base*>& found, int depth) {
    constexpr int deepest = 64;  // futures that feed each other in a ring must not hang the report
    if (depth > deepest) return;
    for (wait_node* node = what.waiters.front(); node != nullptr; node = what.waiters.after(*node)) {
        if (node->ops->run == run_task) {
            add_task(static_cast<task_base*>(static_cast<timer_node*>(node)), found);
        } else if (node->ops->feeds != nullptr) {
            const auto* const fed = static_cast<const future_core*>(node->ops->feeds(*node));
            if (fed == nullptr) continue;
            if (fed->has(flag::is_task)) {  // it waits for several at once
                add_task(static_cast<task_base*>(const_cast<future_core*>(fed)), found);
            } else {
                add_awaiters(*fed, found, depth + 1);
            }
        }
    }
}

}  // namespace

std::vector<frame_place> frames_from(void* innermost) {
    std::vector<frame_place> frames;
    for (void* frame = innermost; frame != nullptr;) {
        const promise_base& promise = promise_base::of(frame);
        frame_place place = place_of(promise);
        // bide's own frames say nothing to the user, unless there is nothing else.
        if (place.function.rfind("bide::detail::", 0) != 0) frames.push_back(std::move(place));
        frame = promise.awaiting_frame();
    }
    if (frames.empty() && innermost != nullptr) frames.push_back(place_of(promise_base::of(innermost)));
    return frames;
}

std::vector<frame_place> frames_of(const task_base& task) {
    if (task.has(flag::done) || task.frame == nullptr) return {};  // done or running
    return frames_from(task.frame);
}

std::vector<task_base*> awaiters_of(const future_core& what) {
    std::vector<task_base*> found;
    add_awaiters(what, found, 0);
    for (task_base* const each : found) each->clear(flag::marked);
    return found;
}

const char* name_of_wait(const wait& what) noexcept {
    if (what.kind == &io_wait) return static_cast<const io_wait_state&>(what).request.kind->name;
    const future_core* const awaited = what.kind->awaited == nullptr ? nullptr : what.kind->awaited(what);
    if (awaited == nullptr) return what.kind->name;
    if (awaited->has(flag::is_task)) return "a task";
    return static_cast<const plain_future&>(*awaited).ops->name;
}

std::string what_it_waits_for(const task_base& task) {
    if (task.has(flag::done)) return "nothing, it is done";
    if (task.frame == nullptr) return "nothing, it is running";
    if (task.waiting_on == nullptr) return "its turn";
    const wait& what = *task.waiting_on;
    const future_core* const awaited = what.kind->awaited == nullptr ? nullptr : what.kind->awaited(what);
    if (awaited != nullptr && awaited->has(flag::is_task))
        return "task '" + task_name(static_cast<const task_base&>(*awaited)) + "'";
    std::string text = name_of_wait(what);
    if (what.kind != &io_wait) return text;
    const int fd = static_cast<const io_wait_state&>(what).request.args.fd;
    if (fd >= 0) text += " on descriptor " + std::to_string(fd);
    return text;
}

}  // namespace bide::detail
