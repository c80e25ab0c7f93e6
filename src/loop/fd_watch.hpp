// bide/loop: add_reader and add_writer.
#pragma once

#include <bide/detail/base/move_only_function.hpp>

namespace bide::detail {

class loop_core;

// Replaces the watch of this descriptor and direction, if there is one. Throws std::invalid_argument,
// std::system_error (not open), std::bad_alloc.
void add_watch(loop_core& loop, int fd, bool writing, move_only_function<void()> fn);
bool remove_watch(loop_core& loop, int fd, bool writing) noexcept;
void close_watches(loop_core& loop) noexcept;

}  // namespace bide::detail
