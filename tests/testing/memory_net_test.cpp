// bide/testing: servers and connections by name, in memory.
#include <bide/testing/memory_net.hpp>

#include <bide/bide.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::stream_reader;
using bide::stream_writer;
using bide::testing::memory_net;
using bide::testing::memory_options;

bide::coro<void> echo(stream_reader reader, stream_writer writer) {
    while (auto line = co_await reader.next_line()) {
        writer.write(*line);
        co_await writer.drain();
    }
}

// [net]
BIDE_TEST(memory_net, a_client_finds_a_server_by_its_name) {
    const bide::testing::memory_net net;
    const auto server = net.start_server(echo, "echo");
    auto [reader, writer] = co_await net.open_connection("echo");
    writer.write("hello\n");
    const std::string line = co_await reader.readline();
    EXPECT_EQ(line, "hello\n");
    server.links()[0].reset();  // the connection breaks
    const auto next = co_await bide::as_result(reader.readline());
    EXPECT_EQ(next.error(), std::errc::connection_reset);
    server.close();
    co_await server.wait_closed();
}
// [/net]

BIDE_TEST(memory_net, no_server_refuses) {
    const memory_net net;
    const auto none = co_await bide::as_result(net.open_connection("nobody"));
    EXPECT_EQ(none.error(), std::errc::connection_refused);
    EXPECT_TRUE(bide_test::has(bide::describe_exception(none.exception()), "connect nobody"));
    net.start_server(echo, "gone").close();
    const auto gone = co_await bide::as_result(net.open_connection("gone"));
    EXPECT_EQ(gone.error(), std::errc::connection_refused);
    { const auto dropped = net.start_server(echo, "dropped"); }
    const auto dropped = co_await bide::as_result(net.open_connection("dropped"));
    EXPECT_EQ(dropped.error(), std::errc::connection_refused);
}

BIDE_TEST(memory_net, a_name_has_one_server_and_nets_do_not_touch) {
    const memory_net net;
    const auto first = net.start_server(echo, "name");
    EXPECT_THROW(static_cast<void>(net.start_server(echo, "name")), std::system_error);
    const memory_net other;
    const auto second = other.start_server(echo, "name");
    first.close();
    const auto again = net.start_server(echo, "name");
    co_return;
}

BIDE_TEST(memory_net, close_leaves_connections_and_wait_closed_waits_for_them) {
    const memory_net net;
    const auto server = net.start_server(echo, "echo");
    auto [reader, writer] = co_await net.open_connection("echo");
    server.close();
    EXPECT_EQ(server.client_count(), 1U);
    auto closed = bide::create_task(server.wait_closed());
    writer.write("still served\n");
    const std::string line = co_await reader.readline();
    EXPECT_EQ(line, "still served\n");
    EXPECT_FALSE(closed.done());
    writer.close();
    co_await closed;
    EXPECT_EQ(server.client_count(), 0U);
}

BIDE_TEST(memory_net, wait_closed_waits_for_handlers_that_outlive_their_connections) {
    const memory_net net;
    bool ended = false;
    const auto server = net.start_server(
        [&](bide::stream_reader, bide::stream_writer writer) -> bide::coro<void> {
            writer.close();
            co_await bide::sleep(std::chrono::seconds(5));
            ended = true;
        },
        "slow");
    auto peer = co_await net.open_connection("slow");
    const std::string nothing = co_await peer.reader.read();
    EXPECT_EQ(nothing, "");
    server.close();
    EXPECT_FALSE(ended);
    co_await server.wait_closed();
    EXPECT_TRUE(ended);
}

BIDE_TEST(memory_net, clients_can_be_closed_and_aborted) {
    const memory_net net;
    const auto server = net.start_server(echo, "echo");
    auto [reader, writer] = co_await net.open_connection("echo");
    auto [other_reader, other_writer] = co_await net.open_connection("echo");
    server.close();
    server.close_clients();
    const std::string end = co_await reader.read();
    EXPECT_EQ(end, "");
    server.abort_clients();
    const std::string other_end = co_await other_reader.read();
    EXPECT_EQ(other_end, "");
    co_await server.wait_closed();
    co_await bide::sleep(1s);  // connections are gone at once, their handlers a turn later
}

BIDE_TEST(memory_net, each_side_chooses_how_bytes_arrive) {
    const memory_net net;
    const auto slow = memory_options().pieces(1).delay(1s);
    const auto server = net.start_server(echo, "slow", slow);
    auto [reader, writer] = co_await net.open_connection("slow", memory_options().pieces(2).delay(1s));
    writer.write("abc\n");
    const std::string line = co_await reader.readline();
    EXPECT_EQ(line, "abc\n");
    EXPECT_EQ(bide::get_running_loop().time(), bide::time_point(6s));
    writer.close();
    server.close();
    co_await server.wait_closed();
}

BIDE_TEST(memory_net, a_handler_that_fails_is_reported) {
    bide_test::report_log log(bide::get_running_loop());
    const memory_net net;
    auto fails = [](stream_reader, stream_writer) -> bide::coro<void> {
        co_await bide::sleep(1s);
        throw std::runtime_error("oh");
    };
    const auto server = net.start_server(fails, "fails");
    auto [reader, writer] = co_await net.open_connection("fails");
    const std::string end = co_await reader.read();
    EXPECT_EQ(end, "");
    EXPECT_TRUE(bide_test::has(log.text(), "handler of a connection", "oh"));
}

TEST(memory_net, cancelling_at_every_point_leaves_nothing_behind) {
    bide::testing::cancel_everywhere(
        []() -> bide::coro<void> {
            const memory_net net;
            const auto server = net.start_server(echo, "echo", memory_options().pieces(2));
            auto [reader, writer] = co_await net.open_connection("echo");
            writer.write("hello\n");
            const std::string line = co_await reader.readline();
            EXPECT_EQ(line, "hello\n");
            writer.close();
            server.close();
            co_await server.wait_closed();
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
}

}  // namespace
