// bide/system: start a program in a new process.
//
// fork(2) copies the page tables of the whole process, which takes longer than starting the program, and then lets the
// child of a threaded process run where locks may be held. So the child is made with CLONE_VM and CLONE_VFORK: it uses
// this process's memory, on a stack of its own, while the thread that made it stands still until the program runs. What
// the child does is bound by that:
//
//   1. It makes system calls and nothing else. It allocates nothing and takes no lock: everything lies ready in `plan`.
//   2. No signal handler of this process may run in it: all signals are blocked from before the clone until every
//      disposition in the child is the default again. The dispositions, as the table of descriptors, are its own.
//   3. Its system calls do not go through the C library's functions of the same name, some of which keep books (setuid
//      tells every thread of the process) or are watched by a sanitizer.
//   4. What failed it writes into `report`, here or, without shared memory, in a page that is shared.
//
// The memory is not shared when the child changes its user: the kernel then marks the memory as one that may not be
// looked at, and until the program runs it would be ours. Nor under the thread sanitizer, which takes part in clone(2).
//
// The process descriptor comes from clone(2) itself, so it is never that of another process.
#include "system/spawn.hpp"

#include <bide/detail/base/config.hpp>
#include <bide/detail/base/scope_guard.hpp>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <system_error>

#include "os/child.hpp"
#include "system/child_environment.hpp"
#include "system/spawn_error.hpp"

#if defined(__GNUC__)
#define BIDE_CHILD_CODE __attribute__((no_sanitize("address", "undefined", "thread")))
#endif

