// bide/net: servers whose connections go to protocols.
#include <bide/create_server.hpp>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/tls_certificates.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::hall;
using bide_test::has;
using bide_test::make_recorder;
using bide_test::outcome;
using bide_test::recorder;
using events = recorder::events;

BIDE_TEST(create_server, errors_begin_with_the_name_of_the_call) {
    const auto wrong = bide::server_options().tls(bide_test::certificates::get().client());
    std::string text = co_await outcome(bide::create_server(make_recorder, "127.0.0.1", 70000));
    EXPECT_EQ(text, "create_server: 70000 is no port; they are 0 (any) to 65535");
    text = co_await outcome(bide::create_server(make_recorder, bide::address()));
    EXPECT_EQ(text, "create_server: the address is unspecified; give an IP address or a path");
    text = co_await outcome(bide::create_unix_server(make_recorder, "@none", wrong));
    EXPECT_EQ(text, "create_unix_server: TLS needs a context made by tls_context::server()");
    const auto serve = [](bide::stream_reader, bide::stream_writer) -> bide::coro<void> { co_return; };
    text = co_await outcome(bide::start_unix_server(serve, "@none", wrong));
    EXPECT_EQ(text, "start_unix_server: TLS needs a context made by tls_context::server()");
    text = co_await outcome(bide::start_server(serve, bide::address()));
    EXPECT_EQ(text, "start_server: the address is unspecified; give an IP address or a path");
}

BIDE_TEST(create_server, makes_a_protocol_for_each_connection) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto [over2, client2] = co_await bide::create_connection(make_recorder, house.where());
    over.write("first");
    over2.write("second");
    while (house.guests.size() < 2) co_await bide::sleep(0s);
    co_await house.guests[0]->arrived.wait();
    co_await house.guests[1]->arrived.wait();
    EXPECT_EQ(house.guests[0]->received, "first");
    EXPECT_EQ(house.guests[1]->received, "second");
    over.close();
    over2.close();
    co_await house.close();
}

BIDE_TEST(section17, s76_close_leaves_transports_alive_and_wait_closed_waits_for_them) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    house.server->close();
    auto closing = bide::create_task(house.server->wait_closed());
    co_await bide::sleep(1s);
    EXPECT_FALSE(closing.done());
    EXPECT_FALSE(guest->over.is_closing());
    over.write("still here");
    co_await guest->arrived.wait();
    house.server->close_clients();
    co_await closing;
    EXPECT_EQ(guest->calls.back(), "lost");  // it has been told by now
    co_await client->gone.wait();
}

BIDE_TEST(create_server, a_factory_that_throws_is_reported_and_that_connection_closed) {
    const bide_test::report_log log(bide::get_running_loop());
    auto factory = []() -> std::shared_ptr<recorder> { throw std::runtime_error("no protocol today"); };
    auto serving = bide::create_server(factory, bide_test::free_port());
    const bide::server server = co_await std::move(serving);
    auto [over, client] = co_await bide::create_connection(make_recorder, server.sockets().front());
    co_await client->gone.wait();
    EXPECT_TRUE(has(log.text(), "no protocol today"));
    server.close();
    co_await server.wait_closed();
}

BIDE_TEST(create_server, over_unix_sockets) {
    const std::string name =
        "@bide-transport-" + std::to_string(reinterpret_cast<std::uintptr_t>(&make_recorder));
    std::shared_ptr<recorder> guest;
    auto factory = [&guest] { return guest = std::make_shared<recorder>(); };
    auto serving = bide::create_unix_server(factory, name);
    const bide::server server = co_await std::move(serving);
    auto connecting = bide::create_unix_connection(make_recorder, name);
    auto [over, client] = co_await std::move(connecting);
    over.write("hello");
    while (!guest) co_await bide::sleep(0s);
    co_await guest->arrived.wait();
    EXPECT_EQ(guest->received, "hello");
    server.close();
    server.abort_clients();
    co_await server.wait_closed();
    co_await client->gone.wait();
}

}  // namespace
