// bide/tests: connections on which a ring may hold what is written until the turn ends.
#pragma once

#include <bide/bide.hpp>
#include <bide/connection.hpp>
#include <bide/socket.hpp>

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <utility>

#include "os/backend_support.hpp"

namespace bide_test {

using namespace std::chrono_literals;

using os_tests::drain;
using os_tests::fill;

inline bool has_ended(const bide::socket& end) {
    char byte = 0;
    return ::recv(end.fileno(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// A connection, and the socket at its other end.
struct line {
    bide::connection near;
    bide::socket far;
    int fd = -1;  // that of `near`, which does not know that it is known

    // What has come by now.
    [[nodiscard]] std::string arrived() const { return drain(far.fileno()); }
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
    // A ring holds nothing before the loop has looked at the system for the first time.
    co_await bide::sleep(1ms);
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
