// bide/net: connect, and give the connection to a protocol.
#pragma once

#include <bide/connection.hpp>
#include <bide/coro.hpp>
#include <bide/protocol.hpp>
#include <bide/socket.hpp>
#include <bide/start_tls.hpp>
#include <bide/tls.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

// What a factory gives: std::shared_ptr or std::unique_ptr of a protocol.
template <class F>
using factory_result = std::invoke_result_t<std::decay_t<F>&>;

template <class F>
using made_protocol = typename factory_result<F>::element_type;

template <class F, class Base>
concept protocol_factory = std::is_invocable_v<std::decay_t<F>&> && requires { typename made_protocol<F>; } &&
                           std::derived_from<made_protocol<F>, Base> &&
                           std::convertible_to<factory_result<F>, std::shared_ptr<made_protocol<F>>>;

template <class F>
concept stream_protocol_factory = protocol_factory<F, stream_protocol>;

// Ends when connection_made() has been called.
coro<transport> connect_protocol(stream_ref stream, std::shared_ptr<stream_protocol> protocol);

coro<connection> encrypt_accepted(socket accepted, tls_context context, start_tls_options options);

template <class F>
using connected = std::pair<transport, std::shared_ptr<made_protocol<F>>>;

template <class F>
coro<connected<F>> introduce(F factory, stream_ref stream) {
    std::shared_ptr<made_protocol<F>> made = factory();
    transport over = co_await connect_protocol(std::move(stream), made);
    co_return connected<F>(std::move(over), std::move(made));
}

template <class F>
coro<connected<F>> introduce_opened(F factory, coro<connection> opening) {
    connection opened = co_await std::move(opening);
    auto introducing = introduce(std::move(factory), opened.writer.release());
    co_return co_await std::move(introducing);
}

}  // namespace detail

/// Connects as open_connection() does and gives the connection to the protocol that `factory` makes: a callable that
/// returns a std::shared_ptr or std::unique_ptr to it, called once the connection stands (and its TLS handshake is done).
/// Returns: the transport and the protocol, after connection_made() was called.
/// Throws: as open_connection(), and what the factory throws; then the connection is closed.
/// Cancellation: everything that was made is closed. Python: loop.create_connection.
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<detail::connected<F>> create_connection(F factory, std::string host, int port,
                                                           connection_options options = {}) {
    return detail::introduce_opened(
        std::move(factory), detail::open_for("create_connection", std::move(host), port, std::move(options)));
}
/// To an address.
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<detail::connected<F>> create_connection(F factory, address to,
                                                           connection_options options = {}) {
    return detail::introduce_opened(std::move(factory),
                                    detail::open_for("create_connection", to, std::move(options)));
}
/// Over a stream socket that is connected; of the options, those of TLS count.
/// Python: create_connection(sock=...).
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<detail::connected<F>> create_connection(F factory, socket connected_socket,
                                                           connection_options options = {}) {
    return detail::introduce_opened(
        std::move(factory),
        detail::open_for("create_connection", std::move(connected_socket), std::move(options)));
}

/// To a unix socket: a path, or an abstract name that begins with '@'. Python: loop.create_unix_connection.
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<detail::connected<F>> create_unix_connection(F factory, std::string path,
                                                                connection_options options = {}) {
    return detail::introduce_opened(
        std::move(factory),
        detail::open_unix_for("create_unix_connection", std::move(path), std::move(options)));
}

/// Over a socket that was accepted elsewhere; with a context, encrypted.
/// Python: loop.connect_accepted_socket.
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<detail::connected<F>> connect_accepted_socket(F factory, socket accepted) {
    return detail::introduce_opened(std::move(factory),
                                    detail::open_for("connect_accepted_socket", std::move(accepted), {}));
}
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<detail::connected<F>>
connect_accepted_socket(F factory, socket accepted, tls_context context, start_tls_options options = {}) {
    return detail::introduce_opened(
        std::move(factory),
        detail::encrypt_accepted(std::move(accepted), std::move(context), std::move(options)));
}

/// Encrypts the connection of a transport; both ends must switch at the same point. Which end this is, the context says.
/// Reading stops before the switch, and what has arrived by then is taken for ciphertext. The protocol goes on under the
/// new transport; connection_made() is not called again. Options and failures are those of start_tls() for streams.
/// Returns: the transport to use from now on; the old one refuses to write.
/// Throws: std::system_error (tls_category, or the connection's own) when the handshake fails: the connection is closed
/// then, and the protocol told; invalid_state_error when the connection is closed; std::invalid_argument for a client
/// without server_hostname(), and nothing has happened. Cancellation: closes the connection. Python: loop.start_tls.
[[nodiscard]] coro<transport> start_tls(transport plain, tls_context context, start_tls_options options = {});

}  // namespace bide
