// bide/examples: a UDP server and two clients in one program.
#include <bide/bide.hpp>

#include <iostream>
#include <string>

bide::coro<void> serve(bide::datagram_endpoint& server) {
    while (auto got = co_await server.next())  // empty once the server is closed
        co_await server.send_to("you said " + got->data, got->sender);
}

bide::coro<void> talk(std::string name, std::uint16_t port) {
    auto options = bide::datagram_options().remote("127.0.0.1", port);
    auto client = co_await bide::open_datagram_endpoint(options);
    for (const std::string word : {"hello", "goodbye"}) {
        co_await client.send(word + " from " + name);
        const auto answer = co_await client.recv();
        std::cout << name << ": " << answer.data << '\n';
    }
}

bide::coro<void> async_main() {
    auto server = co_await bide::open_datagram_endpoint(bide::datagram_options().local("127.0.0.1", 0));
    auto serving = bide::create_task(serve(server));
    co_await talk("ann", server.port());
    co_await talk("bob", server.port());
    server.close();
    co_await serving;
    std::cout << "the server has ended\n";
}

int main() { bide::run(async_main()); }
