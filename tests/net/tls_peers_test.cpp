// bide/net: TLS with others: openssl's s_client and s_server, Python's ssl and asyncio, as clients and as servers.
// bide-test: no-shuffle
#include <bide/connection.hpp>
#include <bide/server.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/peer_process.hpp"
#include "support/tls_ends.hpp"

namespace {

using bide::tls_context;
using bide::tls_version;
using bide_test::certificates;
using bide_test::failure_of;
using bide_test::has;
using bide_test::peer_process;

#define PEER_TEST(name) BIDE_TEST_WITH(tls_peers, name, bide::testing::test_options().real_time())

using words = std::vector<std::string>;

std::string file(const char* name) { return certificates::get().file(name); }
const char* text_of(tls_version version) { return version == tls_version::tls1_2 ? "1.2" : "1.3"; }

words with(words command, const words& more) {
    command.insert(command.end(), more.begin(), more.end());
    return command;
}
words python(const char* mode, const std::string& one, const std::string& two, const words& more = {}) {
    return with({"python3", bide_test::peer_script("tls_peer.py"), mode, one, two}, more);
}
words s_client(std::uint16_t port, const words& more = {}) {
    return with({"openssl", "s_client", "-connect", "127.0.0.1:" + std::to_string(port), "-CAfile",
                 file("ca.pem"), "-verify_return_error", "-servername", "localhost", "-verify_hostname",
                 "localhost", "-ign_eof"},
                more);
}
words s_server(const words& more = {}) {
    return with({"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", file("server.pem"), "-key",
                 file("server.key"), "-rev"},
                more);
}

// What the last connection of a server of ours was like.
struct seen {
    std::string info;
    std::string error;
};

std::string describe(const bide::stream_writer& writer) {
    return "version " + writer.get_extra_info("tls_version") + " alpn " +
           writer.get_extra_info("alpn_protocol", "none") + " reused " +
           writer.get_extra_info("session_reused") + " peer " + writer.get_extra_info("peercert", "none");
}

// A server that switches to TLS at once, or after STARTTLS.
class our_server {
public:
    our_server(tls_context context, bool lines, bool asked = false)
        : context_(std::move(context)), lines_(lines), asked_(asked) {}

    bide::coro<void> start() {
        auto serve = [this](bide::stream_reader reader, bide::stream_writer writer) {
            return this->serve(std::move(reader), std::move(writer));
        };
        server_.emplace(
            co_await bide::start_server(serve, bide::address::loopback(bide::address_family::ipv4, 0)));
    }
    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    bide::coro<void> stop() {
        server_->close();
        return server_->wait_closed();
    }

