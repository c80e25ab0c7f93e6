// bide/net: readers and writers over a connection.
#include <bide/stream.hpp>

#include <bide/connection.hpp>
#include <bide/server.hpp>
#include <bide/testing/memory_stream.hpp>
#include <bide/timeout.hpp>

#include <cctype>

#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::stream_reader;

bide::coro<void> echo(stream_reader reader, bide::stream_writer writer) {
    std::string piece;
    for (;;) {
        piece = co_await reader.read(64 * 1024);
        if (piece.empty()) break;
        writer.write(piece);
        co_await writer.drain();
    }
}

bide::address free_port() { return bide::address::loopback(bide::address_family::ipv4, 0); }

BIDE_TEST(stream, echoes_sizes_around_every_buffer) {
    auto server = co_await bide::start_server(echo, free_port());
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    for (const std::size_t size : {1U, 511U, 512U, 513U, 4095U, 4096U, 65535U, 65536U, 300000U, 2000000U}) {
        std::string sent(size, '\0');
        for (std::size_t i = 0; i < size; ++i) sent[i] = static_cast<char>('a' + i % 26);
        auto sending = bide::create_task(
            [](bide::stream_writer& w, const std::string& what) -> bide::coro<void> {
                w.write(what);
                co_await w.drain();
            },
            std::ref(writer), std::ref(sent));
        const std::string got = co_await reader.readexactly(size);
        co_await sending;
        EXPECT_TRUE(got == sent) << size;
    }
    writer.close();
    co_await writer.wait_closed();
    server.close();
    co_await server.wait_closed();
}

BIDE_TEST(section17, s73_the_end_from_the_peer_leaves_the_write_side_open) {
    auto half = [](stream_reader reader, bide::stream_writer writer) -> bide::coro<void> {
        const std::string all = co_await reader.read();
        EXPECT_FALSE(writer.is_closing());
        writer.write("got " + all);
        co_await writer.drain();
    };
    auto server = co_await bide::start_server(half, free_port());
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    writer.write("everything");
    writer.write_eof();
    EXPECT_THROW(writer.write("more"), bide::invalid_state_error);
    const std::string answer = co_await reader.read();
    EXPECT_EQ(answer, "got everything");
    server.close();
    writer.close();
    co_await server.wait_closed();
}

BIDE_TEST(section17, s69_drain_waits_above_the_high_mark_only) {
    auto silent = [](stream_reader reader, bide::stream_writer) -> bide::coro<void> {
        co_await bide::sleep(1h);
        const std::string all = co_await reader.read();
        EXPECT_GT(all.size(), 8U * 1024 * 1024);
    };
    auto server = co_await bide::start_server(silent, free_port());
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    writer.write("little");
    co_await writer.drain();
    const std::string piece(64 * 1024, 'x');
    std::size_t written = 0;
    auto full = bide::create_task(
        [](bide::stream_writer& w, const std::string& what, std::size_t& count) -> bide::coro<void> {
            while (count < 16 * 1024 * 1024) {
                w.write(what);
                count += what.size();
                co_await w.drain();
            }
            w.write_eof();
        },
        std::ref(writer), std::ref(piece), std::ref(written));
    co_await bide::sleep(1s);
    EXPECT_FALSE(full.done());  // the peer does not read: memory stays bounded by the water mark
    EXPECT_LE(writer.get_write_buffer_size(), 64U * 1024 + piece.size());
    co_await full;
    server.close();
    writer.close();
    co_await server.wait_closed();
}

BIDE_TEST(section17, s70_write_on_a_lost_connection_does_not_throw_and_drain_does) {
    auto leave = [](stream_reader, bide::stream_writer writer) -> bide::coro<void> {
        writer.abort();
        co_return;
    };
    auto server = co_await bide::start_server(leave, free_port());
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    bool thrown = false;
    for (int i = 0; i < 100 && !thrown; ++i) {
        EXPECT_NO_THROW(writer.write("anybody there?"));
        try {
            co_await writer.drain();
        } catch (const std::system_error&) { thrown = true; }
        if (!thrown) co_await bide::sleep(1ms);
    }
    EXPECT_TRUE(thrown);
    server.close();
    co_await server.wait_closed();
}

