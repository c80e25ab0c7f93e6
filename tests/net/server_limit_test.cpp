// bide/net: how many connections a server has at a time.
// bide-test: no-shuffle
#include <bide/server.hpp>

#include <algorithm>
#include <vector>

#include "support/async_test.hpp"
#include "support/servers.hpp"

namespace {

using namespace bide_test;

// This machine has many addresses.
constexpr std::size_t address_count = 4;
constexpr std::size_t limit = 2;

bide::coro<void> some_turns() {
    for (int i = 0; i < 20; ++i) co_await bide::sleep(std::chrono::seconds(0));
}

// Several listeners may bring a connection each in the turn that reaches the limit; they must not do so again before
// the number is below it.
BIDE_TEST(server_limit, holds_on_several_addresses_while_clients_come_and_go) {
    std::vector<bide::address> where;
    for (std::size_t i = 0; i < address_count; ++i) {
        where.push_back(bide::address::ip("127.0.0." + std::to_string(1 + i), 0));
    }
    auto server = co_await bide::start_server(echo, where, bide::server_options().connection_limit(limit));
    const std::vector<bide::address> open = server.sockets();
    std::vector<bide::connection> clients;
    for (std::size_t i = 0; i < 10 * address_count; ++i) {
        auto peer = co_await bide::open_connection(open[i % address_count]);
        clients.push_back(std::move(peer));
    }
    co_await some_turns();
    std::size_t most = server.connections();
    for (bide::connection& each : clients) {
        each.writer.close();
        co_await some_turns();
        most = std::max(most, server.connections());
    }
    EXPECT_LE(most, limit + address_count);
    clients.clear();
    co_await stop(server);
}

}  // namespace