    seen last;

private:
    bide::coro<void> serve(bide::stream_reader reader, bide::stream_writer writer) {
        std::string failure;
        try {
            if (asked_) {
                static_cast<void>(co_await reader.readline());
                writer.write("go ahead\n");
            }
            auto secure = co_await bide::start_tls(std::move(reader), std::move(writer), context_);
            last.info = describe(secure.writer);
            if (lines_) {
                const std::string line = co_await secure.reader.readline();
                secure.writer.write("echo " + line);
                co_await secure.writer.drain();
            } else {
                for (;;) {
                    const std::string data = co_await secure.reader.read(100'000);
                    if (data.empty()) break;
                    secure.writer.write(data);
                    co_await secure.writer.drain();
                }
            }
            secure.writer.close();
            co_await secure.writer.wait_closed();
        } catch (const std::exception& e) { failure = e.what(); }
        last.error = failure;
    }

    tls_context context_;
    bool lines_;
    bool asked_;
    std::optional<bide::server> server_;
};

bide::coro<std::string> run_peer(words command, std::string input = {}) {
    peer_process peer(std::move(command), input);
    co_return co_await peer.output();
}

PEER_TEST(openssl_s_client) {
    for (const tls_version version : {tls_version::tls1_2, tls_version::tls1_3}) {
        our_server server(certificates::get().server().alpn({"h2", "http/1.1"}), true);
        co_await server.start();
        const words more{version == tls_version::tls1_2 ? "-tls1_2" : "-tls1_3", "-alpn", "http/1.1"};
        const std::string said = co_await run_peer(s_client(server.port(), more), "hello\n");
        EXPECT_TRUE(has(said, "ALPN protocol: http/1.1")) << server.last.error;
        EXPECT_TRUE(has(said, "Verify return code: 0 (ok)"));
        EXPECT_TRUE(has(said, "echo hello"));
        EXPECT_TRUE(has(server.last.info, std::string("version TLSv") + text_of(version), "alpn http/1.1"));
        EXPECT_EQ(server.last.error, "");
        co_await server.stop();
    }
}

PEER_TEST(openssl_s_client_shows_its_certificate_or_is_refused) {
    our_server server(certificates::get().server().trust(file("ca.pem")).verify_peer(true), true);
    co_await server.start();
    const words shown{"-cert", file("client.pem"), "-key", file("client.key")};
    const std::string said = co_await run_peer(s_client(server.port(), shown), "hello\n");
    EXPECT_TRUE(has(said, "echo hello"));
    EXPECT_TRUE(has(server.last.info, "peer CN=client"));
    const std::string refused = co_await run_peer(s_client(server.port()), "hello\n");
    EXPECT_TRUE(has(refused, "alert certificate required"));
    EXPECT_TRUE(has(server.last.error, "TLS with 127.0.0.1", "the client showed no certificate"));
    co_await server.stop();
}

PEER_TEST(openssl_s_client_resumes_a_session) {
    for (const char* const version : {"-tls1_2", "-tls1_3"}) {
        our_server server(certificates::get().server(), true);
        co_await server.start();
        const std::string session = file("session.pem");
        const words keep{version, "-sess_out", session};
        const std::string first = co_await run_peer(s_client(server.port(), keep), "hello\n");
        EXPECT_TRUE(has(first, "New, TLSv1."));
        const words reuse{version, "-sess_in", session};
        const std::string second = co_await run_peer(s_client(server.port(), reuse), "hello\n");
        EXPECT_TRUE(has(second, "Reused, TLSv1."));
        EXPECT_TRUE(has(server.last.info, "reused true"));
        co_await server.stop();
    }
}

PEER_TEST(openssl_s_client_cannot_renegotiate) {
    our_server server(certificates::get().server(), false);
    co_await server.start();
    const words old{"-tls1_2", "-no_ign_eof"};
    const std::string said = co_await run_peer(s_client(server.port(), old), "R\n");
    EXPECT_TRUE(has(said, "RENEGOTIATING", "no renegotiation"));
    co_await server.stop();
}

PEER_TEST(openssl_s_server) {
    for (const tls_version version : {tls_version::tls1_2, tls_version::tls1_3}) {
        const words more{version == tls_version::tls1_2 ? "-tls1_2" : "-tls1_3", "-alpn", "h2"};
        peer_process peer(s_server(more));
        const std::string port = co_await peer.line_after("ACCEPT 127.0.0.1:");
        bide::connection_options options;
        options.tls(certificates::get().client().alpn({"h2"})).server_hostname("localhost");
        for (const bool again : {false, true}) {
            auto [reader, writer] = co_await bide::open_connection(
                "127.0.0.1", static_cast<std::uint16_t>(std::stoi(port)), options);
            writer.write("hello\n");
            const std::string line = co_await reader.readline();
            EXPECT_EQ(line, "olleh\n");
            EXPECT_TRUE(has(describe(writer), std::string("version TLSv") + text_of(version), "alpn h2",
                            again ? "reused true" : "reused false", "peer CN=server"));
            writer.write("CLOSE\n");  // s_server -rev ends the connection
            const std::string end = co_await reader.read();
            EXPECT_EQ(end, "");
            co_await writer.wait_closed();
        }
    }
}

PEER_TEST(openssl_s_server_insists_on_a_certificate) {
    const words more{"-Verify", "1", "-verify_return_error", "-CAfile", file("ca.pem")};
    peer_process peer(s_server(more));
    const std::string port = co_await peer.line_after("ACCEPT 127.0.0.1:");
    const auto number = static_cast<std::uint16_t>(std::stoi(port));
    bide::connection_options options;
    options.tls(certificates::get().client()).server_hostname("localhost");
    std::string refused;
    {
        auto [reader, writer] = co_await bide::open_connection("127.0.0.1", number, options);
        refused =
            co_await failure_of(reader.read());  // TLS 1.3: the server's answer comes after the handshake
    }
    EXPECT_TRUE(has(refused, "TLS with 'localhost' (127.0.0.1:", "does not accept our certificate"));
    options.tls(certificates::get().client().certificate(file("client.pem"), file("client.key")));
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", number, options);
    writer.write("hello\n");
    const std::string line = co_await reader.readline();
    EXPECT_EQ(line, "olleh\n");
}

PEER_TEST(python_ssl_client) {
    for (const tls_version version : {tls_version::tls1_2, tls_version::tls1_3}) {
        our_server server(certificates::get().server().alpn({"h2"}).trust(file("ca.pem")).verify_peer(true),
                          true);
        co_await server.start();
        const words more{"--version",        text_of(version), "--alpn",           "h2,http/1.1", "--cert",
                         file("client.pem"), "--key",          file("client.key"), "--times",     "2"};
        const std::string said =
            co_await run_peer(python("client", std::to_string(server.port()), file("ca.pem"), more));
        EXPECT_TRUE(has(said, "got b'echo hello\\n'", std::string("version TLSv") + text_of(version),
                        "alpn h2 reused False peer server", "clean end", "reused True", "clean end"));
        EXPECT_TRUE(has(server.last.info, "reused true peer CN=client"));
        EXPECT_EQ(server.last.error, "");
        co_await server.stop();
    }
}

PEER_TEST(python_asyncio_client) {
    our_server server(certificates::get().server(), false);
    co_await server.start();
    const std::string said =
        co_await run_peer(python("aclient", std::to_string(server.port()), file("ca.pem")));
    EXPECT_TRUE(has(said, "same True", "clean end"));
    EXPECT_EQ(server.last.error, "");
    co_await server.stop();
}

PEER_TEST(python_asyncio_client_upgrades_with_start_tls) {
    our_server server(certificates::get().server(), false, true);
    co_await server.start();
    const std::string said =
        co_await run_peer(python("astarttls", std::to_string(server.port()), file("ca.pem")));
    EXPECT_TRUE(has(said, "reply b'go ahead\\n'", "same True", "clean end"));
    EXPECT_EQ(server.last.error, "");
    co_await server.stop();
}

PEER_TEST(python_refuses_an_expired_certificate_and_we_are_told) {
    our_server server(certificates::get().server("expired"), true);
    co_await server.start();
    const std::string said =
        co_await run_peer(python("client", std::to_string(server.port()), file("ca.pem")));
    EXPECT_TRUE(has(said, "SSLCertVerificationError", "certificate has expired"));
    EXPECT_TRUE(has(server.last.error, "the peer does not accept our certificate", "certificate expired"));
    co_await server.stop();
}

bide::coro<std::string> talk_to(std::string port, bide::connection_options options) {
    const std::string big(1'000'000, 'b');
    auto [reader, writer] =
        co_await bide::open_connection("127.0.0.1", static_cast<std::uint16_t>(std::stoi(port)), options);
    const std::string info = describe(writer);
    writer.write(big);
    const std::string got = co_await reader.readexactly(big.size());
    EXPECT_EQ(got, big);
    writer.close();
    co_await writer.wait_closed();
    co_return info;
}

PEER_TEST(python_servers) {
    for (const char* const mode : {"server", "aserver"}) {
        for (const tls_version version : {tls_version::tls1_2, tls_version::tls1_3}) {
            const words more{"--version", text_of(version), "--alpn",  "h2",
                             "--ca",      file("ca.pem"),   "--times", "2"};
            peer_process peer(python(mode, file("server.pem"), file("server.key"), more));
            const std::string port = co_await peer.line_after("port ");
            bide::connection_options options;
            options.server_hostname("localhost")
                .tls(certificates::get()
                         .client()
                         .alpn({"http/1.1", "h2"})
                         .certificate(file("client.pem"), file("client.key")));
            const std::string first = co_await talk_to(port, options);
            EXPECT_TRUE(has(first, std::string("version TLSv") + text_of(version), "alpn h2 reused false"));
            const std::string second = co_await talk_to(port, options);
            EXPECT_TRUE(has(second, "reused true")) << mode << " " << text_of(version);
            const std::string said = co_await peer.output();
            EXPECT_TRUE(has(said, "alpn h2", "peer client", "clean end", "clean end"));
        }
    }
}

}  // namespace
