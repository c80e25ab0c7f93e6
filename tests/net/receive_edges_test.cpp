// bide/net: receives that end early, with a reset behind the bytes, or while nobody wants them.
#include <bide/connection.hpp>
#include <bide/create_server.hpp>
#include <bide/readiness.hpp>
#include <bide/server.hpp>
#include <bide/start_tls.hpp>

#include <sys/socket.h>

#include <cstring>
#include <string>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/servers.hpp"
#include "support/temp_folder.hpp"
#include "support/tls_certificates.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;
using bide::stream_reader;
using bide::stream_writer;

void reset(bide::socket& peer) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(peer.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    peer.close();
}

bide::coro<bide::socket> raw_client(const bide::server& to) {
    bide::socket made(to.sockets().front().family());
    co_await made.connect(to.sockets().front());
    co_return made;
}

// How much has come, and what then.
struct outcome_of_reading {
    std::size_t count = 0;
    std::string end = "the end";
};
bide::coro<outcome_of_reading> read_to_the_end(stream_reader& reader, std::size_t most) {
    outcome_of_reading all;
    std::string piece;
    try {
        do {
            piece = co_await reader.read(most);
            all.count += piece.size();
        } while (!piece.empty());
    } catch (const std::system_error& e) { all.end = e.code().message(); }
    co_return all;
}

// Whoever waits for readiness takes nothing: what has come is there for the read that follows, without a further event.
BIDE_TEST(receive_edges, a_read_after_a_wait_for_readiness_finds_what_has_come) {
    auto handler = [&](stream_reader reader, stream_writer writer) -> bide::coro<void> {
        const std::string first = co_await reader.readexactly(5);
        EXPECT_EQ(first, "first");
        writer.write("go on");
        const int fd = std::stoi(writer.get_extra_info("socket"));
        co_await bide::wait_readable(fd);
        auto second = reader.read(100);
        const std::string text = co_await bide::wait_for(std::move(second), 10s);
        EXPECT_EQ(text, "second");
    };
    bide::server server =
        co_await bide::start_server(handler, bide::address::loopback(bide::address_family::ipv4, 0));
    auto [reader, writer] = co_await bide::open_connection(server.sockets().front());
    co_await bide::sleep(1s);  // the first read waits
    writer.write("first");
    const std::string go_on = co_await reader.readexactly(5);
    EXPECT_EQ(go_on, "go on");
    co_await bide::sleep(1s);
    writer.write("second");
    const std::string rest = co_await reader.read();
    EXPECT_EQ(rest, "");
    writer.close();
    server.close();
    co_await server.wait_closed();
}

