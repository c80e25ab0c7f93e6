// bide/core: suspend for a time, or for one turn of the loop.
#include <bide/sleep.hpp>

#include <stdexcept>

#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

cancel_outcome cancel_sleep(wait&, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    static_cast<loop_core*>(task.loop)->timers.remove(task);
    return cancel_outcome::withdrawn;
}

void detach_sleep(wait&, task_base& task) noexcept {
    if (task.linked()) static_cast<loop_core*>(task.loop)->timers.remove(task);
}

}  // namespace

constinit const wait_kind sleep_wait{"sleep", cancel_sleep, detach_sleep};
constinit const wait_kind yield_wait{"sleep(0)",
                                     [](wait&, task_base&) noexcept { return cancel_outcome::too_late; },
                                     [](wait&, task_base&) noexcept {}};

void start_sleep(task_base& task, std::int64_t delay) noexcept {
    auto& loop = static_cast<loop_core&>(*task.loop);
    task.when = deadline_after(loop.os->now(), delay);
    loop.timers.insert(task);
}

void throw_sleep_nan() { throw std::invalid_argument("sleep: the delay is NaN"); }

}  // namespace bide::detail
