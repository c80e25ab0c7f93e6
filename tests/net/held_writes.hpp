// bide/tests: connections on which a ring may hold what is written until the turn ends.
#pragma once

#include <bide/bide.hpp>
#include <bide/connection.hpp>
#include <bide/socket.hpp>

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <utility>

namespace bide_test {

using namespace std::chrono_literals;

// What has come by now.
inline std::string arrived_at(const bide::socket& end) {
    std::string all;
    char some[65536];
    for (;;) {
        const ssize_t count = ::recv(end.fileno(), some, sizeof some, MSG_DONTWAIT);
        if (count <= 0) return all;
        all.append(some, static_cast<std::size_t>(count));
    }
}
inline bool has_ended(const bide::socket& end) {
    char byte = 0;
    return ::recv(end.fileno(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}
// All that the kernel has room for; how much that was.
inline std::size_t fill(int fd) {
    const std::string block(4096, 'f');
    std::size_t total = 0;
    for (;;) {
        const ssize_t count = ::send(fd, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count <= 0) return total;
        total += static_cast<std::size_t>(count);
    }
}

// A connection, and the socket at its other end.
struct line {
    bide::connection near;
    bide::socket far;
    int fd = -1;  // that of `near`, which does not know that it is known

    [[nodiscard]] std::string arrived() const { return arrived_at(far); }
    [[nodiscard]] bool ended() const { return has_ended(far); }
    // Reads until the end.
    [[nodiscard]] bide::coro<std::string> rest() {
        std::string all;
        for (;;) {
            const std::string piece = co_await far.recv(65536);
            if (piece.empty()) co_return all;
            all += piece;
        }
    }
};

inline bide::coro<line> connected() {
    auto [ours, theirs] = bide::socketpair();
    const int fd = ours.fileno();
    auto opening = bide::open_connection(std::move(ours));
    bide::connection near = co_await std::move(opening);
    co_await bide::sleep(
        1ms);  // a ring holds nothing before the loop has looked at the system for the first time
    co_return line{std::move(near), std::move(theirs), fd};
}

// In one turn, with others before and behind; the shuffled queue may make it the last all the same.
template <class F>
bide::coro<void> in_company(F fn) {
    auto& loop = bide::get_running_loop();
    for (int i = 0; i < 4; ++i) loop.call_soon([] {});
    loop.call_soon([&fn] { fn(); });
    for (int i = 0; i < 16; ++i) loop.call_soon([] {});
    co_await bide::sleep(0s);
    co_await bide::sleep(0s);
}

}  // namespace bide_test
