// bide/core: one object that watches several tasks or futures.
#include <bide/detail/core/watch.hpp>

#include <bide/error.hpp>
#include <bide/future.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include "core/core_hooks.hpp"
#include "loop/loop_list.hpp"

namespace bide::detail {

namespace {

void leave(watch_list& list) noexcept {
    if (--list.queued == 0) list.kind->free(list);
}

void run_watch(ready_node& node) {
    auto& mine = static_cast<watch_node&>(node);
    watch_list& list = *std::exchange(mine.list, nullptr);
    if (list.dropped) return leave(list);
    list.kind->done(list, mine);
}

void discard_watch(ready_node& node) noexcept {
    watch_list& list = *std::exchange(static_cast<watch_node&>(node).list, nullptr);
    if (list.dropped) return leave(list);
    if (list.kind->closed != nullptr) list.kind->closed(list);
}

const void* fed_by(const ready_node& node) noexcept {
    const watch_list* const list = static_cast<const watch_node&>(node).list;
    return list == nullptr || list->awaiter == nullptr || list->awaiter->has(flag::done) ? nullptr
                                                                                         : list->awaiter;
}

}  // namespace

constinit const ready_ops watch_ops{run_watch, discard_watch, fed_by};

void start_watching(watch_list& list, watch_node& node) noexcept {
    node.list = &list;
    if (node.what->has(flag::done)) {
        make_ready(node, *node.what->loop);
    } else {
        node.what->waiters.push_back(node);
    }
}

void stop_watching(watch_list& list) noexcept {
    for (watch_node& node : list) {
        if (node.list == nullptr || !node.linked()) continue;
        node.what->waiters.remove(node);
        node.list = nullptr;
    }
}

void give_back(watch_list& list, bool quiet) noexcept {
    for (watch_node& node : list) {
        if (node.what == nullptr) continue;
        if (quiet) node.what->set(flag::quiet);
        release(*std::exchange(node.what, nullptr));
    }
}

void drop_watch(watch_list& list) noexcept {
    stop_watching(list);
    list.dropped = true;
    for (const watch_node& node : list) {
        if (node.list != nullptr) ++list.queued;
    }
    const bool last = list.queued == 0;
    give_back(list, false);  // destructors of values may run anything
    if (last) list.kind->free(list);
}

std::size_t skip_duplicates(watch_list& list) noexcept {
    std::size_t count = 0;
    for (watch_node& node : list) {
        if (node.what->has(flag::marked)) continue;
        node.what->set(flag::marked);
        node.list = &list;
        ++count;
    }
    for (const watch_node& node : list) node.what->clear(flag::marked);
    return count;
}

void end_with(future_core& outer, std::exception_ptr error) noexcept {
    if (!is_cancelled_error(error)) return set_failure(outer, std::move(error));
    outer.fail(std::move(error));
    finish_future(outer);
}

void discard_callbacks(future_core& outer) noexcept {
    retain(outer);
    while (wait_node* const node = outer.waiters.pop_front()) node->ops->discard(*node);
    release(outer);
}

void check_loop(loop_state*& loop, const future_core& what, const char* call) {
    check_use(what, call);
    if (loop == nullptr) loop = what.loop;
    if (loop == what.loop) {
        if (belongs_to(what, this_loop) || is_alive(loop, what.loop_number)) return;
        throw invalid_state_error(std::string(call) +
                                  ": the event loop of a task or future no longer exists");
    }
    throw std::invalid_argument(
        std::string(call) +
        ": the tasks and futures belong to different loops; use run_coroutine_threadsafe");
}

void use_running_loop(loop_state*& loop, const char* call) {
    loop_state& running = current_loop_state(call);
    if (loop == nullptr) loop = &running;
    if (loop == &running) return;
    throw std::invalid_argument(std::string(call) +
                                ": a task or future belongs to another loop than the one that runs; use "
                                "run_coroutine_threadsafe");
}

void throw_timeout_nan(const char* call) {
    throw std::invalid_argument(std::string(call) + ": the timeout is NaN");
}

}  // namespace bide::detail
