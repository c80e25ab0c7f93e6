// bide/examples: a server and its client in one program.
#include <bide/bide.hpp>

#include <iostream>
#include <string>

bide::coro<void> handle(bide::stream_reader reader, bide::stream_writer writer) {
    const std::string request = co_await reader.readuntil("\r\n\r\n");
    std::cout << "server received: " << request.substr(0, request.find('\r')) << '\n';
    writer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    co_await writer.drain();
}

bide::coro<void> client(int port) {
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", port);
    writer.write("GET / HTTP/1.1\r\n\r\n");
    co_await writer.drain();
    const std::string response = co_await reader.read(1024);
    std::cout << "client received:\n" << response << '\n';
}

bide::coro<void> async_main() {
    auto server = co_await bide::start_server(handle, "127.0.0.1", 0);  // port 0: any that is free
    co_await bide::with_server(server, [&] { return client(server.port()); });
}

int main() { bide::run(async_main()); }
