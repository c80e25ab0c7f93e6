// bide/os: backends to test and operations in flight on them, without a loop.
#pragma once

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <bide/detail/os/ops.hpp>
#include <bide/time.hpp>

#include "os/backend.hpp"
#include "os/fd.hpp"

namespace os_tests {

using namespace bide::detail;

inline constexpr std::int64_t one_ms = 1'000'000;
inline constexpr std::int64_t one_s = 1'000'000'000;

// One way to have a backend. `warm`: it has polled before the test begins, as in a running loop.
struct variant {
    std::string name;
    std::function<std::unique_ptr<backend>()> make;
    bool warm = true;
};
inline void PrintTo(const variant& v, std::ostream* out) { *out << v.name; }

// Those of BIDE_BACKEND; all when it is not set. Empty: the kernel offers none.
inline std::vector<variant> variants() {
    const char* const text = std::getenv("BIDE_BACKEND");
    const std::string_view wanted = text == nullptr ? "" : text;
    std::vector<variant> found;
    if (wanted != "io_uring") {
        found.push_back({"epoll", [] { return make_epoll_backend(); }});
        found.push_back({"epoll_cold", [] { return make_epoll_backend(); }, false});
    }
    std::string why;
    if (wanted == "epoll" || !make_uring_backend(why)) return found;
    const auto ring = [](bool oldest) {
        std::string ignored;
        return make_uring_backend(ignored, oldest);
    };
    found.push_back({"io_uring", [ring] { return ring(false); }});
    found.push_back({"io_uring_cold", [ring] { return ring(false); }, false});
    found.push_back({"io_uring_oldest", [ring] { return ring(true); }});
    return found;
}

inline constexpr ready_ops no_ops{};

// An operation, to be handed over by poll().
struct op_node : timer_node {
    op_node(const op_kind& kind, const op_args& args) noexcept : timer_node{}, operation{&kind, args} {
        ops = &no_ops;
        request = &operation;
    }
    [[nodiscard]] bool done() const noexcept { return operation.state == op_state::done; }
    [[nodiscard]] int result() const noexcept { return operation.result; }

    op_request operation;
};

// A backend and what it has handed over.
class rig {
public:
    explicit rig(const variant& v) : os(v.make()) {
        if (v.warm) poll_for(0);
    }

    // Polls once; at most `ns` long.
    void poll_for(std::int64_t ns) {
        ready_queue done;
        os->poll(ns == 0 ? 0 : os->now() + ns, done);
        while (ready_node* const node = done.pop()) handed_over.push_back(node);
    }
    // Until whatever can happen at once has happened.
    void settle() {
        for (int i = 0; i < 4; ++i) poll_for(0);
    }
    [[nodiscard]] bool has(const op_node& node) const {
        for (const ready_node* each : handed_over) {
            if (each == &node) return true;
        }
        return false;
    }
    // Polls until the node comes back; false after a time that a passing test never takes.
    bool wait_for(const op_node& node) {
        const std::int64_t limit = os->now() + 30 * one_s;
        while (!has(node) && os->now() < limit) poll_for(limit - os->now());
        return has(node);
    }
    int run(op_node& node) {
        handed_over.clear();  // another node may have been at its address
        os->submit(node);
        return wait_for(node) ? node.result() : -ETIME;
    }

    std::unique_ptr<backend> os;
    std::vector<ready_node*> handed_over;
};

inline void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

struct fd_pair {
    unique_fd a;
    unique_fd b;
};
inline fd_pair make_sockets(bool nonblocking = true) {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0, fds),
              0);
    return {unique_fd(fds[0]), unique_fd(fds[1])};
}
// `a` is the reading end.
inline fd_pair make_pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    return {unique_fd(fds[0]), unique_fd(fds[1])};
}
// Until nothing more goes in; how much went in. For sockets and pipes in either mode.
inline std::size_t fill(int fd) {
    const int before = ::fcntl(fd, F_GETFL);
    set_nonblocking(fd);
    static const std::string block(65536, 'f');
    std::size_t total = 0;
    for (std::size_t size = block.size(); size > 0;) {
        const auto written = ::write(fd, block.data(), size);
        if (written > 0) {
            total += static_cast<std::size_t>(written);
        } else {
            size /= 2;
        }
    }
    ::fcntl(fd, F_SETFL, before);
    return total;
}
// Everything that is there now.
inline std::string drain(int fd) {
    const int before = ::fcntl(fd, F_GETFL);
    set_nonblocking(fd);
    std::string all;
    char block[65536];
    for (;;) {
        const auto size = ::read(fd, block, sizeof block);
        if (size <= 0) break;
        all.append(block, static_cast<std::size_t>(size));
    }
    ::fcntl(fd, F_SETFL, before);
    return all;
}

}  // namespace os_tests
