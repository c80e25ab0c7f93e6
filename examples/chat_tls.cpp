// bide/examples: a chat server with TLS and a clean end: `chat_tls CERTIFICATE KEY [PORT]`, two PEM files.
// Then, as often as you like: `openssl s_client -quiet -connect 127.0.0.1:8443`.
#include "chat_room.hpp"

#include <csignal>
#include <iostream>
#include <memory>

using namespace std::chrono_literals;

// [main]
bide::coro<void> async_main(bide::tls_context identity, int port) {
    auto lobby = std::make_shared<room>();
    auto handler = [lobby](bide::stream_reader reader, bide::stream_writer writer) {
        return lobby->serve(std::move(reader), std::move(writer));
    };
    auto options = bide::server_options().tls(identity).limit(1000).connection_limit(1000);
    auto server = co_await bide::start_server(handler, "127.0.0.1", port, options);
    std::cout << "the room is open on port " << server.port() << std::endl;

    co_await bide::wait_for_signal(SIGINT, SIGTERM);
    server.close();  // nobody else comes in
    lobby->close();  // everybody hears it, and goes
    auto ended = co_await bide::as_result(bide::wait_for(server.wait_closed(), 10s));
    if (!ended) server.abort_clients();  // who has not gone by now
    co_await server.wait_closed();       // every handler has ended
    std::cout << "the room is closed\n";
}
// [/main]

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: chat_tls CERTIFICATE KEY [PORT]\n";
        return 2;
    }
    try {
        const auto identity = bide::tls_context::server(argv[1], argv[2]);
        bide::run(async_main(identity, argc > 3 ? std::stoi(argv[3]) : 8443));
    } catch (const std::exception& error) {
        std::cerr << "chat_tls: " << error.what() << '\n';
        return 1;
    }
}
