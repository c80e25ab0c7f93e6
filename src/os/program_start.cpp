// bide/os: what a process that was started to serve another one does to itself.
#include "os/program_start.hpp"

#include <dlfcn.h>
#include <malloc.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace bide::detail::sys {

start_function library_start() noexcept {
    static bool asked = false;
    void* found = nullptr;
    // The next one may be another copy of ours, in a library: then ask the C library itself.
    if (!asked) found = ::dlsym(RTLD_NEXT, "__libc_start_main");
    if (found == nullptr) {
        void* const library = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
        if (library != nullptr) found = ::dlsym(library, "__libc_start_main");
    }
    asked = true;
    return reinterpret_cast<start_function>(found);
}

void follow_parent(int parent) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!parent_is(parent)) ::_exit(1);  // it ended before the line above
    ::signal(SIGINT, SIG_IGN);
}

bool parent_is(int process) noexcept { return ::getppid() == process; }
int own_process() noexcept { return ::getpid(); }

void wait_for_the_end() noexcept {
    for (;;) ::pause();
}

void end_now(int code) noexcept { ::_exit(code); }

bool has_gained_rights() noexcept { return ::getauxval(AT_SECURE) != 0; }

void keep_memory() noexcept {
#if defined(__GLIBC__)
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

unsigned processors() noexcept {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return static_cast<unsigned>(CPU_COUNT(&allowed));
    return 1;
}

const char* program_name() noexcept { return program_invocation_name; }

}  // namespace bide::detail::sys
