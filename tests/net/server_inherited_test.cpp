// bide/net: servers on sockets that a service manager opened.
// bide-test: no-shuffle
#include <bide/server.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/servers.hpp"

namespace {

using namespace bide_test;

void announce(const std::string& pid, const char* count, const char* names) {
    ::setenv("LISTEN_PID", pid.c_str(), 1);
    ::setenv("LISTEN_FDS", count, 1);
    ::setenv("LISTEN_FDNAMES", names, 1);
}

// One connection, then the end. Returns the names of the sockets.
bide::coro<std::string> serve_one() {
    std::string names;
    bide::event served;
    auto handler = [&](bide::stream_reader reader, bide::stream_writer writer) -> bide::coro<void> {
        co_await echo(std::move(reader), std::move(writer));
        served.set();
    };
    // [inherited]
    std::vector<bide::server> servers;
    for (bide::inherited_socket& each : bide::inherited_sockets()) {
        names += each.name + ' ';
        auto server = co_await bide::start_server(handler, std::move(each.listening));
        servers.push_back(std::move(server));
    }
    // [/inherited]
    co_await served.wait();
    for (const bide::server& each : servers) co_await stop(each);
    co_return names;
}

// In a child, as the service manager starts it.
[[noreturn]] void be_the_service(int one, int other) {
    const int first = ::fcntl(one, F_DUPFD, 100);  // 3 and 4 may be one of them
    const int second = ::fcntl(other, F_DUPFD, 100);
    ::dup2(first, 3);
    ::dup2(second, 4);
    announce(std::to_string(::getpid()), "2", "web:admin");
    const std::string names = bide::run(serve_one());
    const bool taken = std::getenv("LISTEN_FDS") == nullptr && bide::inherited_sockets().empty();
    std::_Exit(names == "web admin " && taken ? 0 : 1);
}

TEST(inherited_sockets, are_served) {
    bide::socket one(bide::address_family::ipv4);
    bide::socket other(bide::address_family::ipv4);
    one.bind(loopback());
    one.listen();
    other.bind(loopback());
    other.listen();
    const pid_t child = ::fork();
    if (child == 0) be_the_service(one.fileno(), other.fileno());
    const auto visit = [&]() -> bide::coro<std::string> {
        auto peer = co_await bide::open_connection(one.local_address());
        std::string answer = co_await ask(peer, "hello");
        co_return answer;
    };
    EXPECT_EQ(bide::run(visit()), "hello");
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST(inherited_sockets, of_another_process_are_left_alone) {
    announce("1", "1", "");
    EXPECT_TRUE(bide::inherited_sockets().empty());
    EXPECT_EQ(std::getenv("LISTEN_PID"), nullptr);
    EXPECT_TRUE(bide::inherited_sockets().empty());
}

}  // namespace
