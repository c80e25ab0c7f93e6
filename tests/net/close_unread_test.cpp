// bide/net: what the peer meets when a connection ends that still held bytes, or a reason.
#include <bide/create_connection.hpp>

#include <bide/connection.hpp>
#include <bide/socket.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::free_port;
using bide_test::hall;
using bide_test::recorder;

// A system that closes a socket with bytes unread tells the peer of a reset, which may cost it what was sent before.
BIDE_TEST(stream, closing_with_little_unread_is_a_regular_end_for_the_peer) {
    const auto answer = [](bide::stream_reader, bide::stream_writer writer) -> bide::coro<void> {
        co_await bide::sleep(1s);
        writer.write("bye");
    };
    auto serving = bide::start_server(answer, free_port());
    const bide::server server = co_await std::move(serving);
    auto [reader, writer] = co_await bide::open_connection(server.sockets().front());
    writer.write("never read");
    const auto got = co_await bide::as_result(reader.read());
    EXPECT_TRUE(got.has_value() && *got == "bye");
    writer.close();
    server.close();
    co_await server.wait_closed();
}

// A program that another one is handed the connection of, as inetd's are.
BIDE_TEST(stream, closing_without_a_write_leaves_what_is_unread_to_who_has_the_socket_too) {
    auto [ours, theirs] = bide::socketpair();
    const int other = ::dup(ours.fileno());
    {
        auto opening = bide::open_connection(std::move(ours));
        const bide::connection handed_on = co_await std::move(opening);
        co_await theirs.sendall("a request");
        handed_on.writer.close();
    }
    char got[100];
    EXPECT_EQ(::recv(other, got, sizeof got, MSG_DONTWAIT), 9);
    ::close(other);
}

// The receive that is in flight while reading is paused takes the reset from the socket; all that the next write hears
// is EPIPE.
BIDE_TEST(transport, a_reset_that_comes_while_reading_is_paused_is_the_reason_of_the_loss) {
    hall house;
    co_await house.open();
    bide::socket peer(bide::address_family::ipv4);
    co_await peer.connect(house.where());
    auto guest = co_await house.first();
    co_await bide::sleep(1s);
    guest->over.pause_reading();
    guest->over.write("unread");
    co_await bide::sleep(1s);
    peer.close();  // with bytes unread: a reset
    co_await bide::sleep(1s);
    guest->over.write("x");
    co_await guest->gone.wait();
    std::error_code code;
    try {
        if (guest->why) std::rethrow_exception(guest->why);
    } catch (const std::system_error& error) { code = error.code(); }
    EXPECT_EQ(code, std::errc::connection_reset);
    co_await house.close();
}

}  // namespace
