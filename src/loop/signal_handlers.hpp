// bide/loop: add_signal_handler and remove_signal_handler.
#pragma once

#include <bide/detail/base/move_only_function.hpp>

namespace bide::detail {

class loop_core;

// Replaces the handler that this loop has for the signal. Throws what signal_watch and add_watch throw.
void add_signal(loop_core& loop, int number, move_only_function<void()> fn);
bool remove_signal(loop_core& loop, int number) noexcept;
void close_signals(loop_core& loop) noexcept;

}  // namespace bide::detail
