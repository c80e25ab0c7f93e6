// bide/net: accept connections and give each to a protocol.
#pragma once

#include <bide/create_connection.hpp>
#include <bide/server.hpp>

#include <string>
#include <utility>

namespace bide {

namespace detail {

// The handler of a server: makes a protocol, connects it and leaves.
template <class F>
class protocol_server {
public:
    explicit protocol_server(F factory) : factory_(std::move(factory)) {}

    coro<void> operator()(stream_reader, stream_writer writer) {
        const std::shared_ptr<stream_protocol> made = factory_();
        co_await connect_protocol(writer.release(), made);
    }

private:
    F factory_;
};

template <class F>
handler_ref make_protocol_handler(F factory) {
    return make_client_handler(protocol_server<F>(std::move(factory)));
}

}  // namespace detail

/// Serves each connection to an address with a protocol of its own, which `factory` makes. The server is that of
/// start_server(): close_clients() closes the transports, wait_closed() waits for them.
/// Throws: as start_server(). What the factory throws is reported and that connection closed.
/// Python: loop.create_server.
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<server> create_server(F factory, address where, server_options options = {}) {
    return detail::start_server_at("create_server", detail::make_protocol_handler(std::move(factory)),
                                   std::vector<address>(1, where), std::move(options));
}
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<server> create_server(F factory, std::string host, int port, server_options options = {}) {
    return detail::start_server_on("create_server", detail::make_protocol_handler(std::move(factory)),
                                   std::move(host), port, std::move(options));
}

/// As create_server(), on a unix socket; see start_unix_server(). Python: loop.create_unix_server.
template <detail::stream_protocol_factory F>
[[nodiscard]] coro<server> create_unix_server(F factory, std::string path, server_options options = {}) {
    return detail::start_unix_server_at("create_unix_server",
                                        detail::make_protocol_handler(std::move(factory)), std::move(path),
                                        std::move(options));
}

}  // namespace bide
