// bide/tests: two ends of a connection in one loop, plain or encrypted.
#pragma once

#include <bide/bide.hpp>
#include <bide/start_tls.hpp>
#include <bide/stream.hpp>

#include <sys/socket.h>

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "net/socket_stream.hpp"
#include "support/tls_certificates.hpp"

namespace bide_test {

struct connection_ends {
    connection_ends(bide::connection a, bide::connection b) : client(std::move(a)), server(std::move(b)) {}
    bide::connection client;
    bide::connection server;
};

inline bide::connection connection_over(int fd) {
    const bide::detail::stream_ref stream(
        bide::detail::make_socket_stream(bide::get_running_loop().state(), fd, true));
    return {bide::stream_reader(stream, bide::default_stream_limit), bide::stream_writer(stream)};
}

// `client_fd`: becomes the descriptor of the client, which does not know that it is known.
inline connection_ends plain_ends(int* client_fd = nullptr) {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    if (client_fd != nullptr) *client_fd = fds[0];
    return {connection_over(fds[0]), connection_over(fds[1])};
}

inline bide::start_tls_options to_localhost() {
    return bide::start_tls_options().server_hostname("localhost");
}

inline bide::coro<connection_ends> encrypted(connection_ends plain, bide::tls_context client,
                                             bide::tls_context server) {
    auto one = bide::start_tls(std::move(plain.client), std::move(client), to_localhost());
    auto other = bide::start_tls(std::move(plain.server), std::move(server));
    auto both = co_await bide::gather(std::move(one), std::move(other));
    co_return connection_ends(std::move(std::get<0>(both)), std::move(std::get<1>(both)));
}

inline bide::coro<connection_ends> tls_ends() {
    auto made = encrypted(plain_ends(), certificates::get().client(), certificates::get().server());
    co_return co_await std::move(made);
}

inline bide::coro<std::string> line_of(bide::stream_reader reader) {
    std::string line = co_await reader.readline();
    co_return line;
}
inline bide::coro<std::string> all_of(bide::stream_reader reader) {
    std::string all = co_await reader.read();
    co_return all;
}

/// The text of what it fails with; the code of a std::system_error goes to `code`.
template <class A>
bide::coro<std::string> failure_of(A what, std::error_code* code = nullptr) {
    std::string text = "no failure";
    try {
        if constexpr (std::is_void_v<bide::await_result_t<A>>) {
            co_await std::move(what);
        } else {
            static_cast<void>(co_await std::move(what));
        }
    } catch (const std::system_error& error) {
        text = error.what();
        if (code != nullptr) *code = error.code();
    } catch (const std::exception& error) { text = error.what(); }
    co_return text;
}

}  // namespace bide_test
