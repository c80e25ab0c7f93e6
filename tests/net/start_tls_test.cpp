// bide/net: encrypt a connection that is open already.
#include <bide/start_tls.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/tls_ends.hpp"

namespace {

using namespace std::chrono_literals;
using bide::tls_errc;
using bide_test::certificates;
using bide_test::connection_ends;
using bide_test::encrypted;
using bide_test::failure_of;
using bide_test::has;
using bide_test::line_of;
using bide_test::plain_ends;
using bide_test::to_localhost;

// [server]
bide::coro<void> mail_server(bide::stream_reader reader, bide::stream_writer writer,
                             bide::tls_context context) {
    const std::string command = co_await reader.readline();
    if (command != "STARTTLS\n") co_return;
    writer.write("220 go ahead\n");  // sent before anything that is encrypted
    auto secure = co_await bide::start_tls(std::move(reader), std::move(writer), context);
    const std::string secret = co_await secure.reader.readline();
    secure.writer.write("you said " + secret);
    co_await secure.writer.drain();
}
// [/server]

// [client]
bide::coro<std::string> mail_client(bide::connection plain, bide::tls_context context) {
    plain.writer.write("STARTTLS\n");
    static_cast<void>(co_await plain.reader.readline());
    const auto options = bide::start_tls_options().server_hostname("localhost");
    auto secure = co_await bide::start_tls(std::move(plain), context, options);
    secure.writer.write("hello\n");
    co_return co_await secure.reader.readline();
}
// [/client]

BIDE_TEST(start_tls, upgrades_client_and_server_in_the_middle) {
    const certificates& all = certificates::get();
    connection_ends ends = plain_ends();
    auto server = bide::create_task(
        mail_server(std::move(ends.server.reader), std::move(ends.server.writer), all.server()));
    const std::string reply = co_await mail_client(std::move(ends.client), all.client());
    EXPECT_EQ(reply, "you said hello\n");
    co_await server;
}

// The client says STARTTLS and begins at once: its hello is in the server's reader before the switch.
BIDE_TEST(section17, s83_ciphertext_that_arrived_before_the_switch_is_not_lost) {
    const certificates& all = certificates::get();
    connection_ends ends = plain_ends();
    ends.client.writer.write("STARTTLS\n");
    auto client = bide::create_task(bide::start_tls(std::move(ends.client), all.client(), to_localhost()));
    co_await bide::sleep(1s);
    const std::string command = co_await ends.server.reader.readline();
    EXPECT_EQ(command, "STARTTLS\n");
    auto server = co_await bide::start_tls(std::move(ends.server), all.server());
    auto secure = co_await std::move(client);
    secure.writer.write("first\n");
    const std::string line = co_await server.reader.readline();
    EXPECT_EQ(line, "first\n");
}

BIDE_TEST(section17, s83_plaintext_is_never_taken_for_what_tls_protected) {
    const certificates& all = certificates::get();
    connection_ends ends = plain_ends();
    ends.client.writer.write("STARTTLS\nRCPT TO:<injected>\n");
    const std::string command = co_await ends.server.reader.readline();
    EXPECT_EQ(command, "STARTTLS\n");
    std::error_code code;
    const std::string text =
        co_await failure_of(bide::start_tls(std::move(ends.server), all.server()), &code);
    EXPECT_EQ(code, tls_errc::protocol);
    EXPECT_TRUE(has(text, "TLS with", "does not speak TLS"));
}

BIDE_TEST(section17, s83_a_reader_that_is_in_use_is_not_switched) {
    connection_ends ends = plain_ends();
    auto reading = bide::create_task(line_of(ends.server.reader));
    co_await bide::sleep(1ms);
    const std::string text =
        co_await failure_of(bide::start_tls(std::move(ends.server), certificates::get().server()));
    EXPECT_TRUE(has(text, "start_tls", "another task is reading"));
    reading.cancel();
    static_cast<void>(co_await bide_test::outcome(std::move(reading)));
}

BIDE_TEST(start_tls, copies_of_the_old_reader_throw) {
    const certificates& all = certificates::get();
    connection_ends ends = plain_ends();
    const bide::stream_reader old = ends.server.reader;
    auto both = co_await encrypted(std::move(ends), all.client(), all.server());
    const std::string text = co_await failure_of(line_of(old));
    EXPECT_TRUE(has(text, "was encrypted", "start_tls()"));
    both.client.writer.write("still works\n");
    const std::string line = co_await both.server.reader.readline();
    EXPECT_EQ(line, "still works\n");
}

BIDE_TEST(start_tls, a_client_must_say_whom_it_expects) {
    connection_ends ends = plain_ends();
    const std::string text =
        co_await failure_of(bide::start_tls(std::move(ends.client), certificates::get().client()));
    EXPECT_TRUE(has(text, "server_hostname()"));
}

BIDE_TEST(start_tls, the_error_names_host_and_certificate_and_the_peer_is_told) {
    const certificates& all = certificates::get();
    connection_ends ends = plain_ends();
    std::error_code client_code;
    std::error_code server_code;
    auto server =
        bide::create_task(failure_of(bide::start_tls(std::move(ends.server), all.server()), &server_code));
    auto options = bide::start_tls_options().server_hostname("bank.example");
    const std::string text =
        co_await failure_of(bide::start_tls(std::move(ends.client), all.client(), options), &client_code);
    EXPECT_EQ(client_code, tls_errc::certificate);
    EXPECT_TRUE(has(text, "TLS with 'bank.example'", "wrong host name", "DNS:localhost"));
    const std::string told = co_await server;
    EXPECT_EQ(server_code, tls_errc::certificate);
    EXPECT_TRUE(has(told, "does not accept our certificate"));
}

BIDE_TEST(section17, s82_a_handshake_ends_after_60_seconds) {
    connection_ends ends = plain_ends();
    const auto start = bide::get_running_loop().time();
    std::error_code code;
    const std::string text = co_await failure_of(
        bide::start_tls(std::move(ends.client), certificates::get().client(), to_localhost()), &code);
    EXPECT_EQ(code, tls_errc::handshake_timeout);
    EXPECT_EQ(code, std::errc::timed_out);
    EXPECT_TRUE(has(text, "TLS with 'localhost'", "within 60 s"));
    EXPECT_EQ(bide::get_running_loop().time() - start, 60s);
    const std::string hello = co_await ends.server.reader.read();  // aborted: the end comes
    EXPECT_FALSE(hello.empty());
}

BIDE_TEST(start_tls, a_slow_handshake_within_its_limit_works) {
    const certificates& all = certificates::get();
    connection_ends ends = plain_ends();
    auto client = bide::create_task(
        bide::start_tls(std::move(ends.client), all.client(), to_localhost().tls_limits(2s, 1s)));
    co_await bide::sleep(1900ms);
    auto server = co_await bide::start_tls(std::move(ends.server), all.server());
    EXPECT_NO_THROW(co_await client);
}

BIDE_TEST(start_tls, a_peer_that_goes_in_the_handshake_is_a_reset) {
    connection_ends ends = plain_ends();
    auto client = bide::create_task(
        bide::start_tls(std::move(ends.client), certificates::get().client(), to_localhost()));
    const std::string hello = co_await ends.server.reader.read(10'000);
    EXPECT_FALSE(hello.empty());
    ends.server.writer.close();
    std::error_code code;
    const std::string text = co_await failure_of(std::move(client), &code);
    EXPECT_EQ(code, std::errc::connection_reset);
    EXPECT_TRUE(has(text, "TLS with 'localhost'", "during the handshake"));
}

BIDE_TEST(start_tls, a_cancelled_handshake_aborts_the_connection) {
    connection_ends ends = plain_ends();
    auto client = bide::create_task(
        bide::start_tls(std::move(ends.client), certificates::get().client(), to_localhost()));
    co_await bide::sleep(1s);
    client.cancel();
    const std::string end = co_await bide_test::outcome(std::move(client));
    EXPECT_EQ(end, "cancelled");
    const std::string hello = co_await ends.server.reader.read();
    EXPECT_FALSE(hello.empty());
}

// Its hello could not be sent, and nobody would answer what was not.
BIDE_TEST(start_tls, of_a_connection_that_can_write_no_more_fails_at_once) {
    for (const bool closes : {false, true}) {
        connection_ends ends = plain_ends();
        if (closes) {
            ends.client.writer.write(std::string(10 << 20, 'x'));  // so that it is not closed yet
            ends.client.writer.close();
        } else {
            ends.client.writer.write_eof();
        }
        const auto start = bide::get_running_loop().time();
        std::error_code code;
        const std::string text = co_await failure_of(
            bide::start_tls(std::move(ends.client), certificates::get().client(), to_localhost()), &code);
        EXPECT_EQ(bide::get_running_loop().time(), start);
        EXPECT_TRUE(has(text, closes ? "the connection is closed" : "write_eof() was called")) << text;
    }
}

BIDE_TEST(start_tls, works_inside_tls) {
    const certificates& all = certificates::get();
    auto outer = co_await bide_test::tls_ends();
    auto inner = co_await encrypted(std::move(outer), all.client(), all.server());
    const std::string big(300'000, 'x');
    inner.client.writer.write(big);
    const std::string got = co_await inner.server.reader.readexactly(big.size());
    EXPECT_EQ(got, big);
    inner.client.writer.close();
    const std::string end = co_await inner.server.reader.read();
    EXPECT_EQ(end, "");
    co_await inner.client.writer.wait_closed();
}

}  // namespace
