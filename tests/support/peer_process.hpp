// bide/tests: a program of somebody else that a test talks to; it ends with the object.
#pragma once

#include <bide/coro.hpp>
#include <bide/to_thread.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

extern char** environ;

namespace bide_test {

/// tests/peers/<name>, found from where the test program lies.
inline std::string peer_script(const std::string& name) {
    for (auto at = std::filesystem::read_symlink("/proc/self/exe"); at != at.root_path();
         at = at.parent_path()) {
        const auto file = at / "tests" / "peers" / name;
        if (std::filesystem::exists(file)) return file.string();
    }
    throw std::runtime_error("there is no tests/peers/" + name + " above the test program");
}

class peer_process {
public:
    /// Its standard output and error are read together; `input` is all that it can read.
    explicit peer_process(std::vector<std::string> command, const std::string& input = {}) {
        int out[2];
        int in[2];
        if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(in, O_CLOEXEC) != 0) fail(errno, "pipe2");
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        ::posix_spawn_file_actions_adddup2(&actions, out[1], 2);
        std::vector<char*> words;
        for (std::string& each : command) words.push_back(each.data());
        words.push_back(nullptr);
        const int error = ::posix_spawnp(&pid_, words[0], &actions, nullptr, words.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        const bool wrote = ::write(in[1], input.data(), input.size()) == static_cast<ssize_t>(input.size());
        ::close(in[1]);
        output_ = out[0];
        if (error != 0) fail(error, command[0].c_str());
        if (!wrote) fail(EIO, "write to the peer");
    }
    ~peer_process() {
        if (output_ >= 0) ::close(output_);
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    peer_process(const peer_process&) = delete;
    peer_process& operator=(const peer_process&) = delete;

    /// Everything that it prints until it ends.
    bide::coro<std::string> output() {
        co_await bide::to_thread([this] {
            while (more()) {}
        });
        co_return std::exchange(text_, {});
    }

    /// What follows `mark` in the first line that has it; empty when it ends without.
    bide::coro<std::string> line_after(std::string mark) {
        std::string rest;
        co_await bide::to_thread([this, &mark, &rest] {
            for (;;) {
                const std::size_t at = text_.find(mark);
                const std::size_t end = at == std::string::npos ? at : text_.find('\n', at);
                if (end != std::string::npos) {
                    rest = text_.substr(at + mark.size(), end - at - mark.size());
                    return;
                }
                if (!more()) return;
            }
        });
        co_return rest;
    }

private:
    [[noreturn]] static void fail(int error, const char* what) {
        throw std::system_error(error, std::generic_category(), what);
    }

    bool more() {
        constexpr int limit_ms = 30'000;  // that a passing test never takes
        pollfd ready{.fd = output_, .events = POLLIN, .revents = 0};
        if (::poll(&ready, 1, limit_ms) <= 0) return false;
        char piece[4096];
        const ssize_t got = ::read(output_, piece, sizeof piece);
        if (got > 0) text_.append(piece, static_cast<std::size_t>(got));
        return got > 0;
    }

    pid_t pid_ = 0;
    int output_ = -1;
    std::string text_;
};

}  // namespace bide_test
