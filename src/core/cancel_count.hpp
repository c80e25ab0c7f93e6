// bide/core: how a scope that cancels its own task takes that back.
#pragma once

#include <bide/detail/core/task_base.hpp>

#include <cstdint>

namespace bide::detail {

// The count to compare with on exit. A cancellation that was requested before but not thrown yet is somebody else's,
// so it does not belong to what was there on entry.
inline std::uint16_t cancels_on_entry(const task_base& task) noexcept {
    return task.has(flag::must_cancel) ? std::uint16_t{0} : task.cancelling;
}

// Takes back the one cancel() of the scope. True when the count is then what it was on entry: nobody else wants the task
// cancelled, and a cancellation that was not thrown yet is withdrawn.
inline bool take_back_cancel(task_base& task, std::uint16_t on_entry) noexcept {
    const bool alone = uncancel_task(task) <= on_entry;
    if (alone) task.clear(flag::must_cancel);
    return alone;
}

}  // namespace bide::detail
