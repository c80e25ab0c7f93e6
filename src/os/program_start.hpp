// bide/os: what a process that was started to serve another one does to itself.
#pragma once

namespace bide::detail::sys {

using main_function = int (*)(int, char**, char**);
using start_function = int (*)(main_function, int, char**, void (*)(), void (*)(), void (*)(), void*);

// The C library's own function that initialises the program and calls main. Null in a program that is linked statically.
start_function library_start() noexcept;

// Ends this process when `parent` does: at once when that is no longer there. Ignores SIGINT, which a terminal sends to
// every process of the program.
void follow_parent(int parent) noexcept;
[[nodiscard]] bool parent_is(int process) noexcept;
[[nodiscard]] int own_process() noexcept;

// Waits for the signal that ends this process.
[[noreturn]] void wait_for_the_end() noexcept;
// Ends this process without running anything more of it.
[[noreturn]] void end_now(int code) noexcept;

// Whether this process was given more rights than whoever started it has (a set-user-id program, file capabilities): then
// its environment and its descriptors are the choice of somebody who may do less than it.
[[nodiscard]] bool has_gained_rights() noexcept;

// Memory that was freed stays with the process: the next call needs it again.
void keep_memory() noexcept;

[[nodiscard]] unsigned processors() noexcept;
// The name by which this program was called.
[[nodiscard]] const char* program_name() noexcept;

}  // namespace bide::detail::sys
