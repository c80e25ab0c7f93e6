// bide/loop: all loops of the process.
#pragma once

#include <bide/detail/loop/loop_state.hpp>

namespace bide::detail {

class loop_core;

void enlist(loop_core& loop);
void delist(loop_core& loop) noexcept;
// Whether the loop still exists. Threads: any.
bool is_alive(const loop_state* loop) noexcept;

}  // namespace bide::detail
