// bide/net: servers that encrypt.
#include <bide/connection.hpp>
#include <bide/server.hpp>
#include <bide/start_tls.hpp>

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

bide::server_options encrypting() { return bide::server_options().tls(certificates::get().server()); }
bide::connection_options trusting() {
    return bide::connection_options().tls(certificates::get().client()).server_hostname("localhost");
}

bide::coro<bide::connection> connect_securely(const bide::server& to) {
    return bide::open_connection(to.sockets().front(), trusting());
}

BIDE_TEST(server_tls, serves_encrypted_connections) {
    auto server = co_await bide::start_server(echo, loopback(), encrypting());
    auto peer = co_await connect_securely(server);
    const std::string answer = co_await ask(peer, "secret");
    EXPECT_EQ(answer, "secret");
    EXPECT_EQ(peer.writer.get_extra_info("tls_version"), "TLSv1.3");
    EXPECT_EQ(server.connections(), 1U);
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(server_tls, over_a_unix_socket_with_a_name_to_verify) {
    const temp_folder folder;
    const std::string path = folder.file("tls");
    auto server = co_await bide::start_unix_server(echo, path, encrypting());
    auto peer = co_await bide::open_unix_connection(path, trusting());
    const std::string answer = co_await ask(peer, "secret");
    EXPECT_EQ(answer, "secret");
    peer.writer.close();
    co_await stop(server);
}

// In TLS 1.3 the client is done first and begins to talk; what it says must not keep it from hearing why it is refused.
BIDE_TEST(server_tls, a_client_that_talks_on_hears_why_it_is_refused) {
    auto insisting = bide::server_options().tls(
        certificates::get().server().trust(certificates::get().file("ca.pem")).verify_peer(true));
    auto server = co_await bide::start_server(echo, loopback(), insisting);
    for (const int pieces : {0, 1, 2, 5}) {
        auto peer = co_await connect_securely(server);
        std::string text;
        for (int i = 0; i < pieces; ++i) {
            peer.writer.write("hello?");
            co_await bide::sleep(1s);
        }
        text = co_await failure(peer.reader.read());
        EXPECT_TRUE(has(text, "does not accept our certificate (alert: certificate required)")) << pieces;
    }
    co_await stop(server);
}

// But not for ever: what nobody takes is taken up to a bound.
BIDE_TEST(server_tls, a_refused_client_that_talks_without_end_is_reset) {
    auto server = co_await bide::start_server(echo, loopback(), encrypting());
    auto peer = co_await connect(server);
    const auto start = bide::get_running_loop().time();
    std::string text = "no failure";
    while (text == "no failure") {
        peer.writer.write(std::string(64 * 1024, '?'));
        text = co_await failure(peer.writer.drain());
        co_await bide::sleep(1ms);
        if (bide::get_running_loop().time() - start > 20s) break;
    }
    EXPECT_NE(text, "no failure");
    co_await stop(server);
    EXPECT_LT(bide::get_running_loop().time() - start, 20s);
}

// Sends what is no TLS and waits for the end.
bide::coro<void> speak_plainly(const bide::server& server) {
    auto peer = co_await connect(server);
    peer.writer.write("GET / HTTP/1.1\r\n\r\n");
    const auto outcome = co_await bide::as_result(peer.reader.read());
    static_cast<void>(outcome);
}

BIDE_TEST(server_tls, a_handshake_that_fails_never_reaches_the_handler) {
    int calls = 0;
    report_log reports(bide::get_running_loop());
    auto counted = [&](stream_reader reader, stream_writer writer) -> bide::coro<void> {
        ++calls;
        co_await echo(std::move(reader), std::move(writer));
    };
    auto server = co_await bide::start_server(counted, loopback(), encrypting());
    co_await speak_plainly(server);
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(reports.size(), 0U);
    bide::get_running_loop().set_debug(true);
    bide::get_running_loop().set_slow_callback_duration(1h);
    co_await speak_plainly(server);
    bide::get_running_loop().set_debug(false);
    EXPECT_EQ(calls, 0);
    EXPECT_TRUE(has(reports.text(), "A TLS handshake failed", "TLS with ")) << reports.text();
    auto peer = co_await connect_securely(server);
    const std::string answer = co_await ask(peer, "secret");
    EXPECT_EQ(answer, "secret");
    EXPECT_EQ(calls, 1);
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(server_tls, a_client_that_says_nothing_is_cut) {
    auto options = encrypting().tls_limits(5s, 5s);
    auto server = co_await bide::start_server(echo, loopback(), options);
    auto silent = co_await connect(server);
    while (server.connections() == 0) co_await bide::sleep(0s);
    const auto before = bide::get_running_loop().time();
    const auto outcome = co_await bide::as_result(silent.reader.read());
    static_cast<void>(outcome);
    EXPECT_GE(bide::get_running_loop().time() - before, 5s);
    co_await bide::sleep(1s);
    EXPECT_EQ(server.connections(), 0U);
    silent.writer.close();
    co_await stop(server);
}

BIDE_TEST(server_tls, clients_that_are_closed_see_a_proper_end) {
    auto server = co_await bide::start_server(
        [](stream_reader reader, stream_writer writer) -> bide::coro<void> {
            writer.write("good bye");
            const std::string all = co_await reader.read();
        },
        loopback(), encrypting());
    auto peer = co_await connect_securely(server);
    co_await bide::sleep(1s);
    server.close();
    server.close_clients();
    const std::string text = co_await peer.reader.read();  // would throw without close_notify
    EXPECT_EQ(text, "good bye");
    peer.writer.close();
    co_await server.wait_closed();
    EXPECT_EQ(server.connections(), 0U);
}

// A handler that encrypts the connection itself: the server closes what it has become.
BIDE_TEST(server_tls, clients_that_the_handler_has_encrypted_see_a_proper_end) {
    auto upgrade = [](stream_reader reader, stream_writer writer) -> bide::coro<void> {
        auto secure =
            co_await bide::start_tls(std::move(reader), std::move(writer), certificates::get().server());
        secure.writer.write("good bye");
        const std::string all = co_await secure.reader.read();
    };
    auto server = co_await bide::start_server(upgrade, loopback());
    auto plain = co_await connect(server);
    const auto options = bide::start_tls_options().server_hostname("localhost");
    auto peer = co_await bide::start_tls(std::move(plain), certificates::get().client(), options);
    const std::string first = co_await peer.reader.readexactly(4);
    EXPECT_EQ(server.connections(), 1U);
    server.close();
    server.close_clients();
    const std::string rest = co_await peer.reader.read();  // would throw without close_notify
    EXPECT_EQ(first + rest, "good bye");
    peer.writer.close();
    co_await server.wait_closed();
    EXPECT_EQ(server.connections(), 0U);
}

BIDE_TEST(server_tls, clients_in_their_handshake_are_closed_too) {
    auto server = co_await bide::start_server(echo, loopback(), encrypting());
    auto silent = co_await connect(server);
    while (server.connections() == 0) co_await bide::sleep(0s);
    co_await bide::sleep(1s);
    const auto before = bide::get_running_loop().time();
    server.close();
    server.abort_clients();
    co_await server.wait_closed();
    EXPECT_LT(bide::get_running_loop().time() - before, 1s);
    silent.writer.close();
}

BIDE_TEST(server_tls, a_context_for_clients_is_refused) {
    auto options = bide::server_options().tls(certificates::get().client());
    const std::string text = co_await failure(bide::start_server(echo, loopback(), options));
    EXPECT_EQ(text, "start_server: TLS needs a context made by tls_context::server()");
}

TEST(server_tls, cancelling_at_every_point_leaks_nothing) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        auto quiet_echo = [](stream_reader reader, stream_writer writer) -> bide::coro<void> {
            const auto outcome = co_await bide::as_result(echo(std::move(reader), std::move(writer)));
            static_cast<void>(outcome);
        };
        auto server = co_await bide::start_server(quiet_echo, loopback(), encrypting());
        co_await bide::with_server(server, [&]() -> bide::coro<void> {
            auto peer = co_await connect_securely(server);
            const std::string answer = co_await ask(peer, "secret");
            EXPECT_EQ(answer, "secret");
            peer.writer.close();
        });
    });
}

}  // namespace
