// bide/net: connections that are given to protocols.
#include <bide/create_connection.hpp>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/tls_certificates.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::free_port;
using bide_test::hall;
using bide_test::has;
using bide_test::make_recorder;
using bide_test::outcome;
using bide_test::recorder;
using events = recorder::events;

BIDE_TEST(create_connection, by_name_and_port_with_a_factory_that_gives_a_unique_ptr) {
    hall house;
    co_await house.open();
    auto factory = [] { return std::make_unique<recorder>(); };
    auto connecting = bide::create_connection(factory, "127.0.0.1", house.where().port());
    auto [over, client] = co_await std::move(connecting);
    EXPECT_EQ(client->calls, events{"made"});
    EXPECT_EQ(over.get_protocol(), client);
    over.close();
    co_await house.close();
}

BIDE_TEST(create_connection, over_a_socket_that_is_connected) {
    hall house;
    co_await house.open();
    bide::socket made(bide::address_family::ipv4);
    co_await made.connect(house.where());
    auto connecting = bide::create_connection(make_recorder, std::move(made));
    auto [over, client] = co_await std::move(connecting);
    auto guest = co_await house.first();
    over.write("hello");
    co_await guest->arrived.wait();
    EXPECT_EQ(guest->received, "hello");
    over.close();
    co_await house.close();
    bide::socket closed(bide::address_family::ipv4);
    closed.close();
    const std::string text = co_await outcome(bide::create_connection(make_recorder, std::move(closed)));
    EXPECT_TRUE(has(text, "Bad file descriptor"));
}

bide::socket datagrams() { return bide::socket(bide::address_family::ipv4, bide::socket_type::datagram); }
bide::coro<bide::socket> connected_datagrams() {
    bide::socket made = datagrams();
    co_await made.connect(bide::address::loopback(bide::address_family::ipv4, 9));
    co_return made;
}

BIDE_TEST(create_connection, errors_begin_with_the_name_of_the_call) {
    const auto secret = bide::connection_options().tls(bide_test::certificates::get().client());
    std::string text = co_await outcome(bide::create_connection(make_recorder, "127.0.0.1", 70000));
    EXPECT_EQ(text, "create_connection: 70000 is no port; they are 1 to 65535");
    text = co_await outcome(bide::create_connection(make_recorder, datagrams()));
    EXPECT_TRUE(has(text, "create_connection: socket")) << text;
    bide::socket made = co_await connected_datagrams();
    text = co_await outcome(bide::create_connection(make_recorder, std::move(made)));
    EXPECT_EQ(text, "create_connection: the socket is no stream socket");
    made = co_await connected_datagrams();
    text = co_await outcome(bide::connect_accepted_socket(make_recorder, std::move(made)));
    EXPECT_EQ(text, "connect_accepted_socket: the socket is no stream socket");
    made = co_await connected_datagrams();
    auto server = bide_test::certificates::get().server();
    text = co_await outcome(bide::connect_accepted_socket(make_recorder, std::move(made), server));
    EXPECT_EQ(text, "connect_accepted_socket: the socket is no stream socket");
    text = co_await outcome(bide::create_unix_connection(make_recorder, "/nowhere", secret));
    EXPECT_TRUE(has(text, "create_unix_connection: TLS needs server_hostname()")) << text;
    text = co_await outcome(bide::open_unix_connection("/nowhere", secret));
    EXPECT_TRUE(has(text, "open_unix_connection: TLS needs server_hostname()")) << text;
}

BIDE_TEST(create_connection, names_the_address_that_refuses) {
    bide::socket unused(bide::address_family::ipv4);
    unused.bind(free_port());
    const bide::address where = unused.local_address();
    bool made = false;
    auto factory = [&made] {
        made = true;
        return std::make_shared<recorder>();
    };
    const std::string text = co_await outcome(bide::create_connection(factory, where));
    EXPECT_TRUE(has(text, where.to_string()));
    EXPECT_FALSE(made);
}

BIDE_TEST(create_connection, closes_the_connection_when_the_factory_throws) {
    hall house;
    co_await house.open();
    auto factory = []() -> std::shared_ptr<recorder> { throw std::runtime_error("no protocol today"); };
    const std::string text = co_await outcome(bide::create_connection(factory, house.where()));
    EXPECT_EQ(text, "no protocol today");
    auto guest = co_await house.first();
    co_await guest->gone.wait();
    co_await house.close();
}

TEST(create_connection, cancelled_at_every_point_leaks_nothing) {
    bide::testing::cancel_everywhere(
        []() -> bide::coro<void> {
            hall house;
            co_await house.open();
            auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
            over.write("hello");
            auto guest = co_await house.first();
            co_await guest->arrived.wait();
            over.close();
            co_await client->gone.wait();
            co_await house.close();
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
}

TEST(create_connection, a_failure_of_any_operation_ends_it_and_leaks_nothing) {
    bide::testing::fail_everywhere(
        []() -> bide::coro<void> {
            hall house;
            co_await house.open();
            auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
            over.write("hello");
            over.write_eof();
            co_await client->gone.wait();
            EXPECT_EQ(client->calls.front(), "made");
            EXPECT_TRUE(client->calls.back().starts_with("lost"));
            house.server->close();
            house.server->abort_clients();
            co_await house.close();
        },
        ECONNRESET, [](std::uint64_t) {}, bide::testing::test_options().allow_tasks().allow_reports());
}

}  // namespace