namespace bide::detail {

namespace {

constexpr int signal_count = 64;
constexpr std::size_t signal_set_size = 8;
constexpr std::size_t stack_size = 16 * 1024;
constexpr int pidfd_flag = 0x1000;      // CLONE_PIDFD, Linux 5.2
constexpr int close_range_cloexec = 4;  // CLOSE_RANGE_CLOEXEC, Linux 5.11

// The kernel's sigaction: the handler comes first. All zero is the default action.
struct kernel_action {
    std::uintptr_t handler;
    unsigned long rest[19];
};

struct plan {
    const child_settings* settings;
    const char* const* programs;
    char* const* arguments;
    char* const* environment;
    const char* folder;  // null: this one
    descriptor_place* moves;
    std::size_t move_count;
    int terminal = -1;  // the descriptor that becomes the controlling terminal
    unsigned char mask[signal_set_size] = {};
    spawn_report* report;
};

template <class... Args>
BIDE_CHILD_CODE long call(long number, Args... args) noexcept {
    const long result = ::syscall(number, args...);
    return result < 0 ? -errno : result;
}

[[noreturn]] BIDE_CHILD_CODE void fail(const plan& what, spawn_step at, long result) noexcept {
    what.report->error = static_cast<int>(-result);
    what.report->failed = at;
    for (;;) call(SYS_exit_group, 127);
}

BIDE_CHILD_CODE void check(const plan& what, spawn_step at, long result) noexcept {
    if (result < 0) fail(what, at, result);
}

BIDE_CHILD_CODE void reset_signals(const plan& what) noexcept {
    constexpr std::uintptr_t ignored = 1;
    const kernel_action by_default{};
    for (int number = 1; number <= signal_count; ++number) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        if (!what.settings->resets_signals) {
            kernel_action present{};
            if (call(SYS_rt_sigaction, number, nullptr, &present, signal_set_size) < 0) continue;
            if (present.handler <= ignored) continue;
        }
        call(SYS_rt_sigaction, number, &by_default, nullptr, signal_set_size);
    }
    call(SYS_rt_sigprocmask, SIG_SETMASK, what.mask, nullptr, signal_set_size);
}

// Everything but the standard streams is closed when the program runs. On old kernels one by one.
BIDE_CHILD_CODE void close_the_others() noexcept {
    if (call(SYS_close_range, 3U, ~0U, close_range_cloexec) >= 0) return;
    rlimit most{};
    call(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &most);
    const int end = static_cast<int>(std::min<rlim_t>(most.rlim_cur, 1 << 20));
    for (int fd = 3; fd < end; ++fd) call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
}

// A descriptor whose number another one is about to take moves out of the way first.
BIDE_CHILD_CODE void place_descriptors(const plan& what) noexcept {
    descriptor_place* const end = what.moves + what.move_count;
    int above = 3;
    for (const descriptor_place* each = what.moves; each != end; ++each)
        above = each->to >= above ? each->to + 1 : above;
    for (descriptor_place* each = what.moves; each != end; ++each) {
        bool taken = false;
        for (const descriptor_place* other = what.moves; other != end; ++other) {
            taken = taken || (other->to == each->from && each->to != each->from);
        }
        if (!taken) continue;
        const long copy = call(SYS_fcntl, each->from, F_DUPFD_CLOEXEC, above);
        check(what, spawn_step::descriptors, copy);
        each->from = static_cast<int>(copy);
    }
    for (const descriptor_place* each = what.moves; each != end; ++each) {
        const long result = each->from == each->to ? call(SYS_fcntl, each->to, F_SETFD, 0)
                                                   : call(SYS_dup3, each->from, each->to, 0);
        check(what, spawn_step::descriptors, result);
    }
}

BIDE_CHILD_CODE void set_limits(const plan& what) noexcept {
    for (const resource_limit& each : what.settings->limits) {
        const rlimit value{.rlim_cur = each.soft, .rlim_max = each.hard};
        check(what, spawn_step::limits, call(SYS_prlimit64, 0, each.which, &value, nullptr));
    }
}

BIDE_CHILD_CODE void change_user(const plan& what) noexcept {
    const child_settings& settings = *what.settings;
    if (settings.groups)
        check(what, spawn_step::groups,
              call(SYS_setgroups, settings.groups->size(), settings.groups->data()));
    if (settings.group)
        check(what, spawn_step::group_id,
              call(SYS_setresgid, *settings.group, *settings.group, *settings.group));
    if (settings.user)
        check(what, spawn_step::user_id, call(SYS_setresuid, *settings.user, *settings.user, *settings.user));
}

// As execvp(3): what is missing, or may not be run, may lie in a later folder.
[[noreturn]] BIDE_CHILD_CODE void run_program(const plan& what) noexcept {
    long error = -ENOENT;
    for (const char* const* each = what.programs; *each != nullptr; ++each) {
        const long result = call(SYS_execve, *each, what.arguments, what.environment);
        if (result == -EACCES) {
            error = result;
        } else if (result != -ENOENT && result != -ENOTDIR) {
            fail(what, spawn_step::program, result);
        }
    }
    fail(what, spawn_step::program, error);
}

BIDE_CHILD_CODE int run_child(void* argument) {
    const plan& what = *static_cast<const plan*>(argument);
    const child_settings& settings = *what.settings;
    reset_signals(what);
    if (settings.new_session || what.terminal >= 0) check(what, spawn_step::session, call(SYS_setsid));
    if (settings.process_group)
        check(what, spawn_step::process_group, call(SYS_setpgid, 0, *settings.process_group));
    if (what.terminal >= 0) check(what, spawn_step::terminal, call(SYS_ioctl, what.terminal, TIOCSCTTY, 0));
    close_the_others();
    place_descriptors(what);
    if (settings.umask) call(SYS_umask, *settings.umask);
    if (what.folder != nullptr) check(what, spawn_step::folder, call(SYS_chdir, what.folder));
    set_limits(what);
    change_user(what);
    run_program(what);
}

// The report of a child that shares no memory.
class shared_report {
public:
    shared_report()
        : at_(::mmap(nullptr, sizeof(spawn_report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0)) {
        if (at_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    }
    ~shared_report() { ::munmap(at_, sizeof(spawn_report)); }
    shared_report(const shared_report&) = delete;
    shared_report& operator=(const shared_report&) = delete;

    [[nodiscard]] spawn_report& get() const noexcept { return *static_cast<spawn_report*>(at_); }

private:
    void* at_;
};

// The number of the new process, or -errno. Returns when its program runs, or when it has ended without.
BIDE_NOINLINE int start(plan& what, bool shares_memory, bool wants_pidfd, int& pidfd) noexcept {
    alignas(16) std::byte stack[stack_size];
    const int flags = CLONE_VFORK | SIGCHLD | (shares_memory ? CLONE_VM : 0) | (wants_pidfd ? pidfd_flag : 0);
    const int pid = ::clone(run_child, stack + stack_size, flags, &what, &pidfd);
    if (pid >= 0) return pid;
    const bool unknown = errno == EINVAL || errno == ENOSYS || errno == EPERM;  // an old kernel, or a sandbox
    return wants_pidfd && unknown ? start(what, shares_memory, false, pidfd) : -errno;
}

int start_with_signals_blocked(plan& what, bool shares_memory, bool wants_pidfd, int& pidfd) noexcept {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!what.settings->resets_signals) std::memcpy(what.mask, &before, signal_set_size);
    const int pid = start(what, shares_memory, wants_pidfd, pidfd);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return pid;
}

template <class Text>
std::vector<Text> pointers_to(const std::vector<std::string>& texts) {
    std::vector<Text> all;
    all.reserve(texts.size() + 1);
    for (const std::string& each : texts)
        all.push_back(const_cast<char*>(each.c_str()));  // execve(2) changes none
    all.push_back(nullptr);
    return all;
}

}  // namespace

spawned spawn(const spawn_order& order) {
    check_order(order);
    const child_settings& settings = order.settings;
    const child_environment environment(settings);
    const std::string& program = settings.executable.empty() ? order.arguments.front() : settings.executable;
    const std::vector<std::string> files = environment.candidates(program);
    const auto programs = pointers_to<const char*>(files);
    const auto arguments = pointers_to<char*>(order.arguments);
    std::vector<descriptor_place> moves = order.descriptors;

    const bool shares_memory = BIDE_TSAN == 0 && !settings.user && !settings.group && !settings.groups;
    spawn_report own;
    std::optional<shared_report> page;
    if (!shares_memory) page.emplace();
    plan what{.settings = &settings,
              .programs = programs.data(),
              .arguments = arguments.data(),
              .environment = environment.pointers(),
              .folder = settings.folder.empty() ? nullptr : settings.folder.c_str(),
              .moves = moves.data(),
              .move_count = moves.size(),
              .terminal = settings.terminal ? moves.front().from : -1,
              .report = page ? &page->get() : &own};
    int pidfd = -1;
    const int pid = start_with_signals_blocked(what, shares_memory, order.wants_pidfd, pidfd);
    if (pid < 0) throw_spawn_error(order, environment, {spawn_step::process, -pid});
    spawned made{pid, unique_fd(pidfd)};
    if (what.report->failed == spawn_step::none) return made;
    int code = 0;
    sys::reap_child({made.pidfd.get(), pid}, code, true);
    throw_spawn_error(order, environment, *what.report);
}

}  // namespace bide::detail
