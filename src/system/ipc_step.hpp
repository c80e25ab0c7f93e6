// bide/system: the points at which tests kill a process that works on shared memory.
#pragma once

#include <bide/detail/base/config.hpp>

#include <cstdint>

#include "os/peer.hpp"

namespace bide::detail {

// Checked builds: the process dies at the step with this number, counted from 1; 0: at none. A test may put something else
// in the place of its death.
extern std::uint64_t ipc_dies_at;
extern void (*ipc_death)() noexcept;

// Stands between any two changes of shared memory that are not one.
inline void ipc_step() noexcept {
    if constexpr (BIDE_CHECKED != 0) {
        if (ipc_dies_at != 0 && --ipc_dies_at == 0) ipc_death();
    }
}

}  // namespace bide::detail
