// bide/net: datagram endpoints: UDP over IPv4 and IPv6, unix datagrams, refusals, limits.
#include <bide/datagram.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace {

using namespace std::chrono_literals;
using bide::address;
using bide::address_family;
using bide::datagram_endpoint;
using bide::datagram_options;
using bide::open_datagram_endpoint;
using bide_test::has;
using bide_test::outcome;

datagram_options on_this_machine(address_family family = address_family::ipv4) {
    return datagram_options().local(address::loopback(family, 0));
}

// [echo]
bide::coro<void> echo(bide::datagram_endpoint& endpoint) {
    while (auto got = co_await endpoint.next()) co_await endpoint.send_to(got->data, got->sender);
}
// [/echo]

BIDE_TEST(datagram, a_server_and_a_client) {
    auto server = co_await open_datagram_endpoint(on_this_machine());
    auto serving = bide::create_task(echo(server));
    // [client]
    auto options = bide::datagram_options().remote("127.0.0.1", server.port());
    auto client = co_await bide::open_datagram_endpoint(options);
    co_await client.send("hello");
    const bide::datagram got = co_await client.recv();
    EXPECT_EQ(got.data, "hello");
    // [/client]
    EXPECT_EQ(got.sender, server.local_address());
    EXPECT_EQ(client.remote_address(), server.local_address());
    EXPECT_FALSE(server.remote_address());
    server.close();
    EXPECT_TRUE(server.is_closing());
    co_await serving;  // next() was empty
}

BIDE_TEST(datagram, over_ipv6) {
    auto server = co_await open_datagram_endpoint(on_this_machine(address_family::ipv6));
    EXPECT_EQ(server.local_address().host(), "::1");
    auto client = co_await open_datagram_endpoint(datagram_options().remote("::1", server.port()));
    co_await client.send("six");
    const auto got = co_await server.recv();
    EXPECT_EQ(got.data, "six");
    EXPECT_EQ(got.sender, client.local_address());
    EXPECT_EQ(got.sender.family(), address_family::ipv6);
}

BIDE_TEST(datagram, names_are_looked_up_and_the_families_of_both_sides_must_meet) {
    auto server = co_await open_datagram_endpoint(
        datagram_options().local("localhost", 0).family(address_family::ipv4));
    EXPECT_EQ(server.local_address().host(), "127.0.0.1");
    auto client = co_await open_datagram_endpoint(
        datagram_options().local("localhost", 0).remote("127.0.0.1", server.port()));
    EXPECT_EQ(client.local_address().family(), address_family::ipv4);
    co_await client.send("found");
    const auto got = co_await server.recv();
    EXPECT_EQ(got.data, "found");
    auto options = datagram_options().local("127.0.0.1", 0).remote("::1", 9);
    std::string text = co_await outcome(open_datagram_endpoint(options));
    EXPECT_EQ(text, "open_datagram_endpoint: local and remote are of different families");
    options = on_this_machine().family(address_family::ipv6);
    text = co_await outcome(open_datagram_endpoint(options));
    EXPECT_TRUE(has(text, "127.0.0.1:0 is of another family"));
}

BIDE_TEST(datagram, a_family_alone_makes_an_endpoint_that_sends_first) {
    auto server = co_await open_datagram_endpoint(on_this_machine());
    auto client = co_await open_datagram_endpoint(datagram_options().family(address_family::ipv4));
    EXPECT_EQ(client.port(), 0);
    co_await client.send_to("first", server.local_address());
    EXPECT_NE(client.port(), 0);
    const auto got = co_await server.recv();
    EXPECT_EQ(got.sender.port(), client.port());
    const std::string text = co_await outcome(open_datagram_endpoint(datagram_options()));
    EXPECT_TRUE(has(text, "open_datagram_endpoint: say where with local(), to whom with remote()"));
}

BIDE_TEST(datagram, datagrams_keep_their_borders_and_may_be_empty) {
    auto a = co_await open_datagram_endpoint(on_this_machine());
    auto b = co_await open_datagram_endpoint(datagram_options().remote(a.local_address()));
    co_await b.send("one");
    co_await b.send("");
    co_await b.send("two");
    for (const char* const expected : {"one", "", "two"}) {
        const auto got = co_await a.recv();
        EXPECT_EQ(got.data, expected);
        EXPECT_FALSE(got.truncated);
    }
}

