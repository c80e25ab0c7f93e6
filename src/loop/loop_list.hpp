// bide/loop: all loops of the process, as a list that can be read from outside.
#pragma once

#include <bide/detail/loop/loop_state.hpp>

namespace bide::detail {

extern constinit loop_state* first_loop;

// Threads: any. enlist() gives the loop its number.
void enlist(loop_state& loop);
void delist(loop_state& loop) noexcept;
// The number tells it from a later loop at the same address.
bool is_alive(const loop_state* loop, std::uint32_t number) noexcept;

}  // namespace bide::detail
