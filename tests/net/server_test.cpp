// bide/net: servers: their sockets, their handlers, their end.
#include <bide/server.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/servers.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;
using bide::stream_reader;
using bide::stream_writer;

BIDE_TEST(server, each_connection_has_a_handler_of_its_own) {
    auto server = co_await bide::start_server(echo, loopback());
    EXPECT_TRUE(server.is_serving());
    EXPECT_EQ(&server.get_loop(), &bide::get_running_loop());
    auto one = co_await connect(server);
    auto other = co_await bide::open_connection("127.0.0.1", server.port());
    const std::string first = co_await ask(one, "one");
    const std::string second = co_await ask(other, "other");
    EXPECT_EQ(first, "one");
    EXPECT_EQ(second, "other");
    EXPECT_EQ(server.connections(), 2U);
    one.writer.close();
    other.writer.close();
    co_await stop(server);
    EXPECT_EQ(server.connections(), 0U);
}

BIDE_TEST(server, knows_its_addresses_until_it_is_closed) {
    auto server = co_await bide::start_server(echo, loopback());
    EXPECT_EQ(server.sockets().size(), 1U);
    EXPECT_EQ(server.sockets().front().host(), "127.0.0.1");
    EXPECT_EQ(server.sockets().front().port(), server.port());
    EXPECT_NE(server.port(), 0);
    server.close();
    server.close();
    EXPECT_TRUE(server.sockets().empty());
    EXPECT_EQ(server.port(), 0);
    EXPECT_FALSE(server.is_serving());
    co_await server.wait_closed();
}

BIDE_TEST(section17, s76_close_leaves_connections_alive_and_wait_closed_waits_for_them) {
    auto server = co_await bide::start_server(echo, loopback());
    auto peer = co_await connect(server);
    const std::string before = co_await ask(peer, "before");
    const bide::address where = server.sockets().front();
    server.close();
    auto closing = bide::create_task(server.wait_closed());
    co_await bide::sleep(1h);
    EXPECT_FALSE(closing.done());
    const std::string after = co_await ask(peer, "after");
    EXPECT_EQ(after, "after");
    std::error_code refused;
    co_await failure(bide::open_connection(where), &refused);
    EXPECT_EQ(refused, std::errc::connection_refused);
    peer.writer.close();
    co_await closing;
}

BIDE_TEST(section17, s77_close_cancels_serve_forever) {
    auto server = co_await bide::start_server(echo, loopback());
    auto serving = bide::create_task(server.serve_forever());
    co_await bide::sleep(1s);
    EXPECT_FALSE(serving.done());
    server.close();
    co_await ended(serving);
    EXPECT_TRUE(serving.cancelled());
}

