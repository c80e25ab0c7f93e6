// bide/tests: what tests of servers and clients share: addresses, handlers, ends, folders.
#pragma once

#include <bide/bide.hpp>
#include <bide/connection.hpp>
#include <bide/server.hpp>
#include <bide/socket.hpp>

#include <sys/socket.h>

#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace bide_test {

/// A free port of this machine, chosen by the kernel.
inline bide::address loopback(int last = 1, int port = 0) {
    return bide::address::ip("127.0.0." + std::to_string(last), static_cast<std::uint16_t>(port));
}

inline bide::coro<void> echo(bide::stream_reader reader, bide::stream_writer writer) {
    std::string piece;
    for (;;) {
        piece = co_await reader.read(64 * 1024);
        if (piece.empty()) break;
        writer.write(piece);
        co_await writer.drain();
    }
}

/// A handler that stays until its peer goes.
inline bide::coro<void> stay(bide::stream_reader reader, bide::stream_writer) {
    const std::string all = co_await reader.read();
}

inline bide::coro<bide::connection> connect(const bide::server& to) {
    return bide::open_connection(to.sockets().front());
}

inline bide::coro<std::string> ask(bide::connection& peer, std::string text) {
    std::string answer;
    peer.writer.write(text);
    co_await peer.writer.drain();
    answer = co_await peer.reader.readexactly(text.size());
    co_return answer;
}

inline bide::coro<void> stop(bide::server what) {
    what.close();
    co_await what.wait_closed();
}

/// Waits for the end of a task, however it ends.
template <class T>
bide::coro<void> ended(bide::task<T> what) {
    std::vector<bide::task<T>> one;
    one.push_back(std::move(what));
    auto waiting = bide::wait(std::move(one));
    static_cast<void>(co_await std::move(waiting));
}

/// The text of what `what` fails with; the code of a std::system_error goes to `code`.
template <class A>
bide::coro<std::string> failure(A what, std::error_code* code = nullptr) {
    std::string text = "no failure";
    const auto outcome = co_await bide::as_result(std::move(what));
    if (outcome) co_return text;
    text = bide::describe_exception(outcome.exception());
    if (code != nullptr) *code = outcome.error();
    co_return text;
}

/// An address that answers to nobody: somebody listens there, but his queue is full, and he never looks.
class silent_address {
public:
    explicit silent_address(int last = 1) : listener_(bide::address_family::ipv4) {
        listener_.bind(loopback(last));
        listener_.listen(0);
        for (bide::socket* const each : {&guest_, &other_guest_}) {
            const bide::address to = where();
            ::connect(each->fileno(), static_cast<const sockaddr*>(to.native()),
                      static_cast<socklen_t>(to.native_size()));
        }
    }
    [[nodiscard]] bide::address where() const { return listener_.local_address(); }

private:
    bide::socket listener_;
    bide::socket guest_{bide::address_family::ipv4};
    bide::socket other_guest_{bide::address_family::ipv4};
};

}  // namespace bide_test
