// bide/net: servers and connecting, cancelled and failed at every point.
#include <bide/connection.hpp>
#include <bide/server.hpp>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/servers.hpp"
#include "support/temp_folder.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;
using bide::stream_reader;
using bide::stream_writer;
using bide::testing::cancel_everywhere;
using bide::testing::fail_everywhere;
using bide::testing::test_options;

// Peers vanish in these tests.
bide::coro<void> quiet_echo(stream_reader reader, stream_writer writer) {
    const auto outcome = co_await bide::as_result(echo(std::move(reader), std::move(writer)));
    static_cast<void>(outcome);
}

bide::coro<void> talk(bide::server server) {
    auto peer = co_await connect(server);
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    peer.writer.close();
    co_await peer.writer.wait_closed();
}

bide::coro<void> talk_if_it_goes(bide::server server) {
    if (!server.is_serving()) co_return;  // it was closed before this task began
    const auto outcome = co_await bide::as_result(talk(std::move(server)));
    static_cast<void>(outcome);
}

bide::coro<void> serve_and_talk() {
    auto server = co_await bide::start_server(quiet_echo, loopback());
    co_await talk(server);
    co_await stop(server);
}

bide::coro<void> serve_in_a_scope() {
    auto server = co_await bide::start_server(quiet_echo, loopback());
    co_await bide::with_server(server, [&] { return talk(server); });
}

void nothing(std::uint64_t) {}

TEST(server_sweep, a_cancelled_conversation_leaks_nothing) {
    const auto runs = cancel_everywhere(serve_and_talk, nothing, test_options().allow_tasks());
    EXPECT_GT(runs, 5U);
}

// No option: whatever happens, the scope has waited for the handler.
TEST(server_sweep, a_cancelled_scope_leaves_no_task) {
    const auto runs = cancel_everywhere(serve_in_a_scope);
    EXPECT_GT(runs, 5U);
}

TEST(server_sweep, a_cancelled_unix_server_removes_its_file) {
    const temp_folder folder;
    const std::string path = folder.file("socket");
    const auto body = [&]() -> bide::coro<void> {
        auto server = co_await bide::start_unix_server(quiet_echo, path);
        auto peer = co_await bide::open_unix_connection(path);
        const std::string answer = co_await ask(peer, "hello");
        EXPECT_EQ(answer, "hello");
        peer.writer.close();
        co_await stop(server);
    };
    const auto no_file = [&](std::uint64_t) { EXPECT_FALSE(std::filesystem::exists(path)); };
    cancel_everywhere(body, no_file, test_options().allow_tasks());
    fail_everywhere(body, ECONNABORTED, no_file, test_options().allow_tasks());
}

TEST(server_sweep, cancelled_serve_forever) {
    const auto body = []() -> bide::coro<void> {
        auto server = co_await bide::start_server(quiet_echo, loopback());
        auto client = bide::create_task(talk_if_it_goes(server));
        bide::get_running_loop().call_later(1s, [server] { server.close(); });
        co_await server.serve_forever();
    };
    cancel_everywhere(
        [&]() -> bide::coro<void> {
            try {
                co_await body();
            } catch (const bide::cancelled_error&) {}  // also by close()
        },
        nothing, test_options().allow_tasks());
}

// Whatever operation fails, be it the accept, the connect or a byte: the server goes on, and the client is told.
TEST(server_sweep, a_failure_of_any_operation_is_survived) {
    for (const int error : {ECONNABORTED, EMFILE, EIO, ECONNRESET}) {
        const auto runs = fail_everywhere(serve_in_a_scope, error, nothing, test_options().allow_reports());
        EXPECT_GT(runs, 3U) << error;
    }
}

TEST(server_sweep, an_accept_that_fails_for_its_connection_is_repeated_without_a_report) {
    bool talked = false;
    const auto body = [&]() -> bide::coro<void> {
        talked = false;
        auto server = co_await bide::start_server(quiet_echo, loopback());  // operation 0 is its accept
        co_await bide::with_server(server, [&] { return talk(server); });
        talked = true;
    };
    fail_everywhere(
        body, ECONNABORTED,
        [&](std::uint64_t failed) {
            if (failed == 0) { EXPECT_TRUE(talked); }
        },
        test_options());
}

// The table of open files of the whole system is full: as with this process's own limit, accepting pauses for a second.
TEST(server_sweep, an_accept_that_fails_for_want_of_open_files_is_repeated_after_a_second) {
    for (const int error : {ENFILE, EMFILE, ENOMEM, ENOBUFS}) {
        bide::duration waited{};
        std::string reported;
        std::size_t reports_made = 0;
        const auto body = [&]() -> bide::coro<void> {
            auto& loop = bide::get_running_loop();
            report_log reports(loop);
            const auto begun = loop.time();
            auto server = co_await bide::start_server(quiet_echo, loopback());  // operation 0 is its accept
            co_await bide::with_server(server, [&] { return talk(server); });
            waited = loop.time() - begun;
            reported = reports.text();
            reports_made = reports.size();
        };
        std::uint64_t first = 1;
        fail_everywhere(
            body, error,
            [&](std::uint64_t failed) {
                first = std::min(first, failed);
                if (failed != 0) return;
                EXPECT_GE(waited, 1s) << error;
                EXPECT_LT(waited, 2s) << error;
                EXPECT_EQ(reports_made, 1U) << reported;
                EXPECT_TRUE(
                    has(reported, "Accepting connections is paused", std::generic_category().message(error)))
                    << reported;
            },
            test_options().allow_reports());
        EXPECT_EQ(first, 0U);
    }
}

// --- several addresses ---

bide::coro<void> race_to_the_server() {
    const silent_address silent(2);
    auto server = co_await bide::start_server(quiet_echo, loopback(3));
    std::vector<bide::address> several(1, silent.where());
    several.push_back(loopback(4, 1));  // nobody listens there
    several.push_back(server.sockets().front());
    auto talking = [&]() -> bide::coro<void> {
        auto peer = co_await bide::open_connection(several, bide::connection_options().timeout(1min));
        const std::string answer = co_await ask(peer, "hello");
        EXPECT_EQ(answer, "hello");
        peer.writer.close();
    };
    co_await bide::with_server(server, talking);
}

TEST(server_sweep, a_cancelled_race_closes_every_socket) {
    const auto runs = cancel_everywhere(race_to_the_server);
    EXPECT_GT(runs, 5U);
}

TEST(server_sweep, a_race_survives_the_failure_of_any_attempt) {
    for (const int error : {ECONNREFUSED, ENETUNREACH, ETIMEDOUT}) {
        fail_everywhere(race_to_the_server, error, nothing, test_options().allow_reports());
    }
}

}  // namespace
