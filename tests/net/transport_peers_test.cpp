// bide/net: transports and protocols with those of Python's asyncio at the other end.
#include <bide/create_connection.hpp>
#include <bide/create_server.hpp>
#include <bide/datagram_transport.hpp>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/peer_process.hpp"

namespace {

using bide_test::hall;
using bide_test::peer_process;
using bide_test::recorder;
using words = std::vector<std::string>;

#define PEER_TEST(name) BIDE_TEST_WITH(transport_peers, name, bide::testing::test_options().real_time())

words python(const std::string& mode, const std::string& port = {}) {
    words command{"python3", bide_test::peer_script("asyncio_echo.py"), mode};
    if (!port.empty()) command.push_back(port);
    return command;
}

class echo : public recorder {
public:
    void data_received(std::string_view data) override {
        received += data;
        over.write(data);
    }
};

PEER_TEST(a_client_of_asyncio_hears_what_it_expects) {
    hall<echo> house;
    co_await house.open();
    peer_process client(python("client", std::to_string(house.where().port())));
    const std::string told = co_await client.output();
    EXPECT_EQ(told, "made\necho of 3\necho of 300000\necho of 4\neof\nlost None\n");
    auto guest = co_await house.first();
    co_await guest->gone.wait();
    const recorder::events all{"made", "eof", "lost"};
    EXPECT_EQ(guest->calls, all);
    EXPECT_EQ(guest->received.size(), 300007U);
    co_await house.close();
}

PEER_TEST(a_server_of_asyncio_hears_what_it_expects) {
    peer_process server(python("server"));
    const std::string port = co_await server.line_after("port ");
    auto factory = [] { return std::make_shared<recorder>(); };
    auto connecting = bide::create_connection(factory, "127.0.0.1", std::stoi(port));
    auto [over, client] = co_await std::move(connecting);
    const std::string much(1000000, 'x');
    over.write(much);
    over.write_eof();
    co_await client->gone.wait();
    EXPECT_TRUE(client->received == much);
    EXPECT_EQ(client->calls.back(), "lost");
    const std::string told = co_await server.output();
    EXPECT_EQ(told, "port " + port + "\nmade\neof\nechoed 1000000\nlost None\n");
}

class datagram_echo : public bide::datagram_protocol {
public:
    void connection_made(bide::datagram_transport endpoint) override { over = endpoint; }
    void datagram_received(std::string_view data, const bide::address& from) override {
        over.sendto(data, from);
    }
    bide::datagram_transport over;
};

PEER_TEST(datagrams_of_asyncio_come_back) {
    const auto options = bide::datagram_endpoint_options().local_address(bide_test::free_port());
    auto factory = [] { return std::make_shared<datagram_echo>(); };
    auto [over, protocol] = co_await bide::create_datagram_endpoint(factory, options);
    peer_process client(python("datagrams", std::to_string(over.local_address().port())));
    const std::string told = co_await client.output();
    EXPECT_EQ(told, "echo one\necho two\necho three\n");
    over.close();
}

}  // namespace
