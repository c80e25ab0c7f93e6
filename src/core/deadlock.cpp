// bide/core: the report of a loop that nothing can wake.
#include <bide/detail/core/call_graph.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/error.hpp>

#include "core/core_hooks.hpp"

namespace bide::detail {

std::exception_ptr describe_deadlock(loop_state& loop) {
    std::size_t count = 0;
    for (ring_link* at = loop.tasks.after; at != &loop.tasks; at = at->after) {
        if (!task_base::of(*at).has(flag::internal)) ++count;
    }
    if (count == 0) return nullptr;
    const std::string head = "deadlock: nothing can wake this event loop any more, and " +
                             std::to_string(count) +
                             (count == 1 ? " task is suspended\n" : " tasks are suspended\n");
    return std::make_exception_ptr(deadlock_error(head + format_task_tree(loop)));
}

}  // namespace bide::detail