BIDE_TEST(datagram, the_largest_arrives_whole_and_a_larger_one_is_refused) {
    auto a = co_await open_datagram_endpoint(on_this_machine());
    auto b = co_await open_datagram_endpoint(datagram_options().remote(a.local_address()));
    const std::string largest(65'507, 'x');
    co_await b.send(largest);
    const auto got = co_await a.recv();
    EXPECT_EQ(got.data.size(), largest.size());
    EXPECT_FALSE(got.truncated);
    const std::string larger(65'508, 'x');
    const auto refused = co_await bide::as_result(b.send(larger));
    EXPECT_EQ(refused.error(), std::errc::message_size);
}

BIDE_TEST(datagram, what_is_longer_than_max_size_is_cut) {
    auto a = co_await open_datagram_endpoint(on_this_machine().max_size(4));
    auto b = co_await open_datagram_endpoint(datagram_options().remote(a.local_address()));
    co_await b.send("abcdef");
    co_await b.send("abcd");
    auto got = co_await a.recv();
    EXPECT_EQ(got.data, "abcd");
    EXPECT_TRUE(got.truncated);
    got = co_await a.recv();
    EXPECT_EQ(got.data, "abcd");
    EXPECT_FALSE(got.truncated);
}

// The kernel learns by ICMP that nobody listens; the next operation is told.
BIDE_TEST(datagram, a_refusal_is_an_error_and_the_endpoint_goes_on) {
    auto gone = co_await open_datagram_endpoint(on_this_machine());
    const address there = gone.local_address();
    gone.close();
    auto client = co_await open_datagram_endpoint(datagram_options().remote(there));
    auto receiving = bide::create_task(client.recv());
    co_await bide::sleep(1s);
    co_await client.send("anybody?");
    const auto refused = co_await bide::as_result(receiving);
    EXPECT_EQ(refused.error(), std::errc::connection_refused);
    EXPECT_EQ(bide::describe_exception(refused.exception()),
              "recvfrom on " + client.local_address().to_string() + " from " + there.to_string() +
                  ": Connection refused");
    co_await client.send("anybody?");
    const auto send_refused = co_await bide::as_result(client.send("anybody?"));
    EXPECT_EQ(send_refused.error(), std::errc::connection_refused);
    co_await client.send("anybody?");
    const auto next_refused = co_await bide::as_result(client.next());  // it ends for a close only
    EXPECT_EQ(next_refused.error(), std::errc::connection_refused);

    auto back = co_await open_datagram_endpoint(datagram_options().local(there));
    co_await client.send("hello");
    const auto got = co_await back.recv();
    EXPECT_EQ(got.data, "hello");
}

BIDE_TEST(datagram, a_connected_endpoint_hears_its_remote_only) {
    auto remote = co_await open_datagram_endpoint(on_this_machine());
    auto stranger = co_await open_datagram_endpoint(on_this_machine());
    auto client = co_await open_datagram_endpoint(on_this_machine().remote(remote.local_address()));
    co_await stranger.send_to("from a stranger", client.local_address());
    co_await remote.send_to("from the remote", client.local_address());
    const auto got = co_await client.recv();
    EXPECT_EQ(got.data, "from the remote");
    const std::string wrong = bide_test::thrown<std::invalid_argument>(
        [&] { return client.send_to("x", stranger.local_address()); });
    EXPECT_EQ(wrong, "send_to " + stranger.local_address().to_string() + ": the remote of this endpoint is " +
                         remote.local_address().to_string());
    co_await client.send_to("x", remote.local_address());
    const std::string none = bide_test::thrown<bide::invalid_state_error>([&] { return remote.send("x"); });
    EXPECT_TRUE(has(none, "no remote", "send_to()"));
}

BIDE_TEST(datagram, broadcasts_where_that_is_allowed) {
    auto forbidden = co_await open_datagram_endpoint(datagram_options().family(address_family::ipv4));
    const address everybody = address::parse("127.255.255.255:9");
    const auto refused = co_await bide::as_result(forbidden.send_to("x", everybody));
    EXPECT_EQ(refused.error(), std::errc::permission_denied);
    EXPECT_TRUE(
        has(bide::describe_exception(refused.exception()), "sendto 127.255.255.255:9: Permission denied"));

    auto receiver = co_await open_datagram_endpoint(datagram_options().local("0.0.0.0", 0));
    auto sender = co_await open_datagram_endpoint(
        datagram_options().remote("127.255.255.255", receiver.port()).allow_broadcast());
    co_await sender.send("to all");
    const auto got = co_await receiver.recv();
    EXPECT_EQ(got.data, "to all");
    co_await receiver.send_to("answer", got.sender);  // from another address than the remote's
    const auto answer = co_await sender.recv();
    EXPECT_EQ(answer.data, "answer");
}

BIDE_TEST(datagram, several_endpoints_may_share_a_port) {
    auto first = co_await open_datagram_endpoint(on_this_machine().reuse_port());
    const std::string taken =
        co_await outcome(open_datagram_endpoint(datagram_options().local(first.local_address())));
    EXPECT_EQ(taken, "bind " + first.local_address().to_string() + ": Address already in use");
    auto second =
        co_await open_datagram_endpoint(datagram_options().local(first.local_address()).reuse_port());
    EXPECT_EQ(first.port(), second.port());
    auto one = bide::create_task(first.next());
    auto two = bide::create_task(second.next());
    std::vector<datagram_endpoint> clients;
    for (int i = 0; i < 64; ++i) {  // of so many senders each endpoint gets some
        clients.push_back(co_await open_datagram_endpoint(datagram_options().remote(first.local_address())));
        co_await clients.back().send("x");
    }
    co_await one;
    co_await two;
}

BIDE_TEST(datagram, unix_datagrams_over_paths_and_a_stale_socket_is_no_obstacle) {
    const bide_test::temp_folder folder;
    const address path = address::local(folder.file("a"));
    auto before = co_await open_datagram_endpoint(datagram_options().local(path));
    before.close();  // leaves its file behind
    auto a = co_await open_datagram_endpoint(datagram_options().local(path));
    auto b = co_await open_datagram_endpoint(
        datagram_options().local(address::local(folder.file("b"))).remote(path));
    co_await b.send("hello");
    auto got = co_await a.recv();
    EXPECT_EQ(got.data, "hello");
    EXPECT_EQ(got.sender.host(), folder.file("b"));
    co_await a.send_to("back", got.sender);
    got = co_await b.recv();
    EXPECT_EQ(got.data, "back");

    auto nameless = co_await open_datagram_endpoint(datagram_options().remote(path));
    co_await nameless.send("who?");
    got = co_await a.recv();
    EXPECT_EQ(got.sender.to_string(), "unspecified");  // cannot be answered
}

BIDE_TEST(datagram, leaves_the_path_to_who_receives_there) {
    const bide_test::temp_folder folder;
    const address path = address::local(folder.file("a"));
    const address elsewhere = address::local(folder.file("b"));
    auto a = co_await open_datagram_endpoint(datagram_options().local(path));
    std::string text = co_await outcome(open_datagram_endpoint(datagram_options().local(path)));
    EXPECT_TRUE(has(text, "bind " + path.host() + ": Address already in use")) << text;
    auto b = co_await open_datagram_endpoint(datagram_options().local(elsewhere).remote(path));
    co_await b.send("still there?");
    const auto got = co_await a.recv();
    EXPECT_EQ(got.data, "still there?");

    // It hears its remote only and refuses who asks, but it lives.
    text = co_await outcome(open_datagram_endpoint(datagram_options().local(elsewhere)));
    EXPECT_TRUE(has(text, "Address already in use")) << text;

    // So does a socket of another type.
    bide::socket stream(address_family::local, bide::socket_type::stream);
    const address third = address::local(folder.file("c"));
    stream.bind(third);
    stream.listen();
    text = co_await outcome(open_datagram_endpoint(datagram_options().local(third)));
    EXPECT_TRUE(has(text, "Address already in use")) << text;
}

BIDE_TEST(datagram, replaces_the_socket_of_a_server_that_is_gone_but_no_other_file) {
    const bide_test::temp_folder folder;
    const address path = address::local(folder.file("a"));
    {
        bide::socket stream(address_family::local, bide::socket_type::stream);
        stream.bind(path);
        stream.listen();
    }
    auto a = co_await open_datagram_endpoint(datagram_options().local(path));
    const address notes = address::local(folder.file("notes.txt"));
    std::ofstream(notes.host()) << "important";
    const std::string text = co_await outcome(open_datagram_endpoint(datagram_options().local(notes)));
    EXPECT_TRUE(has(text, "Address already in use")) << text;
    EXPECT_EQ(std::filesystem::file_size(notes.host()), 9U);
}

BIDE_TEST(datagram, a_fast_sender_waits_for_a_slow_receiver_on_a_unix_socket) {
    const address name = address::local("@bide-datagram-" + std::to_string(::getpid()));
    auto receiver = co_await open_datagram_endpoint(datagram_options().local(name));
    auto sender = co_await open_datagram_endpoint(datagram_options().remote(name));
    int sent = 0;
    auto send_all = [&]() -> bide::coro<void> {
        while (sent < 200) {
            co_await sender.send(std::to_string(sent));
            ++sent;
        }
    };
    auto sending = bide::create_task(send_all);
    co_await bide::sleep(1s);
    EXPECT_FALSE(sending.done());
    for (int i = 0; i < 200; ++i) {
        const auto got = co_await receiver.recv();
        EXPECT_EQ(got.data, std::to_string(i));
    }
    co_await sending;
}

// --- life ---

BIDE_TEST(datagram, closing_ends_a_receive_in_flight) {
    auto a = co_await open_datagram_endpoint(on_this_machine());
    auto receiving = bide::create_task(a.recv());
    auto looping = bide::create_task(a.next());
    co_await bide::sleep(1s);
    auto unborn = bide::create_task(a.next());
    a.close();
    const std::string text = co_await outcome(receiving);
    EXPECT_EQ(text, "recvfrom: the socket was closed: Operation canceled");
    const auto end = co_await looping;
    EXPECT_FALSE(end);
    const auto no_begin = co_await unborn;
    EXPECT_FALSE(no_begin);
    const auto later = co_await a.next();
    EXPECT_FALSE(later);
    const std::string closed = co_await outcome(a.recv());
    EXPECT_EQ(closed, "recvfrom: the socket is closed");
    const std::string send = co_await outcome(a.send_to("x", address::parse("127.0.0.1:9")));
    EXPECT_EQ(send, "sendto: the socket is closed");
    a.close();
}

BIDE_TEST(datagram, may_be_moved_and_destroyed_while_it_receives) {
    auto sender = co_await open_datagram_endpoint(datagram_options().family(address_family::ipv4));
    std::optional<datagram_endpoint> a(co_await open_datagram_endpoint(on_this_machine()));
    auto receiving = bide::create_task(a->recv());
    co_await bide::sleep(1s);
    std::optional<datagram_endpoint> b(std::move(*a));
    a.reset();
    co_await sender.send_to("still there", b->local_address());
    const auto got = co_await receiving;
    EXPECT_EQ(got.data, "still there");
    auto again = bide::create_task(b->next());
    co_await bide::sleep(1s);
    b.reset();
    const auto end = co_await again;
    EXPECT_FALSE(end);
}

BIDE_TEST(datagram, a_cancelled_receive_loses_no_datagram) {
    auto a = co_await open_datagram_endpoint(on_this_machine());
    auto b = co_await open_datagram_endpoint(datagram_options().remote(a.local_address()));
    for (int turns = 0; turns < 5; ++turns) {
        std::string got;
        auto body = [&]() -> bide::coro<void> {
            const auto one = co_await a.recv();
            got = one.data;
            co_await bide::sleep(1h);
        };
        auto receiving = bide::create_task(body);
        co_await bide::sleep(1s);
        co_await b.send("once");
        for (int i = 0; i < turns; ++i) co_await bide::sleep(0s);
        receiving.cancel();
        co_await bide::sleep(1s);
        EXPECT_TRUE(receiving.cancelled());
        if (got.empty()) {
            const auto left = co_await a.recv();
            got = left.data;
        }
        EXPECT_EQ(got, "once");
    }
}

BIDE_TEST(datagram, takes_a_socket_that_was_made_elsewhere) {
    auto pair = bide::socketpair(bide::socket_type::datagram);
    datagram_endpoint a(std::move(pair.first));
    datagram_endpoint b(std::move(pair.second), 3);
    co_await a.send("abcd");
    const auto got = co_await b.recv();
    EXPECT_EQ(got.data, "abc");
    EXPECT_TRUE(got.truncated);
    a.get_socket().setsockopt(SOL_SOCKET, SO_SNDBUF, 65536);
    const std::string text = bide_test::thrown<std::invalid_argument>(
        [] { return datagram_endpoint(bide::socket(address_family::ipv4)); });
    EXPECT_TRUE(has(text, "no datagram socket"));
}

bide::coro<void> converse() {
    auto server = co_await open_datagram_endpoint(on_this_machine());
    auto client = co_await open_datagram_endpoint(datagram_options().remote(server.local_address()));
    co_await client.send("ping");
    const auto got = co_await server.recv();
    co_await server.send_to("pong", got.sender);
    const auto back = co_await client.next();
    EXPECT_TRUE(back);
}

TEST(datagram, cancelling_at_every_point_leaks_nothing) {
    EXPECT_GT(bide::testing::cancel_everywhere(converse), 3U);
}
TEST(datagram, a_failure_of_any_operation_leaks_nothing) {
    EXPECT_EQ(bide::testing::fail_everywhere(converse, ENOBUFS), 6U);
}

}  // namespace
