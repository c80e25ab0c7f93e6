// bide/net: sockets that are closed, moved, cancelled, shared and used by several loops while operations are in flight.
#include <bide/socket.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <thread>

#include "os/sockets.hpp"

namespace {

using namespace std::chrono_literals;
using bide::address;
using bide::address_family;
using bide::socket;
using bide::socket_type;
using bide_test::has;
using bide_test::outcome;

socket udp_on_free_port() {
    socket made(address_family::ipv4, socket_type::datagram);
    made.bind(address::loopback(address_family::ipv4, 0));
    return made;
}
socket local_listener() {
    socket made(address_family::ipv4);
    made.bind(address::loopback(address_family::ipv4, 0));
    made.listen();
    return made;
}

// --- cancellation ---

BIDE_TEST(socket_life, a_cancelled_receive_ends_and_the_next_one_gets_the_bytes) {
    auto [a, b] = bide::socketpair();
    auto waiting = bide::create_task(a.recv(100));
    co_await bide::sleep(1s);
    waiting.cancel();
    const std::string end = co_await outcome(waiting);
    EXPECT_EQ(end, "cancelled");
    co_await b.sendall("kept");
    const std::string got = co_await a.recv(100);
    EXPECT_EQ(got, "kept");
}

BIDE_TEST(section17, s25_a_cancelled_receive_takes_only_itself_off_the_socket) {
    auto [a, b] = bide::socketpair();
    auto first = bide::create_task(a.recv(100));
    auto second = bide::create_task(a.recv(100));
    co_await bide::sleep(1s);
    first.cancel();
    co_await bide::sleep(1s);
    EXPECT_TRUE(first.cancelled());
    co_await b.sendall("for the second");
    const std::string got = co_await second;
    EXPECT_EQ(got, "for the second");
}

// Whenever the cancellation comes, the bytes are received by this receive or by the next one.
BIDE_TEST(socket_life, no_bytes_are_lost_to_a_cancellation_at_any_moment) {
    bool received = false;
    bool left = false;
    for (int turns = 0; turns < 6; ++turns) {
        auto [a, b] = bide::socketpair();
        std::string got;
        auto body = [&from = a, &got]() -> bide::coro<void> {
            got = co_await from.recv(100);
            co_await bide::sleep(1h);
        };
        auto waiting = bide::create_task(body);
        co_await bide::sleep(1s);
        EXPECT_EQ(::send(b.fileno(), "once", 4, 0), 4);
        for (int i = 0; i < turns; ++i) co_await bide::sleep(0s);
        waiting.cancel();
        co_await bide::sleep(1s);
        EXPECT_TRUE(waiting.cancelled());
        if (!got.empty()) received = true;
        if (got.empty()) {
            left = true;
            got = co_await a.recv(100);
        }
        EXPECT_EQ(got, "once");
    }
    EXPECT_TRUE(received);
    EXPECT_TRUE(left);
}

BIDE_TEST(socket_life, a_timeout_leaves_the_socket_usable) {
    socket listener = local_listener();
    const std::string late = co_await outcome(bide::wait_for(listener.accept(), 1s));
    EXPECT_EQ(late, "timeout");
    socket client(address_family::ipv4);
    co_await client.connect(listener.local_address());
    const auto accepted = co_await bide::wait_for(listener.accept(), 1s);
    EXPECT_EQ(accepted.peer, client.local_address());
}

// The attempt goes on in the kernel, and connecting again waits for it.
BIDE_TEST(socket_life, connecting_again_after_a_timeout_waits_for_the_same_attempt) {
    socket listener = local_listener();
    os_tests::drop_everything(listener.fileno());
    socket client(address_family::ipv4);
    const std::string late = co_await outcome(bide::wait_for(client.connect(listener.local_address()), 1s));
    EXPECT_EQ(late, "timeout");
    const std::string still = co_await outcome(bide::wait_for(client.connect(listener.local_address()), 1s));
    EXPECT_EQ(still, "timeout");
    auto again = bide::create_task(client.connect(listener.local_address()));
    co_await bide::sleep(1s);
    const address here = listener.local_address();
    listener.close();
    socket other(address_family::ipv4);  // meets the attempt half way, which takes no second
    other.set_reuse_address(true);
    other.bind(here);
    co_await other.connect(client.local_address());
    co_await again;
    EXPECT_EQ(client.peer_address(), here);
}

// --- closing ---

template <class F>
bide::coro<void> expect_closed(socket& s, F make, const char* expected) {
    const std::string wanted = expected;
    auto waiting = bide::create_task(make());
    co_await bide::sleep(1s);
    EXPECT_FALSE(waiting.done()) << wanted;
    s.close();
    const auto ended = co_await bide::as_result(waiting);
    EXPECT_EQ(ended.error(), std::errc::operation_canceled) << wanted;
    const std::string text = bide::describe_exception(ended.exception());
    EXPECT_EQ(text, wanted + ": Operation canceled");
    EXPECT_FALSE(waiting.cancelled());  // nobody cancelled the task
}

BIDE_TEST(socket_life, closing_it_ends_what_is_in_flight_with_an_error_that_says_so) {
    std::array<std::byte, 4> room{};
    const std::string big(4 * 1024 * 1024, 'x');
    {
        auto [a, b] = bide::socketpair();
        co_await expect_closed(a, [&s = a] { return s.recv(9); }, "recv: the socket was closed");
    }
    {
        auto [a, b] = bide::socketpair();
        co_await expect_closed(
            a, [&s = a, &room] { return s.recv_into(room); }, "recv_into: the socket was closed");
    }
    {
        auto [a, b] = bide::socketpair();
        co_await expect_closed(
            a, [&s = a, &big] { return s.sendall(big); }, "sendall: the socket was closed");
    }
    socket a = udp_on_free_port();
    co_await expect_closed(a, [&] { return a.recvfrom(); }, "recvfrom: the socket was closed");
    socket b = udp_on_free_port();
    co_await expect_closed(b, [&] { return b.recvfrom_into(room); }, "recvfrom_into: the socket was closed");
    socket c = local_listener();
    co_await expect_closed(c, [&] { return c.accept(); }, "accept: the socket was closed");
    socket silent = local_listener();
    os_tests::drop_everything(silent.fileno());
    const address there = silent.local_address();
    socket d(address_family::ipv4);
    const std::string text = "connect " + there.to_string() + ": the socket was closed";
    co_await expect_closed(d, [&] { return d.connect(there); }, text.c_str());
}

BIDE_TEST(socket_life, the_socket_may_be_destroyed_or_moved_while_an_operation_waits) {
    auto pair = bide::socketpair();
    auto moved = bide::create_task(pair.first.recv(9));
    co_await bide::sleep(1s);
    socket elsewhere = std::move(pair.first);
    co_await pair.second.sendall("found");
    const std::string got = co_await moved;
    EXPECT_EQ(got, "found");

    std::optional<socket> mortal(std::move(elsewhere));
    auto left = bide::create_task(mortal->recv(9));
    co_await bide::sleep(1s);
    mortal.reset();
    const std::string text = co_await outcome(left);
    EXPECT_TRUE(has(text, "recv: the socket was closed"));
    EXPECT_TRUE(has(co_await outcome(pair.second.recv(9)), ""));  // the other end sees the end
}

// By the time it begins, its number is another file's.
BIDE_TEST(socket_life, an_operation_that_begins_after_the_close_does_not_touch_the_next_file_of_that_number) {
    auto pair = bide::socketpair();
    const int number = pair.first.fileno();
    auto late = bide::create_task(pair.first.sendall("for nobody"));
    pair.first.close();
    auto other = bide::socketpair();
    EXPECT_EQ(other.first.fileno(), number);
    const std::string text = co_await outcome(late);
    EXPECT_EQ(text, "sendall: the socket is closed");
    char byte = 0;
    EXPECT_EQ(::recv(other.second.fileno(), &byte, 1, MSG_DONTWAIT), -1);
}

BIDE_TEST(socket_life, closing_it_ends_waits_for_its_descriptor_too) {
    auto pair = bide::socketpair();
    auto wait = [&]() -> bide::coro<void> { co_await bide::wait_readable(pair.first.fileno()); };
    auto waiting = bide::create_task(wait);
    co_await bide::sleep(1s);
    pair.first.close();
    const auto ended = co_await bide::as_result(waiting);
    EXPECT_EQ(ended.error(), std::errc::operation_canceled);
}

// --- several at once ---

BIDE_TEST(socket_life, of_two_that_receive_each_gets_other_datagrams) {
    socket a = udp_on_free_port();
    socket b = udp_on_free_port();
    auto first = bide::create_task(a.recvfrom());
    auto second = bide::create_task(a.recvfrom());
    co_await bide::sleep(1s);
    co_await b.sendto("one", a.local_address());
    co_await b.sendto("two", a.local_address());
    const auto x = co_await first;
    const auto y = co_await second;
    EXPECT_TRUE((x.data == "one" && y.data == "two") || (x.data == "two" && y.data == "one"));
}

BIDE_TEST(socket_life, one_task_receives_while_another_sends) {
    auto [a, b] = bide::socketpair();
    const std::string big(1024 * 1024, 'x');
    auto receiving = bide::create_task(a.recv(9));
    auto sending = bide::create_task(a.sendall(big));
    co_await bide::sleep(1s);
    EXPECT_FALSE(receiving.done());
    EXPECT_FALSE(sending.done());
    co_await b.sendall("hello");
    const std::string got = co_await receiving;
    EXPECT_EQ(got, "hello");
    EXPECT_FALSE(sending.done());
    std::size_t total = 0;
    while (total < big.size()) {
        const std::string piece = co_await b.recv(65536);
        total += piece.size();
    }
    co_await sending;
}

// --- what the kernel offers no way to wait for ---

BIDE_TEST(socket_life, connecting_to_a_full_unix_listener_waits_until_it_has_room) {
    const std::string name = "@bide-full-" + std::to_string(::getpid());
    socket listener(address_family::local);
    listener.bind(address::local(name));
    listener.listen(0);
    socket first(address_family::local);
    co_await first.connect(address::local(name));
    socket second(address_family::local);
    auto waiting = bide::create_task(second.connect(address::local(name)));
    co_await bide::sleep(1s);
    EXPECT_FALSE(waiting.done());
    auto one = co_await listener.accept();
    co_await waiting;
    auto two = co_await listener.accept();
    co_await two.connection.sendall("welcome");
    const std::string got = co_await second.recv(100);
    EXPECT_EQ(got, "welcome");
}

BIDE_TEST(socket_life, a_unix_datagram_waits_until_its_receiver_has_room) {
    const std::string name = "@bide-room-" + std::to_string(::getpid());
    socket receiver(address_family::local, socket_type::datagram);
    receiver.bind(address::local(name));
    socket sender(address_family::local, socket_type::datagram);
    int sent = 0;
    auto send_all = [&]() -> bide::coro<void> {
        while (sent < 200) {
            co_await sender.sendto(std::to_string(sent), address::local(name));
            ++sent;
        }
    };
    auto sending = bide::create_task(send_all);
    co_await bide::sleep(1s);
    EXPECT_FALSE(sending.done());  // the receiver's queue is shorter than that
    for (int i = 0; i < 200; ++i) {
        const auto got = co_await receiver.recvfrom(16);
        EXPECT_EQ(got.data, std::to_string(i));
    }
    co_await sending;
}

// --- loops and threads ---

// The loop must hear of a close that happens while it does not run: the next socket gets the same number.
TEST(socket_life, may_be_closed_between_two_runs_of_its_loop) {
    bide::event_loop loop;
    int number = -1;
    for (int round = 0; round < 3; ++round) {
        auto pair = bide::socketpair();
        if (round > 0) { EXPECT_EQ(pair.first.fileno(), number); }
        number = pair.first.fileno();
        auto waiting = bide::create_task(loop, pair.first.recv(9));
        loop.call_later(2ms, [&] { ::send(pair.second.fileno(), "ping", 4, 0); });
        loop.call_later(10s, [&] { waiting.cancel(); });
        const std::string got = loop.run_until_complete(waiting);
        EXPECT_EQ(got, "ping") << round;
    }
}

TEST(socket_life, may_outlive_its_loop_and_serve_another_one) {
    auto pair = bide::socketpair();
    for (int round = 0; round < 2; ++round) {
        bide::run([&]() -> bide::coro<void> {
            auto waiting = bide::create_task(pair.first.recv(9));
            co_await bide::sleep(1ms);
            co_await pair.second.sendall("ping");
            const std::string got = co_await waiting;
            EXPECT_EQ(got, "ping");
        }());
    }
    bide::event_loop idle;  // used, and then another one takes over while it exists
    auto first = bide::create_task(idle, pair.first.sendall("x"));
    idle.run_until_complete(first);
    bide::run([&]() -> bide::coro<void> {
        const std::string got = co_await pair.second.recv(9);
        EXPECT_EQ(got, "x");
        co_await pair.first.sendall("y");
        const std::string more = co_await pair.second.recv(9);
        EXPECT_EQ(more, "y");
    }());
}

TEST(socket_life, sync_wait_uses_it_call_after_call) {
    auto pair = bide::socketpair();
    bide::sync_wait(pair.first.sendall("one"));
    EXPECT_EQ(bide::sync_wait(pair.second.recv(9)), "one");
    const int number = pair.second.fileno();
    pair.second.close();
    pair.first.close();
    auto next = bide::socketpair();
    EXPECT_TRUE(next.first.fileno() == number || next.second.fileno() == number);
    bide::sync_wait(next.first.sendall("two"));
    EXPECT_EQ(bide::sync_wait(next.second.recv(9)), "two");
    bide::sync_wait(next.second.sendall("three"));
    EXPECT_EQ(bide::sync_wait(next.first.recv(9)), "three");
}

// A loop in a thread of its own that has a receive in flight on `s` while `fn` runs here and is given that loop.
template <class F>
std::string while_received_elsewhere(socket& s, F fn) {
    std::promise<bide::event_loop*> started;
    std::string end;
    std::thread other([&] {
        bide::run([&]() -> bide::coro<void> {
            auto waiting = bide::create_task(s.recv(9));
            co_await bide::sleep(1ms);
            started.set_value(bide::running_loop());
            end = co_await outcome(waiting);
        }());
    });
    fn(*started.get_future().get());
    other.join();
    return end;
}

TEST(socket_life, the_loop_of_another_thread_may_not_use_it_at_the_same_time) {
    auto pair = bide::socketpair();
    std::string text;
    const std::string end = while_received_elsewhere(pair.first, [&](bide::event_loop& loop) {
        text = bide::run(outcome(pair.first.sendall("x")));
        loop.call_soon_threadsafe([&] { EXPECT_EQ(::send(pair.second.fileno(), "end", 3, 0), 3); });
    });
    EXPECT_TRUE(
        has(text, "sendall on descriptor", "in use by the loop of another thread", "call_soon_threadsafe"));
    EXPECT_EQ(end, "value");
}

// Not allowed, but what is in flight ends all the same, and the number is free only then.
TEST(socket_life, closing_it_from_another_thread_reaches_its_loop) {
    auto pair = bide::socketpair();
    const int number = pair.first.fileno();
    const std::string end =
        while_received_elsewhere(pair.first, [&](bide::event_loop&) { pair.first.close(); });
    EXPECT_TRUE(has(end, "recv: the socket was closed"));
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

// --- sweeps ---

bide::coro<void> converse() {
    socket listener = local_listener();
    socket client(address_family::ipv4);
    co_await client.connect(listener.local_address());
    auto accepted = co_await listener.accept();
    co_await client.sendall("hello");
    const std::string got = co_await accepted.connection.recv(100);
    EXPECT_EQ(got, "hello");
    std::array<std::byte, 9> room{};
    co_await accepted.connection.send("x");
    const std::size_t size = co_await client.recv_into(room);
    EXPECT_EQ(size, 1U);
}

bide::coro<void> exchange_datagrams() {
    socket a = udp_on_free_port();
    socket b = udp_on_free_port();
    co_await a.sendto("hello", b.local_address());
    const auto got = co_await b.recvfrom();
    EXPECT_EQ(got.data, "hello");
    co_await b.connect(a.local_address());
    co_await b.send("x");
    std::array<std::byte, 9> room{};
    const auto size = co_await a.recvfrom_into(room);
    EXPECT_EQ(size.size, 1U);
}

TEST(socket_life, cancelling_at_every_point_leaks_nothing) {
    EXPECT_GT(bide::testing::cancel_everywhere(converse), 3U);
    EXPECT_GT(bide::testing::cancel_everywhere(exchange_datagrams), 3U);
}
TEST(socket_life, a_failure_of_any_operation_leaks_nothing) {
    EXPECT_EQ(bide::testing::fail_everywhere(converse, ECONNRESET), 7U);
    EXPECT_EQ(bide::testing::fail_everywhere(exchange_datagrams, ENOBUFS), 6U);
}

// A cancelled accept has given the connection to its caller or left it in the queue; it is never lost.
TEST(socket_life, no_connection_is_lost_to_a_cancellation) {
    const os_tests::unique_fd raw = os_tests::tcp_listener();
    const auto connected = [&] {
        os_tests::unique_fd made = os_tests::tcp_socket();
        const sockaddr_in to = os_tests::name_of(raw.get());
        EXPECT_EQ(::connect(made.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
        return made;
    };
    os_tests::unique_fd client = connected();
    socket listener = socket::adopt(::fcntl(raw.get(), F_DUPFD_CLOEXEC, 0));
    bool accepted = false;
    bide::testing::cancel_everywhere(
        [&]() -> bide::coro<void> {
            accepted = false;
            auto got = co_await listener.accept();
            accepted = true;
        },
        [&](std::uint64_t turn) {
            if (!accepted) {
                const os_tests::unique_fd left(::accept4(raw.get(), nullptr, nullptr, SOCK_CLOEXEC));
                EXPECT_TRUE(left) << "turn " << turn;
            }
            client = connected();
        });
}

}  // namespace
