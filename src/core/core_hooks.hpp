// bide/core: what core tells the loop about tasks, and small helpers of its bodies.
#pragma once

#include <bide/detail/core/task_base.hpp>
#include <bide/detail/loop/loop_state.hpp>

#include <exception>

namespace bide::detail {

extern const loop_hooks core_hooks;

// Whether the exception is a cancelled_error, keyboard_interrupt, system_exit or generator_exit.
bool is_base_exception(const std::exception_ptr& error) noexcept;
bool is_cancelled_error(const std::exception_ptr& error) noexcept;
// keyboard_interrupt or system_exit: ends the loop as well as the task.
bool ends_loop(const std::exception_ptr& error) noexcept;

// The error that ends a loop which nothing can wake: the tree of its tasks.
std::exception_ptr describe_deadlock(loop_state& loop);

}  // namespace bide::detail
