// bide/core: the async generators of a loop that have started and not ended.
#pragma once

#include <bide/detail/loop/loop_state.hpp>

namespace bide::detail {

struct live_generators {
    live_generators() = default;
    live_generators(const live_generators&) = delete;
    live_generators& operator=(const live_generators&) = delete;
    ~live_generators();  // they may outlive the loop

    ring_link all;           // of async_generator_base, oldest first
    bool queued = false;     // a step of run()'s clean-up closes them
    bool shut_down = false;  // shutdown_asyncgens() was called
};

}  // namespace bide::detail
