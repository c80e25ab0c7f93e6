// bide/core: where the exception of a task came from.
#pragma once

#include <bide/detail/core/task_base.hpp>

#include <source_location>
#include <string>

namespace bide::detail {

// The task ends with the exception that has left its last frame: keeps the place.
void keep_failure_place(future_core& task) noexcept;

// file:line, or an empty text for what is no task or did not fail.
std::string failure_place(const future_core& what);

// Where the task waits: the innermost await that is not in the library's own code, if there is one.
std::source_location place_of_wait(const task_base& task) noexcept;

}  // namespace bide::detail
