// bide/introspect: what a running program waits for, as data and as text.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/call_graph.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/task.hpp>

#include <coroutine>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace bide {

/// One suspended frame: the file and line of its await, and the name of its function.
/// Python: FrameCallGraphEntry.
using frame_call_graph_entry = detail::frame_place;

/// A task, where it is suspended, and who waits for it. Python: FutureCallGraph.
class call_graph {
public:
    call_graph(std::string name, std::string waits_for, std::vector<frame_call_graph_entry> call_stack,
               std::vector<call_graph> awaited_by);

    /// Name of the task.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// What it waits for: "sleep", "lock.acquire", "task 'Task-2'".
    [[nodiscard]] const std::string& waits_for() const noexcept { return waits_for_; }
    /// Its frames, innermost first.
    [[nodiscard]] const std::vector<frame_call_graph_entry>& call_stack() const noexcept {
        return call_stack_;
    }
    /// The tasks that wait for it, directly or through a gather or a group. A task that waits for itself through others
    /// is shown once, without its own awaiters.
    [[nodiscard]] const std::vector<call_graph>& awaited_by() const noexcept { return awaited_by_; }

private:
    std::string name_;
    std::string waits_for_;
    std::vector<frame_call_graph_entry> call_stack_;
    std::vector<call_graph> awaited_by_;
};

/// The graph of a task that is suspended. Python: capture_call_graph(future).
[[nodiscard]] call_graph capture_call_graph(const any_task& task);

namespace detail {

call_graph graph_of_running(void* frame);

class capture_awaitable : public awaitable_tag {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> frame) noexcept {
        frame_ = frame.address();
        return false;  // only to learn where we are
    }
    [[nodiscard]] call_graph await_resume() const { return graph_of_running(frame_); }

private:
    void* frame_ = nullptr;
};

}  // namespace detail

/// `co_await capture_call_graph()` gives the graph of the running task, from this await outwards; it does not suspend.
/// Python: capture_call_graph().
[[nodiscard]] inline detail::capture_awaitable capture_call_graph() noexcept { return {}; }

/// The graph as text. Python: format_call_graph.
[[nodiscard]] std::string format_call_graph(const call_graph& graph);

/// Writes it to a stream. Python: print_call_graph (default stdout).
void print_call_graph(const call_graph& graph, std::FILE* to = stdout);

/// Every task of a loop as a tree: those that nobody awaits, each followed by those that it waits for, with the file
/// and line of each await; then cycles. The text of deadlock_error. Python: python -m asyncio pstree.
[[nodiscard]] std::string format_task_tree(event_loop& loop);

}  // namespace bide
