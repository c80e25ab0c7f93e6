// bide/exec: what a thread holds that may act on a loop, or on one of its tasks, at any time and even too late.
#pragma once

#include <bide/detail/base/move_only_function.hpp>
#include <bide/detail/loop/loop_state.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace bide::detail {

struct future_core;
class loop_visitor;

// Loop thread. Keeps a reference of `task`, which may be null. Counts as pending until the last copy is dropped, on
// whatever thread. Throws invalid_state_error when the loop is closed.
std::shared_ptr<loop_visitor> visit(loop_state& loop, future_core* task);

// Any thread: calls fn in a later turn of the loop. False when the loop is closed; fn is destroyed.
bool post_call(loop_visitor& visitor, move_only_function<void()> fn);
// Any thread: cancels the task in a later turn of the loop.
bool post_cancel(const std::shared_ptr<loop_visitor>& visitor, std::string message);

// Where a concurrent_future finds the task that will finish it.
class task_link {
public:
    void attach(std::shared_ptr<loop_visitor> visitor) noexcept;
    void detach() noexcept;
    // Any thread: cancels the task that is attached, if there is one.
    void cancel() noexcept;

private:
    std::mutex mutex_;
    std::shared_ptr<loop_visitor> visitor_;
};

}  // namespace bide::detail