// The receive that takes the last bytes may take the error of the socket as well.
BIDE_TEST(receive_edges, a_reset_behind_bytes_is_no_clean_end) {
    for (const std::size_t count : {511U, 512U, 513U, 65'536U, 65'537U}) {
        for (const std::size_t most : {std::size_t{512}, std::size_t{65'536}}) {
            outcome_of_reading seen;
            bide::event sent;
            auto handler = [&](stream_reader reader, stream_writer) -> bide::coro<void> {
                co_await sent.wait();
                seen = co_await read_to_the_end(reader, most);
            };
            auto server = co_await bide::start_server(handler, loopback());
            auto peer = co_await raw_client(server);
            co_await peer.sendall(std::string(count, 'x'));
            reset(peer);
            co_await bide::sleep(1ms);
            sent.set();
            co_await stop(server);
            EXPECT_LE(seen.count, count);
            EXPECT_EQ(seen.end, std::generic_category().message(ECONNRESET))
                << count << " bytes, by " << most;
        }
    }
}

// Reads one byte, so that the socket is known to the backend, then ten more when all are there.
bide::coro<std::string> read_one_and_ten(stream_reader reader, bide::event& all_sent) {
    std::string text = co_await reader.readexactly(1);
    std::string piece;
    co_await all_sent.wait();
    co_await bide::sleep(1ms);
    while (text.size() < 11) {
        piece = co_await bide::wait_for(reader.read(1000), 2s);
        if (piece.empty()) break;
        text += piece;
    }
    co_return text;
}

BIDE_TEST(receive_edges, urgent_data_divides_what_comes_and_stops_nothing) {
    std::string got;
    bide::event all_sent;
    auto handler = [&](stream_reader reader, stream_writer) -> bide::coro<void> {
        got = co_await read_one_and_ten(std::move(reader), all_sent);
    };
    auto server = co_await bide::start_server(handler, loopback());
    auto peer = co_await raw_client(server);
    co_await peer.sendall("!");
    co_await bide::sleep(1ms);
    EXPECT_EQ(::send(peer.fileno(), "12345", 5, MSG_MORE), 5);
    EXPECT_EQ(::send(peer.fileno(), "U", 1, MSG_OOB), 1);
    EXPECT_EQ(::send(peer.fileno(), "67890", 5, 0), 5);
    all_sent.set();
    co_await stop(server);
    EXPECT_EQ(got, "!1234567890");
    peer.close();
}

BIDE_TEST(receive_edges, bytes_behind_a_descriptor_on_a_unix_socket_are_read) {
    const temp_folder folder;
    std::string got;
    bide::event all_sent;
    auto handler = [&](stream_reader reader, stream_writer) -> bide::coro<void> {
        got = co_await read_one_and_ten(std::move(reader), all_sent);
    };
    auto server = co_await bide::start_unix_server(handler, folder.file("socket"));
    auto peer = co_await raw_client(server);
    co_await peer.sendall("!");
    co_await bide::sleep(1ms);
    std::vector<int> one(1, 0);
    co_await peer.send_fds("12345", one);
    co_await peer.sendall("67890");
    all_sent.set();
    co_await stop(server);
    EXPECT_EQ(got, "!1234567890");
    peer.close();
}

// --- start_tls over what has ended or was received already ---

bide::start_tls_options to_localhost() { return bide::start_tls_options().server_hostname("localhost"); }

BIDE_TEST(receive_edges, a_connection_that_is_closed_cannot_be_encrypted) {
    auto server = co_await bide::start_server(stay, loopback());
    auto peer = co_await connect(server);
    peer.writer.close();
    const std::string text =
        co_await failure(bide::start_tls(std::move(peer), certificates::get().client(), to_localhost()));
    EXPECT_TRUE(has(text, "the connection is closed")) << text;
    co_await stop(server);
}

BIDE_TEST(receive_edges, a_peer_that_resets_before_the_handshake_is_an_error_of_start_tls) {
    std::string text;
    bide::event gone;
    auto handler = [&](stream_reader reader, stream_writer writer) -> bide::coro<void> {
        const std::string command = co_await reader.readline();
        co_await gone.wait();
        writer.write("220 go ahead\n");
        writer.write("220 or not\n");
        text = co_await failure(
            bide::start_tls(std::move(reader), std::move(writer), certificates::get().server()));
    };
    auto server = co_await bide::start_server(handler, loopback());
    auto peer = co_await raw_client(server);
    co_await peer.sendall("STARTTLS\n");
    co_await bide::sleep(1ms);
    reset(peer);
    co_await bide::sleep(1ms);
    gone.set();
    co_await stop(server);
    EXPECT_NE(text, "no failure");
}

BIDE_TEST(receive_edges, a_tls_client_that_is_closed_as_it_arrives_is_let_go) {
    for (const bool at_once : {true, false}) {
        auto options = bide::server_options().tls(certificates::get().server());
        auto server = co_await bide::start_server(stay, loopback(), options);
        auto peer = co_await raw_client(server);
        while (server.connections() == 0) co_await bide::sleep(0s);
        server.close();
        at_once ? server.abort_clients() : server.close_clients();
        co_await server.wait_closed();
        peer.close();
    }
}

struct greeted : bide::protocol {
    void connection_made(bide::transport made) override { to = std::move(made); }
    void data_received(std::string_view data) override {
        count += data.size();
        if (count >= 1000) all.set();
    }
    bide::transport to;
    std::size_t count = 0;
    bide::event all;
};

// What came while reading was paused, and was only looked at, is still there for the handshake.
BIDE_TEST(receive_edges, a_paused_transport_is_encrypted_with_what_has_arrived) {
    auto protocol = std::make_shared<greeted>();
    auto server = co_await bide::create_server([&] { return protocol; }, loopback());
    auto client = bide::create_task([](bide::address to) -> bide::coro<std::string> {
        auto plain = co_await bide::open_connection(to);
        plain.writer.write(std::string(1000, 'h'));
        const std::string go = co_await plain.reader.readexactly(2);
        auto secure =
            co_await bide::start_tls(std::move(plain), certificates::get().client(), to_localhost());
        co_return secure.writer.get_extra_info("tls_version");
    }(server.sockets().front()));
    co_await protocol->all.wait();
    co_await bide::sleep(1ms);
    protocol->to.pause_reading();
    protocol->to.write("go");
    co_await bide::sleep(1s);
    auto secure = co_await bide::start_tls(protocol->to, certificates::get().server());
    const std::string version = co_await client;
    EXPECT_EQ(version, "TLSv1.3");
    secure.close();
    server.close();
    co_await server.wait_closed();
}

}  // namespace
