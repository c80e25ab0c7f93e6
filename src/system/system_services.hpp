// bide/system: what a loop keeps for this layer: the children that run, who listens to signals, who waits for others.
#pragma once

#include <bide/detail/loop/loop_state.hpp>

#include "loop/loop_core.hpp"
#include "system/ipc_hub.hpp"
#include "system/signal_hub.hpp"

namespace bide::detail {

class system_services {
public:
    explicit system_services(loop_core& loop) noexcept : signals(*loop.loop), ipc(loop) {}
    ~system_services();  // the loop closes: kills the children
    system_services(const system_services&) = delete;
    system_services& operator=(const system_services&) = delete;

    ring_link children;  // child_process
    signal_hub signals;
    ipc_hub ipc;
};

// Throws invalid_state_error when no loop runs.
system_services& running_system_services(const char* call);

}  // namespace bide::detail
