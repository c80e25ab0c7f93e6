// bide/core: the report of a loop that nothing can wake.
#include <bide/error.hpp>

#include "core/core_hooks.hpp"

namespace bide::detail {

std::exception_ptr describe_deadlock(loop_state&) { return std::make_exception_ptr(deadlock_error("deadlock")); }

}  // namespace bide::detail
