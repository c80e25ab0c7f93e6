// bide/system: what a loop keeps for this layer: the children that run, and who listens to signals.
#include "system/system_services.hpp"

#include <bide/future.hpp>

#include <memory>

#include "system/child_process.hpp"

namespace bide::detail {

system_services::~system_services() {
    while (children.after != &children) child_process::of(*children.after).loop_closes();
}

system_services& running_system_services(const char* call) {
    auto& loop = static_cast<loop_core&>(current_loop_state(call));
    if (!loop.system_slot) loop.system_slot = std::make_shared<system_services>(loop);
    return *static_cast<system_services*>(loop.system_slot.get());
}

}  // namespace bide::detail
