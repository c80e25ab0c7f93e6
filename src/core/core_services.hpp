// bide/core: what a loop does for the layers above core when run() ends.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/base/move_only_function.hpp>

#include <vector>

#include "core/live_generators.hpp"

namespace bide::detail {

struct core_services {
    // Awaited in order after all tasks have been cancelled: closing async generators, joining the default executor.
    std::vector<move_only_function<coro<void>()>> at_shutdown;

    live_generators generators;
};

core_services& services_of(event_loop& loop);

// What runner::close does before it closes the loop. Throws deadlock_error when a task will not end.
void shut_down_loop(event_loop& loop);

}  // namespace bide::detail