BIDE_TEST(section17, s71_lost_without_a_failure_while_draining_that_drain_returns_and_the_next_throws) {
    auto pair = bide::testing::memory_streams(bide::testing::memory_options().capacity(10));
    pair.first.writer.write(std::string(100'000, 'x'));
    auto draining = bide::create_task(pair.first.writer.drain());
    co_await bide::sleep(1s);
    EXPECT_FALSE(draining.done());
    pair.first.writer.abort();
    const auto first = co_await bide::as_result(draining);
    EXPECT_TRUE(first);
    const auto second = co_await bide::as_result(pair.first.writer.drain());
    EXPECT_EQ(second.error(), std::errc::connection_reset);
}

// While it is being closed, a loop of write and drain gives way, so that the end can come.
BIDE_TEST(section17, s70_drain_gives_one_turn_while_the_stream_is_being_closed) {
    auto pair = bide::testing::memory_streams();
    pair.first.writer.write("on its way");
    pair.first.writer.close();
    int turns = 0;
    std::error_code lost;
    while (!lost && turns < 100) {
        pair.first.writer.write("dropped");
        const auto drained = co_await bide::as_result(pair.first.writer.drain());
        lost = drained.error();
        ++turns;
    }
    EXPECT_EQ(lost, std::errc::connection_reset);
    EXPECT_LE(turns, 3);
    const std::string all = co_await pair.second.reader.read();
    EXPECT_EQ(all, "on its way");
}

TEST(stream, cancelling_at_every_point_leaks_nothing) {
    bide::testing::cancel_everywhere(
        []() -> bide::coro<void> {
            auto server = co_await bide::start_server(echo, free_port());
            auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
            writer.write("hello\n");
            co_await writer.drain();
            const std::string line = co_await reader.readline();
            EXPECT_EQ(line, "hello\n");
            writer.close();
            co_await writer.wait_closed();
            server.close();
            co_await server.wait_closed();
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
}

TEST(stream, failing_at_every_operation_leaks_nothing) {
    for (const int error : {EIO, ECONNRESET, EPIPE}) {
        bide::testing::fail_everywhere(
            []() -> bide::coro<void> {
                const bide_test::report_log said(bide::get_running_loop());  // of a server that cannot accept
                auto server = co_await bide::start_server(echo, free_port());
                auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
                writer.write("hello\n");
                co_await writer.drain();
                const std::string line = co_await reader.readline();
                EXPECT_TRUE(line == "hello\n" || line.empty()) << line;
                writer.close();
                co_await writer.wait_closed();
                server.close();
                co_await server.wait_closed();
            },
            error, [](std::uint64_t) {}, bide::testing::test_options().allow_tasks().allow_reports());
    }
}

// --- what a server says of handlers that fail ---

bide::coro<void> talk_and_reset(const bide::server& server) {
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    writer.write("hello\n");
    co_await writer.drain();
    co_await bide::sleep(1s);
    writer.abort();  // with the echo unread: a reset
}

BIDE_TEST(stream, a_handler_that_ends_because_its_peer_is_gone_is_not_reported) {
    bide_test::report_log log(bide::get_running_loop());
    auto server = co_await bide::start_server(echo, free_port());
    co_await talk_and_reset(server);
    server.close();
    co_await server.wait_closed();
    EXPECT_EQ(log.text(), "");
}

BIDE_TEST(stream, in_debug_mode_it_is) {
    bide_test::report_log log(bide::get_running_loop());
    bide::get_running_loop().set_debug(true);
    auto server = co_await bide::start_server(echo, free_port());
    co_await talk_and_reset(server);
    server.close();
    co_await server.wait_closed();
    bide::get_running_loop().set_debug(false);
    EXPECT_TRUE(bide_test::has(log.text(), "handler of a connection", "receive from"));
}

BIDE_TEST(stream, any_other_failure_of_a_handler_is_reported) {
    bide_test::report_log log(bide::get_running_loop());
    auto fails = [](stream_reader reader, bide::stream_writer) -> bide::coro<void> {
        const std::string line = co_await reader.readline();
        throw std::system_error(ECONNRESET, std::generic_category(), "the database");
    };
    auto server = co_await bide::start_server(fails, free_port());
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    writer.write("hello\n");
    const auto rest = co_await bide::as_result(reader.read());
    server.close();
    co_await server.wait_closed();
    EXPECT_TRUE(bide_test::has(log.text(), "handler of a connection", "the database"));
}

// [echo]
bide::coro<void> shout(bide::stream_reader reader, bide::stream_writer writer) {
    while (auto line = co_await reader.next_line()) {
        for (char& each : *line) each = static_cast<char>(std::toupper(each));
        writer.write(*line);      // sends what can be sent, keeps the rest
        co_await writer.drain();  // waits while too much is kept
    }
}  // what was written is sent, then the connection is closed
// [/echo]

BIDE_TEST(stream, a_timeout_names_the_operation_and_the_line_of_the_program) {
    auto server = co_await bide::start_server(shout, free_port());
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    std::string text;
    try {
        co_await bide::wait_for(reader.readline(), 2s);
    } catch (const bide::timeout_error& error) { text = error.what(); }
    EXPECT_TRUE(text.starts_with("timed out after 2 s, waiting for recv at ")) << text;
    EXPECT_NE(text.find("stream_test.cpp:"), std::string::npos) << text;
    writer.close();
    server.close();
    co_await server.wait_closed();
}

BIDE_TEST(stream, a_handler_of_lines) {
    auto server = co_await bide::start_server(shout, free_port());
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    writer.write("hello\nyou");
    writer.write_eof();
    const std::string all = co_await reader.read();
    EXPECT_EQ(all, "HELLO\nYOU");
    writer.close();
    server.close();
    co_await server.wait_closed();
}

BIDE_TEST(stream, has_no_socket_when_it_is_closed) {
    auto server = co_await bide::start_server(shout, free_port());
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    EXPECT_NE(writer.get_extra_info("socket", "none"), "none");
    writer.abort();
    EXPECT_EQ(writer.get_extra_info("socket", "none"), "none");
    server.close();
    co_await server.wait_closed();
}

}  // namespace
