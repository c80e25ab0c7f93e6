// bide/examples: an echo server: `echo_server [PORT]` over TCP, `echo_server PATH` over a unix socket.
#include <bide/bide.hpp>

#include <csignal>
#include <iostream>
#include <string>

bide::coro<void> echo(bide::stream_reader reader, bide::stream_writer writer) {
    while (auto line = co_await reader.next_line()) {
        writer.write(*line);
        co_await writer.drain();
    }
}

bide::coro<bide::server> start(std::string where) {
    const bool is_path = where.find('/') != std::string::npos;
    if (is_path) co_return co_await bide::start_unix_server(echo, where);
    co_return co_await bide::start_server(echo, "127.0.0.1", std::stoi(where));
}

bide::coro<void> async_main(std::string where) {
    auto server = co_await start(where);
    for (const auto& address : server.sockets())
        std::cout << "listening on " << address.to_string() << std::endl;

    auto stop = [server] {
        server.close();          // no new connections
        server.close_clients();  // the open ones come to their end
    };
    bide::get_running_loop().add_signal_handler(SIGINT, stop);
    co_await server.wait_closed();
    std::cout << "stopped\n";
}

int main(int argc, char** argv) {
    try {
        bide::run(async_main(argc > 1 ? argv[1] : "8888"));
    } catch (const std::exception& error) {
        std::cerr << "echo_server: " << error.what() << '\n';
        return 1;
    }
}
