// bide/net: datagrams to and from CPython's asyncio, over UDP and unix sockets.
#include <bide/datagram.hpp>

#include "support/async_test.hpp"
#include "support/peer_process.hpp"
#include "support/temp_folder.hpp"

namespace {

using bide::address;
using bide::datagram_endpoint;
using bide::datagram_options;
using bide_test::peer_process;
using bide_test::peer_script;

using words = std::vector<std::string>;

const auto real_time = bide::testing::test_options().real_time();

words python(const std::string& script) { return {"python3", peer_script(script)}; }

bide::coro<void> echo(datagram_endpoint& endpoint) {
    while (auto got = co_await endpoint.next()) co_await endpoint.send_to(got->data, got->sender);
}

// asyncio is the client and finds its own messages unchanged.
bide::coro<void> serve_asyncio(datagram_options options, words command) {
    auto endpoint = co_await bide::open_datagram_endpoint(std::move(options));
    if (endpoint.port() != 0) command.push_back(std::to_string(endpoint.port()));
    auto serving = bide::create_task(echo(endpoint));
    peer_process client(std::move(command));
    const std::string printed = co_await client.output();
    EXPECT_EQ(printed, "same 3\nsame 1\nsame 5\nsame 60000\n");
    endpoint.close();
    co_await serving;
}

// asyncio is the server.
bide::coro<void> ask_asyncio(words command, datagram_options options, std::string host) {
    peer_process server(std::move(command));
    const std::string port = co_await server.line_after("port ");
    if (!host.empty()) options.remote(host, static_cast<std::uint16_t>(std::stoi(port)));
    auto endpoint = co_await bide::open_datagram_endpoint(std::move(options));
    std::vector<std::string> said;
    said.push_back("hello");
    said.push_back("");
    said.push_back(std::string(50'000, 'x'));
    said.push_back("quit");
    for (const std::string& each : said) {
        co_await endpoint.send(each);
        const auto got = co_await endpoint.recv();
        EXPECT_EQ(got.data, "you said " + each);
        EXPECT_EQ(got.sender, *endpoint.remote_address());
    }
    const std::string printed = co_await server.output();
    EXPECT_TRUE(printed.ends_with("bye\n")) << printed;
}

BIDE_TEST_WITH(datagram_peers, asyncio_is_served_over_ipv4, real_time) {
    words command = python("datagram_client.py");
    command.push_back("127.0.0.1");
    co_await serve_asyncio(datagram_options().local("127.0.0.1", 0), command);
}

BIDE_TEST_WITH(datagram_peers, asyncio_is_served_over_ipv6, real_time) {
    words command = python("datagram_client.py");
    command.push_back("::1");
    co_await serve_asyncio(datagram_options().local("::1", 0), command);
}

BIDE_TEST_WITH(datagram_peers, asyncio_is_served_over_a_unix_socket, real_time) {
    const bide_test::temp_folder folder;
    words command = python("datagram_client.py");
    command.push_back(folder.file("bide"));
    command.push_back(folder.file("asyncio"));
    co_await serve_asyncio(datagram_options().local(address::local(folder.file("bide"))), command);
}

BIDE_TEST_WITH(datagram_peers, asyncio_answers_over_ipv4, real_time) {
    words command = python("datagram_server.py");
    command.push_back("127.0.0.1");
    co_await ask_asyncio(command, datagram_options(), "127.0.0.1");
}

BIDE_TEST_WITH(datagram_peers, asyncio_answers_over_ipv6, real_time) {
    words command = python("datagram_server.py");
    command.push_back("::1");
    co_await ask_asyncio(command, datagram_options(), "::1");
}

BIDE_TEST_WITH(datagram_peers, asyncio_answers_over_a_unix_socket, real_time) {
    const bide_test::temp_folder folder;
    words command = python("datagram_server.py");
    command.push_back(folder.file("asyncio"));
    auto options = datagram_options()
                       .local(address::local(folder.file("bide")))
                       .remote(address::local(folder.file("asyncio")));
    co_await ask_asyncio(command, options, "");
}

}  // namespace
