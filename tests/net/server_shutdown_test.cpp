// bide/net: how a server ends while clients are connected; the code of the documentation.
#include <bide/server.hpp>
#include <bide/signals.hpp>

#include <csignal>

#include "support/async_test.hpp"
#include "support/servers.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;

bide::coro<void> serve_until_told(bide::server server) {
    // [graceful]
    co_await bide::wait_for_signal(SIGTERM);

    server.close();  // no new clients; those that are here have ten seconds
    auto ended = co_await bide::as_result(bide::wait_for(server.wait_closed(), 10s));
    if (!ended) server.abort_clients();
    co_await server.wait_closed();
    // [/graceful]
}

BIDE_TEST(server_shutdown, clients_that_end_in_time_are_waited_for) {
    auto server = co_await bide::start_server(echo, loopback());
    auto peer = co_await connect(server);
    auto serving = bide::create_task(serve_until_told(server));
    co_await bide::sleep(1s);
    ::raise(SIGTERM);
    co_await bide::sleep(5s);
    EXPECT_TRUE(server.sockets().empty());
    const std::string answer = co_await ask(peer, "one more thing");
    EXPECT_EQ(answer, "one more thing");
    EXPECT_FALSE(serving.done());
    peer.writer.close();
    co_await serving;
}

BIDE_TEST(server_shutdown, clients_that_stay_are_cut) {
    auto server = co_await bide::start_server(stay, loopback());
    auto peer = co_await connect(server);
    auto serving = bide::create_task(serve_until_told(server));
    co_await bide::sleep(1s);
    ::raise(SIGTERM);
    const auto before = bide::get_running_loop().time();
    co_await serving;
    EXPECT_GE(bide::get_running_loop().time() - before, 10s);
    const std::string end = co_await peer.reader.read();
    EXPECT_EQ(end, "");
}

}  // namespace
