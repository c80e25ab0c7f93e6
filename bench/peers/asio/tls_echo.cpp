// bide/bench: a TLS echo server on standalone Asio, one io_context on one thread: `asio_tls_echo PORT CERTIFICATE KEY`.
#include "server.hpp"

#include <asio/ssl.hpp>

#include <memory>

namespace {

constexpr std::size_t buffer_size = 16 * 1024;  // a record; a read returns no more

awaitable<void> serve(tcp_socket socket, asio::ssl::context& context) {
    socket.set_option(tcp::no_delay(true));
    asio::ssl::stream<tcp_socket> stream(std::move(socket), context);
    const auto [unsafe] = co_await stream.async_handshake(asio::ssl::stream_base::server, no_throw);
    if (unsafe) co_return;
    const auto buffer = std::make_unique_for_overwrite<char[]>(buffer_size);
    for (;;) {
        const auto [error, size] =
            co_await stream.async_read_some(asio::buffer(buffer.get(), buffer_size), no_throw);
        if (error) break;
        const auto [failure, sent] =
            co_await asio::async_write(stream, asio::buffer(buffer.get(), size), no_throw);
        if (failure) break;
    }
    const auto [rude] = co_await stream.async_shutdown(no_throw);
    static_cast<void>(rude);
}

awaitable<void> listen(acceptor& door, asio::ssl::context& context) {
    for (;;) {
        tcp_socket socket = co_await door.async_accept(use_awaitable);
        asio::co_spawn(door.get_executor(), serve(std::move(socket), context), asio::detached);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: %s PORT CERTIFICATE KEY\n", argv[0]);
        return 2;
    }
    asio::ssl::context context(asio::ssl::context::tls_server);
    context.use_certificate_chain_file(argv[2]);
    context.use_private_key_file(argv[3], asio::ssl::context::pem);
    serve_port(argv[1], [&](acceptor& door) {
        asio::co_spawn(door.get_executor(), listen(door, context), asio::detached);
    });
}
