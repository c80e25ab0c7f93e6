// bide/system: say what kept a program from being started.
#pragma once

#include <bide/detail/base/config.hpp>

#include "system/child_environment.hpp"
#include "system/spawn.hpp"

namespace bide::detail {

enum class spawn_step : int {
    none,
    process,
    session,
    process_group,
    terminal,
    descriptors,
    folder,
    limits,
    groups,
    group_id,
    user_id,
    program
};

struct spawn_report {
    spawn_step failed = spawn_step::none;
    int error = 0;
};

// Throws std::invalid_argument for what no program can be given.
void check_order(const spawn_order& order);

[[noreturn]] BIDE_COLD void throw_spawn_error(const spawn_order& order, const child_environment& environment,
                                              spawn_report report);

}  // namespace bide::detail
