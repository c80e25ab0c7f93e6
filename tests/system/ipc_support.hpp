// bide/tests: several processes that work on the same shared objects.
#pragma once

#include <gtest/gtest.h>

#include <bide/bide.hpp>
#include <bide/testing/run_test.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/ipc_step.hpp"

namespace ipc_tests {

using namespace std::chrono_literals;

// Real time: other processes live in it. Order-dependent only where a test says so.
inline bide::testing::test_options real_time() { return bide::testing::test_options().real_time(); }

// A name that no other test has, in this process or in another.
inline std::string fresh_name(const char* what) {
    static int count = 0;
    return std::string("bide-test-") + what + "-" + std::to_string(::getpid()) + "-" +
           std::to_string(++count);
}

// Takes the name away when the test ends.
template <class T>
class named {
public:
    explicit named(const char* what) : name(fresh_name(what)) {}
    named(const named&) = delete;
    named& operator=(const named&) = delete;
    ~named() {
        try {
            T::unlink(name);
        } catch (const std::system_error&) {}  // it was never made
    }
    const std::string name;
};

// A child of this process that runs fn, which returns its exit status. Killed when the test ends before it.
class child {
public:
    template <class F>
        requires std::is_invocable_r_v<int, F&>
    explicit child(F fn) : pid_(::fork()) {
        if (pid_ != 0) return;
        int code = 99;
        try {
            code = fn();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "child: %s\n", error.what());
        } catch (const bide::base_exception& error) { std::fprintf(stderr, "child: %s\n", error.what()); }
        ::_exit(code);
    }
    // This program once more, from its start, for one test of it: a fork of a program that has threads (of a pool, of a
    // sanitizer) may find locks that nobody will ever release.
    explicit child(const std::string& filter) {
        std::string program = "/proc/self/exe";
        std::string only = "--gtest_filter=" + filter;
        char* arguments[] = {program.data(), only.data(), nullptr};
        const int error = ::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments, environ);
        if (error != 0) std::abort();
    }
    child(child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
    child& operator=(child&&) = delete;
    ~child() {
        if (pid_ <= 0) return;
        kill();
        status();
    }

    [[nodiscard]] int pid() const { return pid_; }
    void kill() const {
        if (pid_ > 0) ::kill(pid_, SIGKILL);  // -1, once it was reaped, would be every process there is
    }
    // Its exit status, or minus the signal.
    int status() {
        if (pid_ > 0) {
            int raw = 0;
            if (::waitpid(std::exchange(pid_, -1), &raw, 0) > 0) note(raw);
        }
        return status_;
    }
    bool has_ended() {
        int raw = 0;
        if (pid_ > 0 && ::waitpid(pid_, &raw, WNOHANG) == pid_) {
            pid_ = -1;
            note(raw);
        }
        return pid_ <= 0;
    }

private:
    void note(int raw) { status_ = WIFSIGNALED(raw) ? -WTERMSIG(raw) : WEXITSTATUS(raw); }
    int pid_ = -1;
    int status_ = 0;
};

// Runs a coroutine in a child, on a loop of its own.
template <class F>
int run_here(F make) {
    bide::run(make());
    return 0;
}

// Also when the task that waits is cancelled.
inline bide::coro<void> until_done(bide::task<void> what) {
    const bide::task<void> it = std::move(what);
    while (!it.done()) {
        try {
            co_await bide::sleep(0ms);
        } catch (const bide::cancelled_error&) {}
    }
    it.result();
}

// Runs `mine` and `theirs` against each other; the sweep cancels the task of `mine`.
template <class Mine, class Theirs>
bide::coro<void> against(Mine mine, Theirs theirs) {
    auto other = bide::create_task(theirs);
    std::exception_ptr error;
    try {
        co_await mine();
    } catch (const bide::cancelled_error&) { error = std::current_exception(); }
    co_await until_done(other);
    if (error) std::rethrow_exception(error);
}

// Has ended and was not reaped: as good as dead for everybody else.
inline bide::coro<void> until_ended(child& what) {
    child& it = what;
    while (!it.has_ended()) co_await bide::sleep(1ms);
}

// A pipe through which processes tell each other that they have come to a point.
class signal_pipe {
public:
    signal_pipe() {
        if (::pipe(ends_) != 0) std::abort();
    }
    signal_pipe(const signal_pipe&) = delete;
    signal_pipe& operator=(const signal_pipe&) = delete;
    ~signal_pipe() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    void tell() const { static_cast<void>(!::write(ends_[1], "x", 1)); }
    bide::coro<void> told() const {
        const int fd = ends_[0];
        char byte = 0;
        co_await bide::wait_readable(fd);
        static_cast<void>(!::read(fd, &byte, 1));
        bide::get_running_loop().forget(fd);
    }
    void wait() const {
        char byte = 0;
        static_cast<void>(!::read(ends_[0], &byte, 1));
    }
    // What was told and nobody has waited for.
    void forget() const {
        pollfd told{.fd = ends_[0], .events = POLLIN, .revents = 0};
        while (::poll(&told, 1, 0) > 0) wait();
    }

private:
    int ends_[2];
};

// Runs `victim` in a child that dies at its first, second, third ... step, and `survivor(child)` here, until a victim
// lives through all of it. Returns the number of runs.
template <class Victim, class Survivor>
int kill_everywhere(Victim victim, Survivor survivor) {
    for (int step = 1; step < 500; ++step) {
        SCOPED_TRACE("killed at step " + std::to_string(step));
        child prey([&] {
            bide::detail::ipc_dies_at = static_cast<std::uint64_t>(step);
            return victim();
        });
        survivor(prey);
        const int status = prey.status();
        if (status == 0) return step;
        EXPECT_EQ(status, -SIGKILL);
        if (status != -SIGKILL || testing::Test::HasFailure()) return step;
    }
    return 500;
}

}  // namespace ipc_tests
