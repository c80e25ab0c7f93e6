// bide/net: one method per operation on real sockets of this machine.
#include <bide/socket.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

namespace {

using namespace std::chrono_literals;
using bide::address;
using bide::address_family;
using bide::socket;
using bide::socket_type;
using bide_test::has;
using bide_test::outcome;
using bide_test::thrown;

socket listener_on(const address& where) {
    socket made(where.family());
    made.bind(where);
    made.listen();
    return made;
}
socket local_listener(address_family family = address_family::ipv4) {
    return listener_on(address::loopback(family, 0));
}
socket udp_on_free_port(address_family family = address_family::ipv4) {
    socket made(family, socket_type::datagram);
    made.bind(address::loopback(family, 0));
    return made;
}

BIDE_TEST(socket, connects_accepts_sends_and_receives) {
    // [stream]
    bide::socket listener(bide::address_family::ipv4);
    listener.bind(bide::address::loopback(bide::address_family::ipv4, 0));
    listener.listen();

    bide::socket client(bide::address_family::ipv4);
    co_await client.connect(listener.local_address());
    auto [connection, peer] = co_await listener.accept();
    EXPECT_EQ(peer, client.local_address());

    co_await client.sendall("hello");
    const std::string got = co_await connection.recv(100);
    EXPECT_EQ(got, "hello");
    client.close();
    const std::string end = co_await connection.recv(100);
    EXPECT_EQ(end, "");
    // [/stream]
    EXPECT_EQ(connection.local_address(), listener.local_address());
}

bide::coro<void> talk(const address& where) {
    const socket_type type = socket_type::stream;
    socket listener = listener_on(where);
    socket client(where.family(), type);
    auto accepting = bide::create_task(listener.accept());
    co_await client.connect(listener.local_address());
    auto accepted = co_await std::move(accepting);
    EXPECT_EQ(accepted.peer.family(), where.family());
    EXPECT_EQ(client.peer_address(), listener.local_address());
    EXPECT_EQ(accepted.connection.peer_address(), client.local_address());
    co_await client.sendall("hello");
    const std::string got = co_await accepted.connection.recv(3);
    EXPECT_EQ(got, "hel");
    const std::string rest = co_await accepted.connection.recv(100);
    EXPECT_EQ(rest, "lo");
    co_await accepted.connection.sendall("back");
    const std::string back = co_await client.recv(100);
    EXPECT_EQ(back, "back");
}

BIDE_TEST(socket, talks_over_ipv6) { co_await talk(address::loopback(address_family::ipv6, 0)); }
BIDE_TEST(socket, talks_over_a_unix_socket_in_the_file_system) {
    const bide_test::temp_folder folder;
    co_await talk(address::local(folder.file("a.sock")));
}
BIDE_TEST(socket, talks_over_an_abstract_unix_socket) {
    const bide_test::temp_folder folder;  // for a name that nobody else has
    co_await talk(address::local("@" + folder.path()));
}

BIDE_TEST(socket, connects_to_a_name) {
    socket listener = local_listener();
    socket client(address_family::ipv4);
    co_await client.connect("localhost", listener.local_address().port());
    EXPECT_EQ(client.peer_address(), listener.local_address());
}

BIDE_TEST(socket, receives_into_memory_of_the_caller) {
    auto [a, b] = bide::socketpair();
    std::array<std::byte, 4> room{};
    co_await a.sendall("hello");
    const std::size_t first = co_await b.recv_into(room);
    EXPECT_EQ(first, 4U);
    EXPECT_EQ(std::memcmp(room.data(), "hell", 4), 0);
    const std::size_t second = co_await b.recv_into(room);
    EXPECT_EQ(second, 1U);
    a.shutdown(bide::shutdown_how::write);
    const std::size_t end = co_await b.recv_into(room);
    EXPECT_EQ(end, 0U);
    co_await b.sendall("still");  // only one direction has ended
    const std::string got = co_await a.recv(100);
    EXPECT_EQ(got, "still");
}

BIDE_TEST(socket, pairs_of_every_type) {
    for (const socket_type type : {socket_type::stream, socket_type::datagram, socket_type::seqpacket}) {
        auto [a, b] = bide::socketpair(type);
        co_await a.sendall("one");
        co_await a.sendall("two");
        std::string got = co_await b.recv(100);
        if (type == socket_type::stream) {
            EXPECT_EQ(got, "onetwo");
        } else {
            EXPECT_EQ(got, "one");
            got = co_await b.recv(100);
            EXPECT_EQ(got, "two");
        }
        EXPECT_NE(::fcntl(a.fileno(), F_GETFD) & FD_CLOEXEC, 0);
        EXPECT_NE(::fcntl(b.fileno(), F_GETFL) & O_NONBLOCK, 0);
    }
}

BIDE_TEST(socket, datagrams_carry_their_sender_and_may_be_empty) {
    socket a = udp_on_free_port();
    socket b = udp_on_free_port();
    const std::size_t size = co_await a.sendto("ping", b.local_address());
    EXPECT_EQ(size, 4U);
    auto got = co_await b.recvfrom();
    EXPECT_EQ(got.data, "ping");
    EXPECT_EQ(got.sender, a.local_address());
    EXPECT_FALSE(got.truncated);
    co_await b.sendto("", a.local_address());
    got = co_await a.recvfrom();
    EXPECT_EQ(got.data, "");
    EXPECT_EQ(got.sender, b.local_address());
}

BIDE_TEST(socket, a_datagram_that_is_too_long_is_cut_and_says_so) {
    socket a = udp_on_free_port(address_family::ipv6);
    socket b = udp_on_free_port(address_family::ipv6);
    for (int i = 0; i < 2; ++i) co_await a.sendto("too long", b.local_address());
    const auto got = co_await b.recvfrom(3);
    EXPECT_EQ(got.data, "too");
    EXPECT_TRUE(got.truncated);
    std::array<std::byte, 5> room{};
    const auto into = co_await b.recvfrom_into(room);
    EXPECT_EQ(into.size, 5U);
    EXPECT_EQ(into.sender, a.local_address());
    EXPECT_TRUE(into.truncated);
    co_await a.sendto("fits", b.local_address());
    const auto whole = co_await b.recvfrom_into(room);
    EXPECT_EQ(whole.size, 4U);
    EXPECT_FALSE(whole.truncated);
}

BIDE_TEST(socket, sendall_is_slowed_down_by_a_slow_reader) {
    auto [a, b] = bide::socketpair();
    const std::string big(4 * 1024 * 1024, 'x');
    auto sending = bide::create_task(a.sendall(big));
    co_await bide::sleep(1s);
    EXPECT_FALSE(sending.done());
    std::size_t total = 0;
    while (total < big.size()) {
        const std::string piece = co_await b.recv(256 * 1024);
        total += piece.size();
    }
    co_await sending;
    EXPECT_EQ(total, big.size());
}

BIDE_TEST(socket, send_says_how_much_went) {
    auto [a, b] = bide::socketpair();
    const std::string big(4 * 1024 * 1024, 'x');
    const std::size_t some = co_await a.send(big);
    EXPECT_GT(some, 0U);
    EXPECT_LT(some, big.size());
}

// Signals interrupt the loop's sleep and its system calls.
BIDE_TEST_WITH(socket, signals_disturb_nothing, bide::testing::test_options().real_time()) {
    auto [a, b] = bide::socketpair();
    struct sigaction act{};
    struct sigaction before{};
    act.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &act, &before);
    const itimerval often{{0, 200}, {0, 200}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    const std::string big(2 * 1024 * 1024, 'x');
    auto sending = bide::create_task(a.sendall(big));
    std::size_t total = 0;
    while (total < big.size()) {
        const std::string piece = co_await b.recv(16 * 1024);
        total += piece.size();
        if (total < big.size() / 64) co_await bide::sleep(1ms);
    }
    co_await sending;
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
    EXPECT_EQ(total, big.size());
}

// --- errors ---

BIDE_TEST(socket, refused_connection_names_the_address) {
    socket probe(address_family::ipv4);
    probe.bind(address::loopback(address_family::ipv4, 0));
    const address nobody = probe.local_address();  // bound, but nobody listens
    socket client(address_family::ipv4);
    const auto done = co_await bide::as_result(client.connect(nobody));
    EXPECT_EQ(done.error(), std::errc::connection_refused);
    const std::string text = bide::describe_exception(done.exception());
    EXPECT_EQ(text, "connect " + nobody.to_string() + ": Connection refused");
    probe.listen();
    co_await client.connect(nobody);  // the socket can be used again
}

BIDE_TEST(socket, errors_of_bind_and_listen_name_the_address) {
    socket first = local_listener();
    const std::string used = first.local_address().to_string();
    socket second(address_family::ipv4);
    EXPECT_EQ(thrown<std::system_error>([&] {
                  second.bind(first.local_address());
                  return 0;
              }),
              "bind " + used + ": Address already in use");
    EXPECT_TRUE(has(thrown<std::system_error>([&] {
                        second.bind(address::parse("192.0.2.1:0"));
                        return 0;
                    }),
                    "bind 192.0.2.1:0: Cannot assign"));
    socket datagrams = udp_on_free_port();
    EXPECT_TRUE(has(thrown<std::system_error>([&] {
                        datagrams.listen();
                        return 0;
                    }),
                    "listen on " + datagrams.local_address().to_string(), "not supported"));
    co_return;
}

BIDE_TEST(socket, a_reset_connection_names_the_call_and_the_socket) {
    socket listener = local_listener();
    socket client(address_family::ipv4);
    co_await client.connect(listener.local_address());
    auto accepted = co_await listener.accept();
    const linger at_once{1, 0};
    EXPECT_EQ(::setsockopt(accepted.connection.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    accepted.connection.close();
    const auto got = co_await bide::as_result(client.recv(10));
    EXPECT_EQ(got.error(), std::errc::connection_reset);
    EXPECT_TRUE(has(bide::describe_exception(got.exception()),
                    "recv on " + client.local_address().to_string() + ": Connection reset"));
    const auto sent = co_await bide::as_result(client.sendall("x"));
    EXPECT_EQ(sent.error(), std::errc::broken_pipe);
    EXPECT_TRUE(has(bide::describe_exception(sent.exception()), "sendall on 127.0.0.1", "Broken pipe"));
}

BIDE_TEST(socket, a_datagram_to_nowhere_names_the_address) {
    socket a = udp_on_free_port();
    const std::string text = co_await outcome(a.sendto("x", address::local("@nobody")));
    EXPECT_TRUE(has(text, "sendto @nobody: "));
    const std::string big(70'000, 'x');
    const std::string too_long = co_await outcome(a.sendto(big, a.local_address()));
    EXPECT_EQ(too_long, "sendto " + a.local_address().to_string() + ": Message too long");
}

// Who connects to one and then to another must not talk to the first and believe that it is the second.
BIDE_TEST(socket, that_is_connected_cannot_be_connected_again) {
    const socket first = local_listener();
    const socket second = local_listener();
    socket client(address_family::ipv4);
    co_await client.connect(first.local_address());
    const auto again = co_await bide::as_result(client.connect(second.local_address()));
    EXPECT_FALSE(again) << "connected to " << client.peer_address().to_string();
    EXPECT_EQ(again.error(), std::errc::already_connected);
    const auto same = co_await bide::as_result(client.connect(first.local_address()));
    EXPECT_EQ(same.error(), std::errc::already_connected);
}

// A connection that could not be accepted for want of descriptors is there for the next accept.
BIDE_TEST(socket, accept_without_descriptors_fails_and_loses_no_connection) {
    socket listener = local_listener();
    socket client(address_family::ipv4);
    co_await client.connect(listener.local_address());
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next_free = ::dup(0);
    ::close(next_free);
    const rlimit none{static_cast<rlim_t>(next_free), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const auto failed = co_await bide::as_result(listener.accept());
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(failed.error(), std::errc::too_many_files_open);
    EXPECT_TRUE(has(bide::describe_exception(failed.exception()),
                    "accept on " + listener.local_address().to_string()));
    const auto accepted = co_await listener.accept();
    EXPECT_EQ(accepted.peer, client.local_address());
}

TEST(socket, is_of_a_family_and_a_type) {
    EXPECT_TRUE(has(thrown<std::invalid_argument>([] { return socket(address_family::unspecified); }),
                    "choose ipv4, ipv6 or local"));
    EXPECT_THROW(socket(address_family::ipv4, socket_type::seqpacket), std::system_error);
}

// --- life and settings ---

TEST(socket, adopts_sockets_only_and_puts_them_into_non_blocking_mode) {
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return socket::adopt(pipe[0]); }),
                    "adopt descriptor " + std::to_string(pipe[0])));
    EXPECT_NE(::fcntl(pipe[0], F_GETFD), -1);  // still the caller's
    ::close(pipe[0]);
    ::close(pipe[1]);
    EXPECT_THROW(socket::adopt(-1), std::system_error);

    const int raw = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socket adopted = socket::adopt(raw);
    EXPECT_EQ(adopted.fileno(), raw);
    EXPECT_NE(::fcntl(raw, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(adopted.release(), raw);
    EXPECT_EQ(adopted.fileno(), -1);
    EXPECT_EQ(adopted.release(), -1);
    EXPECT_NE(::fcntl(raw, F_GETFD), -1);
    ::close(raw);
}

TEST(socket, moves_and_closes_exactly_once) {
    socket a(address_family::ipv4);
    const int number = a.fileno();
    socket b(std::move(a));
    EXPECT_EQ(b.fileno(), number);
    EXPECT_EQ(a.fileno(), -1);  // NOLINT: what is left of it
    EXPECT_EQ(a.local_address(), address());
    EXPECT_EQ(a.release(), -1);
    a.close();
    socket c(address_family::ipv4);
    c = std::move(b);
    EXPECT_EQ(c.fileno(), number);
    c.close();
    c.close();
    EXPECT_EQ(c.fileno(), -1);
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
    EXPECT_EQ(c.local_address().family(), address_family::unspecified);
    EXPECT_EQ(c.peer_address().family(), address_family::unspecified);
}

TEST(socket, has_the_systems_options) {
    socket a(address_family::ipv6);
    a.set_no_delay(true);
    EXPECT_NE(a.getsockopt(IPPROTO_TCP, TCP_NODELAY), 0);
    a.set_no_delay(false);
    EXPECT_EQ(a.getsockopt(IPPROTO_TCP, TCP_NODELAY), 0);
    a.set_keep_alive(true);
    EXPECT_NE(a.getsockopt(SOL_SOCKET, SO_KEEPALIVE), 0);
    a.set_reuse_address(true);
    EXPECT_NE(a.getsockopt(SOL_SOCKET, SO_REUSEADDR), 0);
    a.set_reuse_port(true);
    EXPECT_NE(a.getsockopt(SOL_SOCKET, SO_REUSEPORT), 0);
    a.set_broadcast(true);
    EXPECT_NE(a.getsockopt(SOL_SOCKET, SO_BROADCAST), 0);
    a.set_v6_only(true);
    EXPECT_NE(a.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY), 0);
    a.setsockopt(SOL_SOCKET, SO_RCVBUF, 65536);
    EXPECT_GE(a.getsockopt(SOL_SOCKET, SO_RCVBUF), 65536);
    const auto refused = [&](auto change) {
        return thrown<std::system_error>([&] {
            change();
            return 0;
        });
    };
    EXPECT_TRUE(
        has(refused([&] { a.setsockopt(SOL_SOCKET, 9999, 7); }), "setsockopt 9999 to 7 on descriptor"));
    EXPECT_TRUE(
        has(refused([&] { static_cast<void>(a.getsockopt(SOL_SOCKET, 9999)); }), "getsockopt 9999 of"));
    socket b(address_family::local);
    EXPECT_TRUE(has(refused([&] { b.set_no_delay(true); }), "set TCP_NODELAY on descriptor"));
}

template <class F>
bide::coro<std::string> misuse(F make) {
    std::string text = "(nothing was thrown)";
    try {
        auto work = make();
        text = co_await outcome(std::move(work));
    } catch (const bide::invalid_state_error& e) { text = e.what(); }
    co_return text;
}

// Both after close() and after a move, every call says so with its name.
BIDE_TEST(socket, that_is_closed_refuses_every_call_by_name) {
    std::array<std::byte, 4> room{};
    const address to = address::parse("127.0.0.1:9");
    for (const bool moved : {false, true}) {
        socket s(address_family::ipv4);
        socket other(address_family::ipv4);
        if (moved) {
            other = std::move(s);
        } else {
            s.close();
        }
        const auto refused = [&](auto call) {
            return thrown<bide::invalid_state_error>([&] {
                call();
                return 0;
            });
        };
        EXPECT_EQ(refused([&] { s.bind(to); }), "bind: the socket is closed");
        EXPECT_EQ(refused([&] { s.listen(); }), "listen: the socket is closed");
        EXPECT_EQ(refused([&] { s.shutdown(bide::shutdown_how::both); }), "shutdown: the socket is closed");
        EXPECT_EQ(refused([&] { s.setsockopt(1, 2, 3); }), "setsockopt: the socket is closed");
        EXPECT_EQ(refused([&] { static_cast<void>(s.getsockopt(1, 2)); }),
                  "getsockopt: the socket is closed");
        EXPECT_EQ(refused([&] { s.set_no_delay(true); }), "TCP_NODELAY: the socket is closed");
        std::string text = co_await misuse([&] { return s.connect(to); });
        EXPECT_EQ(text, "connect: the socket is closed");
        text = co_await misuse([&] { return s.connect("localhost", 9); });
        EXPECT_EQ(text, "connect: the socket is closed");
        text = co_await misuse([&] { return s.accept(); });
        EXPECT_EQ(text, "accept: the socket is closed");
        text = co_await misuse([&] { return s.recv(4); });
        EXPECT_EQ(text, "recv: the socket is closed");
        text = co_await misuse([&] { return s.recv_into(room); });
        EXPECT_EQ(text, "recv_into: the socket is closed");
        text = co_await misuse([&] { return s.recvfrom(); });
        EXPECT_EQ(text, "recvfrom: the socket is closed");
        text = co_await misuse([&] { return s.recvfrom_into(room); });
        EXPECT_EQ(text, "recvfrom_into: the socket is closed");
        text = co_await misuse([&] { return s.send("x"); });
        EXPECT_EQ(text, "send: the socket is closed");
        text = co_await misuse([&] { return s.sendall("x"); });
        EXPECT_EQ(text, "sendall: the socket is closed");
        text = co_await misuse([&] { return s.sendto("x", to); });
        EXPECT_EQ(text, "sendto: the socket is closed");
        text = co_await misuse([&] { return s.sendto("x", address::local("@x")); });
        EXPECT_EQ(text, "sendto: the socket is closed");
        text = co_await misuse([&] { return s.sendfile(0); });
        EXPECT_EQ(text, "sendfile: the socket is closed");
    }
}

}  // namespace
