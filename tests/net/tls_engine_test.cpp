// bide/net: TLS without sockets: two engines that pass each other bytes.
// bide-test: once
#include "net/tls_engine.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

#include "support/expect.hpp"
#include "support/tls_certificates.hpp"

namespace {

using bide::tls_context;
using bide::tls_errc;
using bide::tls_version;
using bide::detail::tls_engine;
using bide::detail::tls_status;
using bide_test::certificates;
using bide_test::has;

// What is there to read, at most so much.
tls_status read(tls_engine& at, std::string& into, std::size_t most, std::string& output) {
    std::vector<char> plain(std::min<std::size_t>(most, 100'000));
    std::size_t count = 0;
    const tls_status status = at.read(plain.data(), plain.size(), count, output);
    into.append(plain.data(), count);
    return status;
}

// A client and a server and what is on its way between them.
struct pair {
    pair(const tls_context& c, const tls_context& s, std::string host = "localhost",
         std::size_t most = SIZE_MAX)
        : contexts{c, s}, client(c.state(), std::move(host)), server(s.state(), {}), step(most) {}

    // At most `step` bytes in each direction; whether anything moved.
    bool move() {
        const bool any = !to_client.empty() || !to_server.empty();
        client.input().text() += to_client.substr(0, step);
        to_client.erase(0, step);
        server.input().text() += to_server.substr(0, step);
        to_server.erase(0, step);
        return any;
    }
    // Until both are done or one has failed and told the other.
    void shake() {
        do {
            client_status = client.handshake(to_server);
            server_status = server.handshake(to_client);
        } while (move());
        if (client_status == tls_status::done) client_status = client.handshake(to_server);
        if (server_status == tls_status::done) server_status = server.handshake(to_client);
    }
    // What the other end has written, all of it.
    std::string read_all(tls_engine& at, std::string& output) {
        std::string plain;
        do {
            while (read(at, plain, SIZE_MAX, output) == tls_status::done) {}
        } while (move());
        while (read(at, plain, SIZE_MAX, output) == tls_status::done) {}
        return plain;
    }
    std::string read_client() { return read_all(client, to_server); }
    std::string read_server() { return read_all(server, to_client); }

    std::vector<tls_context> contexts;
    tls_engine client;
    tls_engine server;
    std::string to_client;
    std::string to_server;
    std::size_t step;
    tls_status client_status = tls_status::want_bytes;
    tls_status server_status = tls_status::want_bytes;
};

tls_context server_context() { return certificates::get().server(); }
tls_context client_context() { return certificates::get().client(); }

void expect_works(pair& both) {
    both.shake();
    EXPECT_EQ(both.client_status, tls_status::done) << both.client.failure_text();
    EXPECT_EQ(both.server_status, tls_status::done) << both.server.failure_text();
    EXPECT_EQ(both.client.write("ping", both.to_server), tls_status::done);
    EXPECT_EQ(both.read_server(), "ping");
    EXPECT_EQ(both.server.write("pong", both.to_client), tls_status::done);
    EXPECT_EQ(both.read_client(), "pong");
}

// What the client says about the server's certificate.
std::string refusal(const std::string& certificate, tls_context client,
                    const std::string& host = "localhost") {
    pair both(client, certificates::get().server(certificate), host);
    both.shake();
    EXPECT_EQ(both.client_status, tls_status::failed);
    EXPECT_EQ(both.client.failure(), tls_errc::certificate);
    EXPECT_EQ(both.server_status, tls_status::failed) << "the alert did not arrive";
    return both.client.failure_text();
}

TEST(tls_engine, speaks_tls_1_3_by_default) {
    pair both(client_context(), server_context());
    expect_works(both);
    EXPECT_EQ(both.client.version(), "TLSv1.3");
    EXPECT_TRUE(has(both.client.cipher(), "TLS_"));
    EXPECT_EQ(both.client.peer_certificate(), "CN=server");
    EXPECT_EQ(both.server.server_name(), "localhost");
    EXPECT_EQ(both.server.peer_certificate(), "");
}

TEST(tls_engine, speaks_tls_1_2_and_nothing_older) {
    tls_context old = client_context();
    old.maximum_version(tls_version::tls1_2);
    pair both(old, server_context());
    expect_works(both);
    EXPECT_EQ(both.server.version(), "TLSv1.2");
}

TEST(tls_engine, works_one_byte_at_a_time) {
    for (const tls_version newest : {tls_version::tls1_2, tls_version::tls1_3}) {
        tls_context client = client_context();
        client.maximum_version(newest);
        pair both(client, server_context(), "localhost", 1);
        expect_works(both);
    }
}

TEST(tls_engine, carries_megabytes_and_keeps_no_buffer) {
    pair both(client_context(), server_context());
    both.shake();
    std::string big(1'000'000, 'x');
    for (std::size_t i = 0; i < big.size(); i += 997) big[i] = static_cast<char>(i);
    EXPECT_EQ(both.client.write(big, both.to_server), tls_status::done);
    EXPECT_EQ(both.read_server(), big);
    EXPECT_LE(both.server.input().text().capacity(), 2048U);
}

TEST(tls_engine, read_gives_no_more_than_asked_for) {
    pair both(client_context(), server_context());
    both.shake();
    static_cast<void>(both.client.write("abcdefgh", both.to_server));
    both.move();
    std::string plain;
    EXPECT_EQ(read(both.server, plain, 3, both.to_client), tls_status::done);
    EXPECT_EQ(plain, "abc");
    EXPECT_EQ(read(both.server, plain, 3, both.to_client), tls_status::done);
    EXPECT_EQ(read(both.server, plain, 3, both.to_client), tls_status::done);
    EXPECT_EQ(plain, "abcdefgh");
    EXPECT_EQ(read(both.server, plain, 3, both.to_client), tls_status::want_bytes);
}

TEST(tls_engine, close_notify_is_told_from_a_mere_want_of_bytes) {
    pair both(client_context(), server_context());
    both.shake();
    static_cast<void>(both.client.write("last words", both.to_server));
    both.client.shut_down(both.to_server);
    both.move();
    std::string plain;
    EXPECT_EQ(read(both.server, plain, SIZE_MAX, both.to_client), tls_status::done);
    EXPECT_EQ(plain, "last words");
    EXPECT_EQ(read(both.server, plain, SIZE_MAX, both.to_client), tls_status::ended);
    EXPECT_EQ(read(both.server, plain, SIZE_MAX, both.to_client), tls_status::ended);
    // The other direction still works until it is shut down, too.
    EXPECT_EQ(both.server.write("farewell", both.to_client), tls_status::done);
    EXPECT_EQ(both.read_client(), "farewell");
    EXPECT_EQ(both.client.write("too late", both.to_server), tls_status::failed);
}

TEST(tls_engine, shut_down_in_the_handshake_does_nothing) {
    const tls_context context = client_context();
    tls_engine client(context.state(), "localhost");
    std::string output;
    EXPECT_EQ(client.handshake(output), tls_status::want_bytes);
    const std::size_t hello = output.size();
    client.shut_down(output);
    EXPECT_EQ(output.size(), hello);
}

TEST(tls_engine, garbage_is_a_failure_that_stays) {
    const tls_context context = server_context();
    for (const std::string& garbage :
         {std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("GET / HTTP/1.1\r\n\r\n"),
          std::string(100, '\0'), std::string(100, '\xff')}) {
        tls_engine server(context.state(), {});
        std::string output;
        server.input().text() = garbage;
        EXPECT_EQ(server.handshake(output), tls_status::failed);
        EXPECT_EQ(server.failure(), tls_errc::protocol);
        EXPECT_TRUE(has(server.failure_text(), "does not speak TLS")) << garbage;
        std::string plain;
        EXPECT_EQ(server.handshake(output), tls_status::failed);
        EXPECT_EQ(read(server, plain, 10, output), tls_status::failed);
        EXPECT_EQ(server.write("x", output), tls_status::failed);
        server.shut_down(output);
        EXPECT_EQ(server.failure(), tls_errc::protocol);
    }
}

TEST(tls_engine, what_was_read_comes_before_a_failure) {
    pair both(client_context(), server_context());
    both.shake();
    static_cast<void>(both.client.write("good", both.to_server));
    const std::size_t good = both.to_server.size();
    static_cast<void>(both.client.write("bad", both.to_server));
    both.to_server[good + 8] ^= 1;
    both.move();
    std::string plain;
    EXPECT_EQ(read(both.server, plain, SIZE_MAX, both.to_client), tls_status::done);
    EXPECT_EQ(plain, "good");
    EXPECT_EQ(read(both.server, plain, SIZE_MAX, both.to_client), tls_status::failed);
    EXPECT_FALSE(both.to_client.empty());  // the alert
    EXPECT_EQ(read(both.server, plain, SIZE_MAX, both.to_client), tls_status::failed);
    EXPECT_EQ(plain, "good");
    // The client learns why.
    both.move();
    EXPECT_EQ(read(both.client, plain, SIZE_MAX, both.to_server), tls_status::failed);
    EXPECT_TRUE(has(both.client.failure_text(), "the peer refuses", "bad record mac"));
}

TEST(tls_engine, names_what_is_wrong_with_a_certificate) {
    EXPECT_TRUE(
        has(refusal("expired", client_context()), "'CN=expired' has expired on Jan  2 00:00:00 2020"));
    EXPECT_TRUE(has(refusal("self", client_context()), "'CN=self' is self-signed", "trust()"));
    EXPECT_TRUE(has(refusal("server", client_context(), "wrong.example"), "wrong host name", "DNS:localhost",
                    "not for 'wrong.example'"));
    EXPECT_TRUE(has(refusal("server", client_context(), "127.0.0.2"), "wrong host name",
                    "IP Address:127.0.0.1", "not for '127.0.0.2'"));
    EXPECT_TRUE(has(refusal("server", tls_context::client()), "issued by 'CN=bide test CA', an unknown CA"));
    EXPECT_TRUE(has(refusal("revoked", client_context().revocation_list(certificates::get().file("crl.pem"))),
                    "'CN=revoked' was revoked by 'CN=bide test CA'"));
}

TEST(tls_engine, names_and_addresses_in_certificates_are_matched) {
    for (const char* const host : {"localhost", "localhost.", "127.0.0.1", "::1"}) {
        pair both(client_context(), server_context(), host);
        expect_works(both);
    }
    pair wild(client_context(), certificates::get().server("other"), "a.wild.example");
    expect_works(wild);
    EXPECT_EQ(wild.server.server_name(), "a.wild.example");
    pair numeric(client_context(), server_context(), "127.0.0.1");
    expect_works(numeric);
    EXPECT_EQ(numeric.server.server_name(), "");
    EXPECT_TRUE(has(refusal("other", client_context(), "a.b.wild.example"), "wrong host name"));
}

TEST(tls_engine, a_host_that_cannot_be_one_is_refused) {
    const tls_context context = client_context();
    EXPECT_THROW(tls_engine(context.state(), std::string(300, 'x')), std::system_error);
    // The certificate of "localhost" is not one of what follows the NUL.
    EXPECT_THROW(tls_engine(context.state(), std::string("localhost\0.evil.example", 23)), std::system_error);
}

// No certificate has the scope of an address: it says which of this machine's networks leads there.
TEST(tls_engine, an_address_is_checked_without_its_scope) {
    pair both(client_context(), server_context(), "::1%1");
    expect_works(both);
    EXPECT_TRUE(has(refusal("server", client_context(), "fe80::1%1"), "wrong host name", "fe80::1%1"));
}

TEST(tls_engine, verification_can_be_turned_off_in_parts) {
    pair any(tls_context::client().verify_peer(false), certificates::get().server("self"), "wrong.example");
    expect_works(any);
    pair unnamed(client_context().check_hostname(false), server_context(), "wrong.example");
    expect_works(unnamed);
    EXPECT_EQ(unnamed.server.server_name(), "wrong.example");
    pair hostless(client_context(), server_context(), "");
    expect_works(hostless);
    EXPECT_TRUE(has(refusal("self", client_context(), ""), "self-signed"));
}

// A failure that has nothing to do with the certificate, which was accepted unverified.
TEST(tls_engine, an_unverified_certificate_is_not_blamed_for_later_failures) {
    pair both(tls_context::client().verify_peer(false), certificates::get().server("self"));
    both.shake();
    static_cast<void>(both.server.write("text", both.to_client));
    both.to_client.back() ^= 1;
    EXPECT_EQ(both.read_client(), "");
    EXPECT_EQ(both.client.failure(), tls_errc::protocol);
}

TEST(tls_engine, client_certificates) {
    const certificates& all = certificates::get();
    for (const tls_version newest : {tls_version::tls1_2, tls_version::tls1_3}) {
        tls_context server = server_context();
        server.trust(all.file("ca.pem")).verify_peer(true).maximum_version(newest);
        pair good(client_context().certificate(all.file("client.pem"), all.file("client.key")), server);
        expect_works(good);
        EXPECT_EQ(good.server.peer_certificate(), "CN=client");

        pair none(client_context(), server);
        none.shake();
        EXPECT_EQ(none.server_status, tls_status::failed);
        EXPECT_EQ(none.server.failure(), tls_errc::certificate);
        EXPECT_EQ(none.server.failure_text(), "the client showed no certificate");
        none.read_client();  // with TLS 1.3 the client learns it only now
        EXPECT_TRUE(none.client.failure());

        pair unknown(client_context().certificate(all.file("self.pem"), all.file("self.key")), server);
        unknown.shake();
        EXPECT_EQ(unknown.server.failure(), tls_errc::certificate);
        EXPECT_TRUE(has(unknown.server.failure_text(), "'CN=self' is self-signed"));
        unknown.read_client();
        EXPECT_EQ(unknown.client.failure(), tls_errc::certificate);
        EXPECT_TRUE(
            has(unknown.client.failure_text(), "the peer does not accept our certificate", "unknown CA"));
    }
}

TEST(tls_engine, a_certificate_is_renewed_without_a_restart) {
    const certificates& all = certificates::get();
    tls_context server = server_context();
    pair before(client_context(), server);
    expect_works(before);
    server.certificate(all.file("other.pem"), all.file("other.key"));
    pair after(client_context(), server, "other.example");
    expect_works(after);
    EXPECT_EQ(after.client.peer_certificate(), "CN=other");
    EXPECT_EQ(before.server.write("still open", before.to_client), tls_status::done);
    EXPECT_EQ(before.read_client(), "still open");
}

TEST(tls_engine, alpn_takes_the_servers_first_common_choice) {
    pair both(client_context().alpn({"http/1.1", "h2"}), server_context().alpn({"h2", "http/1.1"}));
    expect_works(both);
    EXPECT_EQ(both.client.alpn(), "h2");
    EXPECT_EQ(both.server.alpn(), "h2");
    pair silent(client_context(), server_context().alpn({"h2"}));
    expect_works(silent);
    EXPECT_EQ(silent.client.alpn(), "");
    pair strangers(client_context().alpn({"ftp"}), server_context().alpn({"h2"}));
    strangers.shake();
    EXPECT_EQ(strangers.client_status, tls_status::failed);
    EXPECT_TRUE(has(strangers.client.failure_text(), "no application protocol"));
}

TEST(tls_engine, sessions_are_resumed) {
    for (const tls_version newest : {tls_version::tls1_2, tls_version::tls1_3}) {
        tls_context client = client_context();
        client.maximum_version(newest);
        const tls_context server = server_context();
        for (const bool again : {false, true, true}) {
            pair both(client, server);
            expect_works(both);
            EXPECT_EQ(both.client.resumed(), again);
            EXPECT_EQ(both.server.resumed(), again);
            EXPECT_EQ(both.client.peer_certificate(), "CN=server");
            both.client.shut_down(both.to_server);
            both.server.shut_down(both.to_client);
        }
        pair elsewhere(client, server, "127.0.0.1");  // a session belongs to its host
        expect_works(elsewhere);
        EXPECT_FALSE(elsewhere.client.resumed());
        client.verify_peer(true);  // what was verified under other rules is not resumed
        pair changed(client, server);
        expect_works(changed);
        EXPECT_FALSE(changed.client.resumed());
        client.resume_sessions(false);
        for (int i = 0; i < 2; ++i) {
            pair fresh(client, server);
            expect_works(fresh);
            EXPECT_FALSE(fresh.client.resumed());
        }
    }
}

// Tickets of TLS 1.3 come when the client reads, however long after the handshake.
TEST(tls_engine, a_session_that_began_under_other_rules_is_not_resumed) {
    const tls_context server = certificates::get().server("other");
    tls_context client = client_context().check_hostname(false);
    pair before(client, server, "localhost");
    before.shake();
    EXPECT_EQ(before.client_status, tls_status::done);
    client.check_hostname(true);
    EXPECT_EQ(before.server.write("with the tickets", before.to_client), tls_status::done);
    EXPECT_EQ(before.read_client(), "with the tickets");
    pair after(client, server, "localhost");
    after.shake();
    EXPECT_EQ(after.client_status, tls_status::failed) << "resumed: " << after.client.resumed();
    EXPECT_EQ(after.client.failure(), tls_errc::certificate);
}

TEST(tls_engine, a_session_does_not_keep_the_clients_old_certificate) {
    const certificates& all = certificates::get();
    tls_context client = client_context().certificate(all.file("client.pem"), all.file("client.key"));
    const tls_context server = server_context().trust(all.file("ca.pem")).verify_peer(true);
    pair before(client, server);
    expect_works(before);
    EXPECT_EQ(before.server.peer_certificate(), "CN=client");
    client.certificate(all.file("other.pem"), all.file("other.key"));
    pair after(client, server);
    expect_works(after);
    EXPECT_EQ(after.server.peer_certificate(), "CN=other");
}

// What a ticket says was checked when it was given.
TEST(tls_engine, a_server_with_new_rules_takes_no_tickets_of_the_old_ones) {
    const certificates& all = certificates::get();
    for (const tls_version newest : {tls_version::tls1_2, tls_version::tls1_3}) {
        for (const bool is_revoked : {false, true}) {
            tls_context client = client_context().maximum_version(newest);
            tls_context server = server_context().trust(all.file("ca.pem"));
            if (is_revoked) {
                server.verify_peer(true);
                client.certificate(all.file("revoked.pem"), all.file("revoked.key"));
            }
            pair before(client, server);
            expect_works(before);
            if (is_revoked) {
                server.revocation_list(all.file("crl.pem"));
            } else {
                server.verify_peer(true);
            }
            pair after(client, server);
            after.shake();
            EXPECT_EQ(after.server_status, tls_status::failed) << "resumed: " << after.server.resumed();
            EXPECT_EQ(after.server.failure(), tls_errc::certificate);
        }
    }
}

TEST(tls_engine, keys_are_logged_where_the_environment_says) {
    const std::string path = certificates::get().file("keys.log");
    ::setenv("SSLKEYLOGFILE", path.c_str(), 1);
    pair both(client_context(), server_context());
    expect_works(both);
    ::unsetenv("SSLKEYLOGFILE");
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_TRUE(has(text.str(), "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"));
}

TEST(tls_engine, versions_without_overlap_fail_by_name) {
    pair both(client_context().maximum_version(tls_version::tls1_2),
              server_context().minimum_version(tls_version::tls1_3));
    both.shake();
    EXPECT_EQ(both.client.failure(), tls_errc::protocol);
    EXPECT_TRUE(has(both.client.failure_text(), "the peer refuses", "protocol version"));
    EXPECT_TRUE(has(both.server.failure_text(), "unsupported protocol"));
}

}  // namespace
