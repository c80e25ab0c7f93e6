// bide/tests: coroutines that give way until something has happened, perhaps on another thread.
#pragma once

#include <bide/loop.hpp>
#include <bide/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <utility>

#include "support/gate.hpp"

namespace bide_test {

template <class F>
bide::coro<void> until(F done) {
    const auto ask = std::move(done);
    while (!ask()) co_await bide::sleep(std::chrono::seconds(0));
}

inline bide::coro<void> opened(gate& what) {
    gate& it = what;
    while (!it.is_open()) co_await bide::sleep(std::chrono::seconds(0));
}

/// What the loop waits for outside itself.
inline std::uint32_t pending() { return bide::get_running_loop().state().pending_external; }

}  // namespace bide_test
