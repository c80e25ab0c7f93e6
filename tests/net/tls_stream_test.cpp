// bide/net: the life of an encrypted stream: both directions, the end, errors, water marks.
#include <bide/connection.hpp>
#include <bide/event.hpp>
#include <bide/server.hpp>

#include "net/stream_core.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/servers.hpp"
#include "support/tls_ends.hpp"

namespace {

using namespace std::chrono_literals;
using bide::tls_errc;
using bide_test::certificates;
using bide_test::connection_ends;
using bide_test::failure_of;
using bide_test::has;
using bide_test::tls_ends;

bide::coro<void> send_much(bide::stream_writer& writer, std::size_t size) {
    const std::string part(70'000, 'p');
    for (std::size_t sent = 0; sent < size; sent += part.size()) {
        writer.write(part);
        co_await writer.drain();
    }
}

BIDE_TEST(tls_stream, carries_both_directions_at_once) {
    const std::size_t much = 20 * std::size_t{70'000};
    connection_ends ends = co_await tls_ends();
    auto result =
        co_await bide::gather(send_much(ends.client.writer, much), send_much(ends.server.writer, much),
                              ends.client.reader.readexactly(much), ends.server.reader.readexactly(much));
    EXPECT_EQ(std::get<2>(result), std::string(much, 'p'));
    EXPECT_EQ(std::get<3>(result), std::string(much, 'p'));
}

BIDE_TEST(tls_stream, a_read_and_a_write_do_not_wait_for_each_other) {
    connection_ends ends = co_await tls_ends();
    auto reading = bide::create_task(bide_test::line_of(ends.client.reader));
    co_await bide::sleep(1s);
    ends.client.writer.write("question\n");
    const std::string question = co_await ends.server.reader.readline();
    EXPECT_EQ(question, "question\n");
    ends.server.writer.write("answer\n");
    const std::string answer = co_await reading;
    EXPECT_EQ(answer, "answer\n");
}

BIDE_TEST(tls_stream, tells_about_itself) {
    connection_ends ends = co_await tls_ends();
    EXPECT_EQ(ends.client.writer.get_extra_info("tls_version"), "TLSv1.3");
    EXPECT_EQ(ends.client.writer.get_extra_info("peercert"), "CN=server");
    EXPECT_EQ(ends.client.writer.get_extra_info("session_reused"), "false");
    EXPECT_EQ(ends.server.writer.get_extra_info("server_hostname"), "localhost");
    EXPECT_EQ(ends.server.writer.get_extra_info("peercert", "none"), "none");
    EXPECT_EQ(ends.server.writer.get_extra_info("alpn_protocol", "none"), "none");
    EXPECT_NE(ends.server.writer.get_extra_info("cipher"), "");
    EXPECT_FALSE(ends.client.writer.can_write_eof());
    EXPECT_THROW(ends.client.writer.write_eof(), bide::invalid_state_error);
}

BIDE_TEST(section17, s73_the_end_of_a_tls_peer_ends_both_directions) {
    connection_ends ends = co_await tls_ends();
    ends.server.writer.write("last\n");
    ends.server.writer.close();
    const std::string line = co_await ends.client.reader.readline();
    EXPECT_EQ(line, "last\n");
    EXPECT_FALSE(ends.client.writer.is_closing());
    const std::string end = co_await ends.client.reader.readline();
    EXPECT_EQ(end, "");
    EXPECT_TRUE(ends.client.reader.at_eof());
    EXPECT_TRUE(ends.client.writer.is_closing());
    co_await ends.client.writer.wait_closed();
    co_await ends.server.writer.wait_closed();
}

// One rule for plain and TLS: above high it pauses, at or below low it resumes.
BIDE_TEST(section17, s72_tls_pauses_above_the_high_water_mark) {
    connection_ends ends = co_await tls_ends();
    bide::stream_writer& writer = ends.client.writer;
    while (writer.get_write_buffer_size() == 0)
        writer.write(std::string(16'000, 'f'));  // the kernel takes no more
    const std::size_t before = writer.get_write_buffer_size();
    writer.set_write_buffer_limits(before, 0);
    EXPECT_FALSE(writer.stream()->paused());
    writer.write("x");
    EXPECT_TRUE(writer.stream()->paused());
    auto draining = bide::create_task(failure_of(writer.drain()));
    co_await bide::sleep(1s);
    EXPECT_FALSE(draining.done());
    auto reading = bide::create_task(bide_test::all_of(ends.server.reader));
    const std::string result = co_await draining;
    EXPECT_EQ(result, "no failure");
    EXPECT_EQ(writer.get_write_buffer_size(), 0U);  // the low mark is its own, not that of what is below
    writer.close();
    const std::string got = co_await reading;
    EXPECT_EQ(got.back(), 'x');
}

BIDE_TEST(tls_stream, a_megabyte_at_once_is_buffered_once) {
    connection_ends ends = co_await tls_ends();
    const std::string big(1 << 20, 'b');
    ends.client.writer.write(big);
    EXPECT_LE(ends.client.writer.get_write_buffer_size(), big.size() + big.size() / 100);
    const std::string got = co_await ends.server.reader.readexactly(big.size());
    EXPECT_EQ(got, big);
}

BIDE_TEST(section17, s82_the_end_of_a_tls_connection_is_bounded) {
    connection_ends ends = co_await tls_ends();
    const auto start = bide::get_running_loop().time();
    ends.client.writer.close();  // the server holds the connection and never looks
    co_await ends.client.writer.wait_closed();
    EXPECT_EQ(bide::get_running_loop().time() - start, 30s);
}

BIDE_TEST(section17, s82_a_peer_that_takes_nothing_is_left_after_30_seconds) {
    connection_ends ends = co_await tls_ends();
    ends.client.writer.write(std::string(10 << 20, 'x'));
    ends.client.writer.close();
    EXPECT_GT(ends.client.writer.get_write_buffer_size(), 0U);
    std::error_code code;
    const std::string text = co_await failure_of(ends.client.writer.wait_closed(), &code);
    EXPECT_EQ(code, std::errc::timed_out);
    EXPECT_TRUE(has(text, "TLS with 'localhost'", "did not take what was written", "30"));
    EXPECT_EQ(ends.client.writer.get_write_buffer_size(), 0U);
}

BIDE_TEST(tls_stream, a_cut_is_told_from_an_end) {
    connection_ends ends = co_await tls_ends();
    ends.server.writer.write("half of i");
    co_await bide::sleep(1s);
    ends.server.writer.abort();
    const std::string half = co_await ends.client.reader.readexactly(9);
    EXPECT_EQ(half, "half of i");
    for (int i = 0; i < 2; ++i) {
        std::error_code code;
        const std::string text = co_await failure_of(ends.client.reader.read(), &code);
        EXPECT_EQ(code, tls_errc::truncated);
        EXPECT_TRUE(has(text, "TLS with 'localhost'", "without close_notify"));
    }
}

BIDE_TEST(tls_stream, close_ends_a_read_that_waits) {
    connection_ends ends = co_await tls_ends();
    auto reading = bide::create_task(bide_test::all_of(ends.client.reader));
    auto peer = bide::create_task(bide_test::all_of(ends.server.reader));
    co_await bide::sleep(1s);
    ends.client.writer.close();
    const std::string rest = co_await reading;
    EXPECT_EQ(rest, "");
    const std::string end = co_await peer;
    EXPECT_EQ(end, "");
    co_await ends.client.writer.wait_closed();
}

BIDE_TEST(tls_stream, abort_ends_a_read_that_waits_and_every_drain) {
    connection_ends ends = co_await tls_ends();
    auto reading = bide::create_task(bide_test::all_of(ends.client.reader));
    ends.client.writer.write(std::string(10 << 20, 'x'));
    auto draining = bide::create_task(failure_of(ends.client.writer.drain()));
    co_await bide::sleep(1s);
    EXPECT_FALSE(draining.done());
    ends.client.writer.abort();
    const std::string rest = co_await reading;
    EXPECT_EQ(rest, "");
    const std::string drained = co_await draining;
    EXPECT_EQ(drained, "no failure");  // as in asyncio: the next one throws
    const std::string again = co_await failure_of(ends.client.writer.drain());
    EXPECT_TRUE(has(again, "closed"));
    co_await ends.client.writer.wait_closed();
}

BIDE_TEST(tls_stream, a_dropped_writer_sends_all_and_ends_properly) {
    connection_ends ends = co_await tls_ends();
    auto reading = bide::create_task(bide_test::all_of(ends.server.reader));
    {
        const bide::connection gone = std::move(ends.client);
        gone.writer.write(std::string(500'000, 'd'));
    }
    const std::string got = co_await reading;
    EXPECT_EQ(got.size(), 500'000U);
}

BIDE_TEST(tls_stream, a_damaged_record_fails_reads_and_writes) {
    connection_ends plain = bide_test::plain_ends();
    // Below TLS, the client's side writes something of its own.
    const bide::detail::stream_ref below = plain.client.writer.stream();
    auto ends = co_await bide_test::encrypted(std::move(plain), certificates::get().client(),
                                              certificates::get().server());
    below->send(std::string("\x17\x03\x03\0\x20", 5) + std::string(32, '?'));
    std::error_code code;
    const std::string text = co_await failure_of(ends.server.reader.read(), &code);
    EXPECT_EQ(code, tls_errc::protocol);
    const std::string drained = co_await failure_of(ends.server.writer.drain());
    EXPECT_EQ(drained, text);
    const std::string again = co_await failure_of(ends.server.reader.read());
    EXPECT_EQ(again, text);
    const std::string told = co_await failure_of(ends.client.reader.read());
    EXPECT_TRUE(has(told, "the peer refuses", "bad record mac"));
}

bide::coro<void> ask_back(bide::connection& at) {
    const std::string text = co_await at.reader.readexactly(4);
    at.writer.write(text);
    co_await at.writer.drain();
}

// Over TCP, to close with bytes unread would reset the connection: a TLS 1.3 server has sent tickets.
BIDE_TEST(tls_stream, a_client_that_only_writes_loses_nothing) {
    std::size_t got = 0;
    std::string failure = "not served";
    auto serve = [&](bide::stream_reader reader, bide::stream_writer writer) -> bide::coro<void> {
        bide::connection plain(std::move(reader), std::move(writer));
        auto secure = co_await bide::start_tls(std::move(plain), certificates::get().server());
        co_await bide::sleep(100ms);
        try {
            const std::string all = co_await secure.reader.read();
            got = all.size();
            failure.clear();
        } catch (const std::exception& e) { failure = e.what(); }
    };
    auto server = co_await bide::start_server(serve, bide::address::loopback(bide::address_family::ipv4, 0));
    {
        bide::connection_options options;
        options.tls(certificates::get().client()).server_hostname("localhost");
        auto secure = co_await bide::open_connection("127.0.0.1", server.port(), options);
        secure.writer.write(std::string(200'000, 'w'));
        secure.writer.close();
        co_await secure.writer.wait_closed();
    }
    server.close();
    co_await server.wait_closed();
    EXPECT_EQ(failure, "");
    EXPECT_EQ(got, 200'000U);
}

// After small messages a ring may receive before it is asked to: what it has is heard, too.
BIDE_TEST(tls_stream, what_comes_after_the_close_resets_the_connection) {
    bide::event closing;
    bide::duration waited{};
    auto serve = [&](bide::stream_reader reader, bide::stream_writer writer) -> bide::coro<void> {
        bide::connection plain(std::move(reader), std::move(writer));
        auto secure = co_await bide::start_tls(std::move(plain), certificates::get().server());
        for (int i = 0; i < 3; ++i) co_await ask_back(secure);
        const auto begun = bide::get_running_loop().time();
        secure.writer.close();
        closing.set();
        const auto outcome = co_await bide::as_result(secure.writer.wait_closed());
        static_cast<void>(outcome);
        waited = bide::get_running_loop().time() - begun;
    };
    auto server = co_await bide::start_server(serve, bide::address::loopback(bide::address_family::ipv4, 0));
    bide::connection_options options;
    options.tls(certificates::get().client()).server_hostname("localhost");
    auto secure = co_await bide::open_connection("127.0.0.1", server.port(), options);
    for (int i = 0; i < 3; ++i) {
        const std::string answer = co_await bide_test::ask(secure, "ping");
        EXPECT_EQ(answer, "ping");
    }
    co_await closing.wait();
    co_await bide::sleep(1s);
    secure.writer.write("late");
    co_await secure.writer.drain();
    server.close();
    co_await server.wait_closed();
    EXPECT_LT(waited, 5s);  // not the 30 s that a silent peer has
    secure.writer.close();
}

bide::coro<void> echo_all(bide::connection& at) {
    const std::string all = co_await at.reader.readexactly(200'000);
    at.writer.write(all);
    co_await at.writer.drain();
    at.writer.close();
}

bide::coro<void> read_to_the_end(bide::connection& at) {
    const std::string all = co_await at.reader.read();
    EXPECT_EQ(all.size(), 200'000U);
}

bide::coro<void> whole_life() {
    connection_ends ends = bide_test::plain_ends();
    auto encrypt = [&](bide::task_group& group) -> bide::coro<void> {
        group.create_task(
            [](connection_ends& both) -> bide::coro<void> {
                both.client = co_await bide::start_tls(std::move(both.client), certificates::get().client(),
                                                       bide_test::to_localhost());
            },
            std::ref(ends));
        group.create_task(
            [](connection_ends& both) -> bide::coro<void> {
                both.server = co_await bide::start_tls(std::move(both.server), certificates::get().server());
            },
            std::ref(ends));
        co_return;
    };
    co_await bide::with_task_group(encrypt);
    ends.client.writer.write(std::string(200'000, 'q'));
    auto talk = [&](bide::task_group& group) -> bide::coro<void> {
        group.create_task(echo_all(ends.server));
        group.create_task(read_to_the_end(ends.client));
        co_return;
    };
    co_await bide::with_task_group(talk);
    co_await ends.client.writer.wait_closed();
    co_await ends.server.writer.wait_closed();
}

TEST(tls_stream, cancelling_at_every_point_leaks_nothing) {
    EXPECT_GT(bide::testing::cancel_everywhere(whole_life), 10U);
}

TEST(tls_stream, every_operation_may_fail) {
    for (const int error : {EIO, ECONNRESET, EPIPE}) {
        EXPECT_GT(bide::testing::fail_everywhere(whole_life, error), 5U);
    }
}

// Unsent bytes, a read in progress, and handles that go after the loop has.
TEST(tls_stream, a_loop_that_ends_takes_its_connections_along) {
    std::optional<connection_ends> ends;
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            ends.emplace(co_await tls_ends());
            ends->client.writer.write(std::string(10 << 20, 'x'));
            auto reading = bide::create_task(bide_test::all_of(ends->client.reader));
            co_await bide::sleep(1s);
            EXPECT_FALSE(reading.done());
            ends->server.writer.close();
        },
        bide::testing::test_options().allow_tasks());
    EXPECT_TRUE(ends->client.writer.is_closing());
    EXPECT_EQ(ends->client.writer.get_write_buffer_size(), 0U);
    ends.reset();
}

// Does all that it may when it is told.
struct meddler final : bide::detail::stream_watcher {
    std::optional<connection_ends> ends;
    int told = 0;
    void stream_gone(bide::detail::stream_core& which) noexcept override {
        ++told;
        which.close();
        which.abort();
        which.send("too late");
        ends.reset();
    }
};

BIDE_TEST(tls_stream, may_be_closed_and_dropped_by_who_is_told_that_it_is_closed) {
    meddler watching;
    watching.ends = co_await tls_ends();
    watching.ends->client.writer.stream()->watcher = &watching;
    watching.ends->client.writer.abort();
    EXPECT_EQ(watching.told, 1);
    EXPECT_FALSE(watching.ends.has_value());
    co_return;
}

}  // namespace
