// bide/examples: says hello to an echo server: `echo_client [PORT]` over TCP, `echo_client PATH` over a unix socket.
#include <bide/bide.hpp>

#include <iostream>
#include <string>

bide::coro<bide::connection> connect(std::string where) {
    const bool is_path = where.find('/') != std::string::npos;
    if (is_path) co_return co_await bide::open_unix_connection(where);
    co_return co_await bide::open_connection("127.0.0.1", std::stoi(where));
}

bide::coro<void> async_main(std::string where) {
    auto [reader, writer] = co_await connect(where);

    const std::string message = "Hello World!\n";
    std::cout << "Send: " << message;
    writer.write(message);
    co_await writer.drain();

    const std::string answer = co_await reader.readline();
    std::cout << "Received: " << answer;

    writer.close();
    co_await writer.wait_closed();
}

int main(int argc, char** argv) {
    try {
        bide::run(async_main(argc > 1 ? argv[1] : "8888"));
    } catch (const std::exception& error) {
        std::cerr << "echo_client: " << error.what() << '\n';
        return 1;
    }
}
