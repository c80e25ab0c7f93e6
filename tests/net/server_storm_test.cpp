// bide/net: very many connections, open at once and arriving at once.
// bide-test: no-shuffle
#include <bide/server.hpp>

#include <sys/resource.h>

#include <algorithm>

#include "support/async_test.hpp"
#include "support/servers.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;
using bide::stream_reader;
using bide::stream_writer;

// Raises the limit where that is allowed. Returns how many connections, with both ends here, there may be.
std::size_t raise_limit(std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t needed = 2 * wanted + 100;
    if (limit.rlim_cur < needed) {
        const rlimit more{.rlim_cur = needed, .rlim_max = std::max(limit.rlim_max, needed)};
        if (::setrlimit(RLIMIT_NOFILE, &more) != 0) {
            limit.rlim_cur = limit.rlim_max;
            ::setrlimit(RLIMIT_NOFILE, &limit);
        }
    }
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return std::min(wanted, static_cast<std::size_t>(limit.rlim_cur - 100) / 2);
}

// This machine has many addresses, so that ports do not run out.
bide::address neighbour(const bide::server& to, std::size_t number) {
    return bide::address::ip("127.0.1." + std::to_string(1 + number % 200), to.port());
}

BIDE_TEST(server_storm, twenty_thousand_connections_are_open_at_once) {
    const std::size_t count = raise_limit(20'000);
    auto server = co_await bide::start_server(echo, "0.0.0.0", 0);
    bide::semaphore connecting(1000);
    bide::event leave;
    std::size_t open = 0;
    auto client = [&](std::size_t number) -> bide::coro<void> {
        auto turn = co_await connecting.scoped();
        auto peer = co_await bide::open_connection(neighbour(server, number));
        const std::string text = std::to_string(number);
        const std::string answer = co_await ask(peer, text);
        EXPECT_EQ(answer, text);
        turn.release();
        if (++open == count) {
            EXPECT_EQ(server.connections(), count);
            leave.set();
        }
        co_await leave.wait();
    };
    auto all = [&](bide::task_group& group) -> bide::coro<void> {
        for (std::size_t i = 0; i < count; ++i) group.create_task(client(i));
        co_return;
    };
    co_await bide::with_task_group(all);
    co_await stop(server);
    EXPECT_EQ(open, count);
}

BIDE_TEST(server_storm, four_thousand_clients_come_in_one_turn) {
    const std::size_t count = raise_limit(4000);
    auto server = co_await bide::start_server(echo, "0.0.0.0", 0);
    auto client = [&](std::size_t number) -> bide::coro<void> {
        auto peer = co_await bide::open_connection(neighbour(server, number));
        const std::string answer = co_await ask(peer, "hello");
        EXPECT_EQ(answer, "hello");
    };
    auto all = [&](bide::task_group& group) -> bide::coro<void> {
        for (std::size_t i = 0; i < count; ++i) group.create_task(client(i));
        co_return;
    };
    co_await bide::with_task_group(all);
    co_await stop(server);
}

BIDE_TEST(server_storm, clients_that_come_and_vanish) {
    auto quiet_echo = [](stream_reader reader, stream_writer writer) -> bide::coro<void> {
        const auto outcome = co_await bide::as_result(echo(std::move(reader), std::move(writer)));
        static_cast<void>(outcome);
    };
    auto server = co_await bide::start_server(quiet_echo, "0.0.0.0", 0);
    for (std::size_t wave = 0; wave < 20; ++wave) {
        std::vector<bide::connection> clients;
        for (std::size_t i = 0; i < 50; ++i) {
            auto peer = co_await bide::open_connection(neighbour(server, i));
            if (i % 2 == 0) peer.writer.write("never read");
            clients.push_back(std::move(peer));
        }
        for (bide::connection& each : clients) each.writer.abort();
    }
    auto peer = co_await bide::open_connection(neighbour(server, 0));
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(server_storm, a_turn_of_the_loop_accepts_several_and_not_all) {
    constexpr std::size_t count = 500;
    constexpr std::size_t most_in_a_turn = 64;
    auto server = co_await bide::start_server(stay, loopback(), bide::server_options().start_serving(false));
    std::vector<bide::connection> clients;
    for (std::size_t i = 0; i < count; ++i) {
        auto peer = co_await connect(server);
        clients.push_back(std::move(peer));
    }
    server.start_serving();
    std::size_t before = 0;
    std::size_t turns = 0;
    while (server.connections() < count) {
        co_await bide::sleep(0s);
        EXPECT_LE(server.connections() - before, most_in_a_turn);
        if (server.connections() > before) ++turns;
        before = server.connections();
    }
    EXPECT_LE(turns, count / most_in_a_turn + 1);
    clients.clear();
    co_await stop(server);
}

}  // namespace