BIDE_TEST(section17, s78_a_handler_that_returns_does_not_close_what_it_gave_away) {
    std::vector<stream_writer> kept;
    auto server = co_await bide::start_server(
        [&](stream_reader, stream_writer writer) -> bide::coro<void> {
            kept.push_back(std::move(writer));
            co_return;
        },
        loopback());
    auto peer = co_await connect(server);
    while (kept.empty()) co_await bide::sleep(0s);
    co_await bide::sleep(1s);
    kept.front().write("still here");
    const std::string text = co_await peer.reader.readexactly(10);
    EXPECT_EQ(text, "still here");
    kept.clear();
    const std::string end = co_await peer.reader.read();
    EXPECT_EQ(end, "");
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(section17, s81_port_0_on_several_addresses_and_one_port_for_both_families) {
    auto server = co_await bide::start_server(echo, "", 0);
    const auto all = server.sockets();
    EXPECT_EQ(all.size(), 2U);
    EXPECT_EQ(all.front().port(), all.back().port());  // asyncio takes two
    EXPECT_EQ(all.front().host(), "0.0.0.0");
    EXPECT_EQ(all.back().host(), "::");
    auto four = co_await bide::open_connection("127.0.0.1", server.port());
    auto six = co_await bide::open_connection("::1", server.port());
    const std::string one = co_await ask(four, "four");
    const std::string other = co_await ask(six, "six");
    EXPECT_EQ(one + other, "foursix");
    four.writer.close();
    six.writer.close();
    co_await stop(server);
}

BIDE_TEST(server, another_port_where_that_of_the_first_address_is_taken) {
    std::vector<bide::address> twice(2, loopback());
    auto server = co_await bide::start_server(echo, twice);
    EXPECT_EQ(server.sockets().size(), 2U);
    EXPECT_NE(server.sockets().front().port(), server.sockets().back().port());
    co_await stop(server);
}

BIDE_TEST(server, begins_to_accept_when_it_is_told) {
    auto server = co_await bide::start_server(echo, loopback(), bide::server_options().start_serving(false));
    EXPECT_FALSE(server.is_serving());
    auto peer = co_await connect(server);  // the kernel lets it in
    auto asking = bide::create_task(ask(peer, "hello"));
    co_await bide::sleep(1s);
    EXPECT_EQ(server.connections(), 0U);
    server.start_serving();
    server.start_serving();
    const std::string answer = co_await asking;
    EXPECT_EQ(answer, "hello");
    peer.writer.close();
    co_await stop(server);
    EXPECT_EQ(thrown<bide::invalid_state_error>([&] { server.start_serving(); }),
              "start_serving: the server is closed");
}

BIDE_TEST(server, serve_forever_begins_to_accept_and_is_for_one_task) {
    auto server = co_await bide::start_server(echo, loopback(), bide::server_options().start_serving(false));
    auto serving = bide::create_task(server.serve_forever());
    auto peer = co_await connect(server);
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    const std::string second = co_await failure(server.serve_forever());
    EXPECT_EQ(second, "serve_forever: another task serves already");
    serving.cancel();
    co_await bide::sleep(1s);
    EXPECT_FALSE(serving.done());  // it waits for the connection
    EXPECT_TRUE(server.sockets().empty());
    peer.writer.close();
    co_await ended(serving);
    EXPECT_TRUE(serving.cancelled());
    const std::string third = co_await failure(server.serve_forever());
    EXPECT_EQ(third, "serve_forever: the server is closed");
}

BIDE_TEST(server, close_clients_sends_what_was_written_and_handlers_see_the_end) {
    bool begun = false;
    bool ended = false;
    auto server = co_await bide::start_server(
        [&](stream_reader reader, stream_writer writer) -> bide::coro<void> {
            writer.write("good bye");
            begun = true;
            const std::string all = co_await reader.read();
            ended = true;
        },
        loopback());
    auto peer = co_await connect(server);
    while (!begun) co_await bide::sleep(0s);
    server.close();
    server.close_clients();
    const std::string text = co_await peer.reader.read();
    EXPECT_EQ(text, "good bye");
    co_await server.wait_closed();
    EXPECT_TRUE(ended);
}

BIDE_TEST(server, abort_clients_drops_what_was_not_sent) {
    auto server = co_await bide::start_server(
        [](stream_reader, stream_writer writer) -> bide::coro<void> {
            writer.write(std::string(64 * 1024 * 1024, 'x'));
            co_await bide::sleep(1h);
        },
        loopback());
    auto peer = co_await connect(server);
    const std::string first = co_await peer.reader.readexactly(1);
    server.close();
    server.abort_clients();
    const std::string rest = co_await peer.reader.read();
    EXPECT_LT(rest.size(), 64U * 1024 * 1024 - 1);
    EXPECT_EQ(server.connections(), 0U);
    co_await server.wait_closed();
}

BIDE_TEST(server, wait_closed_waits_for_handlers_too) {
    bool cleaned_up = false;
    auto server = co_await bide::start_server(
        [&](stream_reader reader, stream_writer writer) -> bide::coro<void> {
            const std::string all = co_await reader.read();
            writer.close();
            co_await bide::sleep(1h);
            cleaned_up = true;
        },
        loopback());
    auto peer = co_await connect(server);
    while (server.connections() == 0) co_await bide::sleep(0s);
    peer.writer.close();
    co_await stop(server);
    EXPECT_TRUE(cleaned_up);
}

BIDE_TEST(server, wait_closed_can_be_cancelled_and_has_any_number_of_callers) {
    auto server = co_await bide::start_server(stay, loopback());
    auto one = bide::create_task(server.wait_closed());
    auto other = bide::create_task(server.wait_closed());
    co_await bide::sleep(1s);
    one.cancel();
    co_await bide::sleep(1s);
    EXPECT_TRUE(one.cancelled());
    EXPECT_FALSE(other.done());
    server.close();
    co_await other;
}

BIDE_TEST(server, a_scope_closes_it_and_waits) {
    auto server = co_await bide::start_server(echo, loopback());
    std::string answer;
    // [with_server]
    const int length = co_await bide::with_server(server, [&]() -> bide::coro<int> {
        auto peer = co_await bide::open_connection("127.0.0.1", server.port());
        answer = co_await ask(peer, "hello");
        co_return 5;
    });
    // the server listens no more, and every handler has ended
    // [/with_server]
    EXPECT_EQ(length, 5);
    EXPECT_EQ(answer, "hello");
    EXPECT_TRUE(server.sockets().empty());
    EXPECT_EQ(server.connections(), 0U);
}

BIDE_TEST(server, a_scope_lets_failures_and_cancellations_through_when_it_has_waited) {
    auto server = co_await bide::start_server(stay, loopback());
    auto peer = co_await connect(server);
    while (server.connections() == 0) co_await bide::sleep(0s);
    auto scope =
        bide::create_task(bide::with_server(server, []() -> bide::coro<void> { co_await bide::sleep(1h); }));
    co_await bide::sleep(1s);
    scope.cancel();
    co_await bide::sleep(1s);
    EXPECT_FALSE(scope.done());
    EXPECT_TRUE(server.sockets().empty());
    peer.writer.close();
    co_await ended(scope);
    EXPECT_TRUE(scope.cancelled());
    const std::string text = co_await failure(bide::with_server(server, []() -> bide::coro<void> {
        throw std::runtime_error("the body failed");
        co_return;
    }));
    EXPECT_EQ(text, "the body failed");
}

BIDE_TEST(server, a_scope_that_is_cancelled_while_it_waits_aborts_its_connections) {
    auto server = co_await bide::start_server(stay, loopback());
    auto peer = co_await connect(server);
    while (server.connections() == 0) co_await bide::sleep(0s);
    auto scope = bide::create_task(bide::with_server(server, []() -> bide::coro<void> { co_return; }));
    co_await bide::sleep(1s);
    EXPECT_FALSE(scope.done());
    scope.cancel();
    co_await ended(scope);
    EXPECT_TRUE(scope.cancelled());
    EXPECT_EQ(server.connections(), 0U);
    peer.writer.close();
}

BIDE_TEST(server, a_handler_that_throws_is_reported_and_loses_its_connection) {
    report_log reports(bide::get_running_loop());
    auto server = co_await bide::start_server(
        [](stream_reader, stream_writer writer) -> bide::coro<void> {
            writer.write("one moment");
            throw std::runtime_error("no service today");
            co_return;
        },
        loopback());
    auto peer = co_await connect(server);
    const std::string all = co_await peer.reader.read();
    EXPECT_EQ(all, "one moment");  // what was written before is sent
    EXPECT_EQ(reports.size(), 1U);
    EXPECT_TRUE(has(reports.text(), "Unhandled exception in the handler of a connection", "no service today"))
        << reports.text();
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(server, a_handler_may_be_a_plain_function) {
    std::vector<bide::connection> guests;
    auto server = co_await bide::start_server(
        [&](stream_reader reader, stream_writer writer) {
            guests.emplace_back(std::move(reader), std::move(writer));
        },
        loopback());
    auto peer = co_await connect(server);
    while (guests.empty()) co_await bide::sleep(0s);
    guests.front().writer.write("welcome");
    guests.clear();
    const std::string text = co_await peer.reader.read();
    EXPECT_EQ(text, "welcome");
    peer.writer.close();
    co_await stop(server);
}

// A handler object that says when it goes.
class counting_room {
public:
    explicit counting_room(int& alive) : alive_(&alive) { ++*alive_; }
    counting_room(counting_room&& other) noexcept : alive_(std::exchange(other.alive_, nullptr)) {}
    ~counting_room() {
        if (alive_ != nullptr) --*alive_;
    }
    bide::coro<void> operator()(stream_reader reader, stream_writer) {
        const std::string all = co_await reader.read();
        ++visitors_;  // the object is still there
    }

private:
    int* alive_;
    int visitors_ = 0;
};

BIDE_TEST(server, the_handler_object_lives_as_long_as_its_connections) {
    int alive = 0;
    std::optional<bide::server> server = co_await bide::start_server(counting_room(alive), loopback());
    auto peer = co_await connect(*server);
    while (server->connections() == 0) co_await bide::sleep(0s);
    server.reset();  // nobody holds the server any more: it does not listen, but the connection goes on
    co_await bide::sleep(1s);
    EXPECT_EQ(alive, 1);
    peer.writer.close();
    co_await bide::sleep(1s);
    EXPECT_EQ(alive, 0);
}

BIDE_TEST(server, connections_beyond_the_limit_wait_until_one_ends) {
    auto server = co_await bide::start_server(echo, loopback(), bide::server_options().connection_limit(2));
    auto one = co_await connect(server);
    auto two = co_await connect(server);
    const std::string first = co_await ask(one, "one");
    const std::string second = co_await ask(two, "two");
    auto three = co_await connect(server);
    auto asking = bide::create_task(ask(three, "three"));
    co_await bide::sleep(1h);
    EXPECT_EQ(server.connections(), 2U);
    EXPECT_FALSE(asking.done());
    one.writer.close();
    const std::string third = co_await asking;
    EXPECT_EQ(third, "three");
    two.writer.close();
    three.writer.close();
    co_await stop(server);
}

BIDE_TEST(server, sockets_have_no_delay_and_probe_when_asked) {
    int descriptor = -1;
    auto server = co_await bide::start_server(
        [&](stream_reader reader, stream_writer writer) -> bide::coro<void> {
            descriptor = std::stoi(writer.get_extra_info("socket"));
            const std::string all = co_await reader.read();
        },
        loopback(), bide::server_options().keep_alive(true));
    auto peer = co_await connect(server);
    while (descriptor < 0) co_await bide::sleep(0s);
    const auto option = [](int fd, int level, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        ::getsockopt(fd, level, name, &value, &size);
        return value;
    };
    EXPECT_EQ(option(descriptor, IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(descriptor, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(std::stoi(peer.writer.get_extra_info("socket")), IPPROTO_TCP, TCP_NODELAY), 1);
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(server, several_share_a_port_when_asked) {
    const auto shared = bide::server_options().reuse_port(true);
    auto one = co_await bide::start_server(echo, loopback(), shared);
    auto other = co_await bide::start_server(echo, one.sockets().front(), shared);
    EXPECT_EQ(one.port(), other.port());
    co_await stop(one);
    co_await stop(other);
}

BIDE_TEST(server, a_port_in_use_is_named) {
    auto server = co_await bide::start_server(echo, loopback());
    std::error_code code;
    const std::string text = co_await failure(bide::start_server(echo, server.sockets().front()), &code);
    EXPECT_EQ(code, std::errc::address_in_use);
    EXPECT_TRUE(has(text, "bind 127.0.0.1:" + std::to_string(server.port()) + ": ")) << text;
    // of several addresses, one that fails makes all go
    std::vector<bide::address> both(1, loopback());
    both.push_back(server.sockets().front());
    co_await failure(bide::start_server(echo, both), &code);
    EXPECT_EQ(code, std::errc::address_in_use);
    co_await stop(server);
}

BIDE_TEST(server, an_address_of_another_machine_is_skipped_unless_it_is_the_only_one) {
    const auto elsewhere = bide::address::ip("192.0.2.1", 0);
    std::error_code code;
    const std::string text = co_await failure(bide::start_server(echo, elsewhere), &code);
    EXPECT_EQ(code, std::errc::address_not_available);
    EXPECT_TRUE(has(text, "bind 192.0.2.1:0")) << text;
    std::vector<bide::address> both(1, elsewhere);
    both.push_back(loopback());
    auto server = co_await bide::start_server(echo, both);
    EXPECT_EQ(server.sockets().size(), 1U);
    co_await stop(server);
}

BIDE_TEST(server, what_cannot_be_listened_on_is_said) {
    std::error_code code;
    const std::string port = co_await failure(bide::start_server(echo, "127.0.0.1", 70000), &code);
    EXPECT_EQ(port, "start_server: 70000 is no port; they are 0 (any) to 65535");
    EXPECT_EQ(code, std::errc::invalid_argument);
    co_await failure(bide::start_server(echo, bide::address()), &code);
    EXPECT_EQ(code, std::errc::invalid_argument);
    co_await failure(bide::start_server(echo, std::vector<bide::address>()), &code);
    EXPECT_EQ(code, std::errc::invalid_argument);
}

BIDE_TEST(server, serves_on_a_socket_that_is_bound_already) {
    bide::socket bound(bide::address_family::ipv4);
    bound.bind(loopback());
    auto server = co_await bide::start_server(echo, std::move(bound));
    auto peer = co_await connect(server);
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    peer.writer.close();
    co_await stop(server);

    bide::socket datagrams(bide::address_family::ipv4, bide::socket_type::datagram);
    const std::string text = co_await failure(bide::start_server(echo, std::move(datagrams)));
    EXPECT_EQ(text, "start_server: the socket is no stream socket");
}

BIDE_TEST(server, dropping_the_last_handle_stops_it_but_not_its_connections) {
    std::optional<bide::server> server = co_await bide::start_server(echo, loopback());
    const bide::address where = server->sockets().front();
    auto peer = co_await connect(*server);
    const std::string before = co_await ask(peer, "before");
    server.reset();
    const std::string after = co_await ask(peer, "after");
    EXPECT_EQ(after, "after");
    std::error_code code;
    co_await failure(bide::open_connection(where), &code);
    EXPECT_EQ(code, std::errc::connection_refused);
    peer.writer.close();
    co_await bide::sleep(1s);
}

TEST(server, may_outlive_its_loop) {
    std::vector<bide::server> kept;
    const auto serve = [&]() -> bide::coro<void> {
        const auto waiting = bide::server_options().start_serving(false);
        auto one = co_await bide::start_server(stay, loopback());
        auto other = co_await bide::start_server(stay, loopback(), waiting);
        auto peer = co_await connect(one);
        while (one.connections() == 0) co_await bide::sleep(0s);
        kept.push_back(std::move(one));
        kept.push_back(std::move(other));
    };
    bide::run(serve());
    EXPECT_TRUE(kept.front().sockets().empty());  // closed with the loop
    kept.clear();
}

}  // namespace
