// bide/system: how a worker process comes to serve its pool in place of running main.
//
// A worker is this program, started once more. It must run after all of the program's objects have been initialised,
// because functions use them, and before main does anything. The one place where that is so is the call of main by
// the C library's __libc_start_main, which the program's entry point calls with main as an argument. A program that includes
// this header has a function of that name, which passes all on; in a worker it passes on another main. It is inline, and so
// weak: a program or tool that has one of its own keeps it; docs/design/worker-start.md has the alternatives.
#pragma once

#include <cstddef>  // says which C library this is

namespace bide::detail {

using program_main = int (*)(int, char**, char**);

int start_program(program_main entry, int argc, char** argv, void (*init)(), void (*fini)(),
                  void (*loader_fini)(), void* stack_end);

}  // namespace bide::detail

#if defined(__linux__) && defined(__GLIBC__) && !defined(BIDE_NO_WORKER_START)
// NOLINTNEXTLINE: the name is the C library's.
extern "C" __attribute__((used, visibility("default"))) inline int
__libc_start_main(bide::detail::program_main entry, int argc, char** argv, void (*init)(), void (*fini)(),
                  void (*loader_fini)(), void* stack_end) {
    return bide::detail::start_program(entry, argc, argv, init, fini, loader_fini, stack_end);
}
#endif
