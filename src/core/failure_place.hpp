// bide/core: where the exception of a task came from.
#pragma once

#include <bide/detail/core/future_core.hpp>

#include <string>

namespace bide::detail {

// The task ends with the exception that has left its last frame: keeps the place.
void keep_failure_place(future_core& task) noexcept;

// file:line, or an empty text for what is no task or did not fail.
std::string failure_place(const future_core& what);

}  // namespace bide::detail
