// bide/net: connecting, to one address and to several.
#include <bide/connection.hpp>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/happy_eyeballs.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/servers.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;
using bide::address;
using bide::address_family;
using bide::connection_options;

// Nobody listens there: the port is bound, so that nobody will.
class refusing_address {
public:
    explicit refusing_address(int last = 1, int port = 0) : socket_(address_family::ipv4) {
        socket_.bind(loopback(last, port));
    }
    [[nodiscard]] address where() const { return socket_.local_address(); }

private:
    bide::socket socket_;
};

BIDE_TEST(connection, opens_to_a_host_and_port) {
    auto server = co_await bide::start_server(echo, loopback());
    // [open_connection]
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
    writer.write("hello\n");
    co_await writer.drain();
    const std::string line = co_await reader.readline();
    // [/open_connection]
    EXPECT_EQ(line, "hello\n");
    EXPECT_EQ(writer.get_extra_info("peername"), server.sockets().front().to_string());
    writer.close();
    co_await stop(server);
}

BIDE_TEST(connection, one_refusal_is_thrown_as_it_is) {
    const refusing_address nobody;
    std::error_code code;
    const std::string text = co_await failure(bide::open_connection(nobody.where()), &code);
    EXPECT_EQ(code, std::errc::connection_refused);
    EXPECT_TRUE(has(text, "connect " + nobody.where().to_string() + ": ")) << text;
}

BIDE_TEST(connection, without_descriptors_the_error_says_whom_it_was_for) {
    const refusing_address nobody;
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next_free = ::dup(0);
    ::close(next_free);
    const rlimit none{static_cast<rlim_t>(next_free), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    std::error_code code;
    const std::string text = co_await failure(bide::open_connection(nobody.where()), &code);
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(code, std::errc::too_many_files_open);
    EXPECT_TRUE(has(text, "socket for " + nobody.where().to_string() + ": Too many open files"));
}

BIDE_TEST(connection, an_unspecified_address_is_refused_wherever_it_stands) {
    const refusing_address nobody;
    for (const bool first : {true, false}) {
        std::vector<address> some(2, nobody.where());
        some[first ? 0 : 1] = address();
        const std::string text = co_await failure(bide::open_connection(some));
        EXPECT_TRUE(has(text, "open_connection: the address is unspecified"));
    }
}

BIDE_TEST(connection, when_all_fail_the_error_names_each_address) {
    const refusing_address one(2);
    const refusing_address other(3);
    std::vector<address> both(1, one.where());
    both.push_back(other.where());
    std::error_code code;
    const std::string text = co_await failure(bide::open_connection(both), &code);
    EXPECT_EQ(code, std::errc::connection_refused);
    EXPECT_TRUE(has(text, "connect, tried " + one.where().to_string() + " (Connection refused)",
                    other.where().to_string() + " (Connection refused)"))
        << text;
}

BIDE_TEST(connection, all_errors_come_as_a_group_when_asked) {
    const refusing_address one(2);
    const refusing_address other(3);
    std::vector<address> both(1, one.where());
    both.push_back(other.where());
    std::vector<std::string> texts;
    auto connecting = bide::open_connection(both, connection_options().all_errors(true));
    try {
        co_await std::move(connecting);
    } catch (const bide::exception_group& group) {
        for (const auto& each : group.exceptions()) texts.push_back(bide::describe_exception(each));
    }
    EXPECT_EQ(texts.size(), 2U);
    EXPECT_TRUE(has(texts.front(), one.where().to_string()));
    EXPECT_TRUE(has(texts.back(), other.where().to_string()));
}

BIDE_TEST(section17, s80_the_next_attempt_starts_when_the_previous_fails) {
    const refusing_address nobody(2);
    auto server = co_await bide::start_server(echo, loopback(3));
    std::vector<address> both(1, nobody.where());
    both.push_back(server.sockets().front());
    const auto before = bide::get_running_loop().time();
    auto options = connection_options().happy_eyeballs_delay(1h);
    auto peer = co_await bide::open_connection(both, options);
    EXPECT_LT(bide::get_running_loop().time() - before, 1min);
    EXPECT_EQ(peer.writer.get_extra_info("peername"), server.sockets().front().to_string());
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(section17, s80_or_when_the_delay_has_passed_and_the_loser_is_closed) {
    const silent_address silent(2);
    auto server = co_await bide::start_server(echo, loopback(3));
    std::vector<address> both(1, silent.where());
    both.push_back(server.sockets().front());
    const auto before = bide::get_running_loop().time();
    auto peer = co_await bide::open_connection(both);
    const auto took = bide::get_running_loop().time() - before;
    EXPECT_GE(took, 250ms);
    EXPECT_LT(took, 10s);
    EXPECT_EQ(peer.writer.get_extra_info("peername"), server.sockets().front().to_string());
    EXPECT_EQ(bide::all_tasks().size(), 3U);  // the test, this one, the handler: the loser has ended
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(connection, an_attempt_that_was_slow_may_still_win) {
    const silent_address silent(2);
    const refusing_address nobody(3);
    std::vector<address> both(1, silent.where());
    both.push_back(nobody.where());
    auto connecting = bide::create_task(bide::open_connection(both));
    co_await bide::sleep(1s);
    EXPECT_FALSE(connecting.done());  // the second has been refused; the first is still waited for
    connecting.cancel();
    co_await ended(connecting);
    EXPECT_TRUE(connecting.cancelled());
}

BIDE_TEST(connection, without_a_delay_one_comes_after_another) {
    const silent_address silent(2);
    auto server = co_await bide::start_server(echo, loopback(3));
    std::vector<address> both(1, silent.where());
    both.push_back(server.sockets().front());
    auto options = connection_options().happy_eyeballs_delay(std::nullopt).timeout(10s);
    std::error_code code;
    co_await failure(bide::open_connection(both, options), &code);
    EXPECT_EQ(code, std::errc::timed_out);
    co_await stop(server);
}

BIDE_TEST(connection, gives_up_after_its_timeout) {
    const silent_address silent;
    const auto before = bide::get_running_loop().time();
    std::error_code code;
    co_await failure(bide::open_connection(silent.where(), connection_options().timeout(3s)), &code);
    EXPECT_EQ(code, std::errc::timed_out);
    EXPECT_GE(bide::get_running_loop().time() - before, 3s);
}

BIDE_TEST(connection, connects_from_the_local_address) {
    auto server = co_await bide::start_server(echo, loopback());
    auto options = connection_options().local_address(loopback(7));
    auto peer = co_await bide::open_connection("127.0.0.1", server.port(), options);
    EXPECT_TRUE(has(peer.writer.get_extra_info("sockname"), "127.0.0.7:"));
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(connection, a_local_address_of_another_family_is_refused) {
    auto options = connection_options().local_address(address::loopback(address_family::ipv6, 0));
    std::error_code code;
    const std::string text = co_await failure(bide::open_connection(loopback(1, 9), options), &code);
    EXPECT_EQ(code, std::errc::address_family_not_supported);
    EXPECT_TRUE(has(text, "connect to 127.0.0.1:9", "[::1]:0")) << text;
}

BIDE_TEST(connection, only_addresses_of_the_family_that_was_asked_for) {
    const auto options = connection_options().family(address_family::ipv6);
    const auto outcome = co_await bide::as_result(bide::open_connection("127.0.0.1", 9, options));
    EXPECT_FALSE(outcome);
    EXPECT_EQ(&outcome.error().category(), &bide::resolver_category());
}

BIDE_TEST(connection, ports_are_checked) {
    const std::vector<int> wrong{0, -1, 65536};
    for (const int port : wrong) {
        std::error_code code;
        const std::string text = co_await failure(bide::open_connection("127.0.0.1", port), &code);
        EXPECT_EQ(code, std::errc::invalid_argument);
        EXPECT_TRUE(has(text, "open_connection: " + std::to_string(port) + " is no port")) << text;
    }
    std::error_code code;
    co_await failure(bide::open_connection(std::vector<address>()), &code);
    EXPECT_EQ(code, std::errc::invalid_argument);
}

BIDE_TEST(connection, takes_a_socket_that_is_connected_already) {
    auto server = co_await bide::start_server(echo, loopback());
    bide::socket made(address_family::ipv4);
    co_await made.connect(server.sockets().front());
    auto peer = co_await bide::open_connection(std::move(made));
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    peer.writer.close();
    co_await stop(server);

    std::error_code code;
    co_await failure(bide::open_connection(bide::socket(address_family::ipv4)), &code);
    EXPECT_EQ(code, std::errc::not_connected);
    bide::socket datagrams(address_family::ipv4, bide::socket_type::datagram);
    co_await datagrams.connect(loopback(1, 9));
    co_await failure(bide::open_connection(std::move(datagrams)), &code);
    EXPECT_EQ(code, std::errc::invalid_argument);
}

BIDE_TEST(connection, the_limit_is_that_of_its_reader) {
    auto server = co_await bide::start_server(echo, loopback());
    auto options = connection_options().limit(4);
    auto peer = co_await bide::open_connection("127.0.0.1", server.port(), options);
    peer.writer.write("longer than four\n");
    bool over = false;
    auto reading = peer.reader.readline();
    try {
        co_await std::move(reading);
    } catch (const bide::limit_overrun_error&) { over = true; }
    EXPECT_TRUE(over);
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(connection, a_unix_path_where_nobody_listens_is_named) {
    std::error_code code;
    const std::string text = co_await failure(bide::open_unix_connection("/nowhere/at/all"), &code);
    EXPECT_EQ(code, std::errc::no_such_file_or_directory);
    EXPECT_TRUE(has(text, "connect /nowhere/at/all")) << text;
}

BIDE_TEST(connection, tls_without_a_name_to_verify_is_refused_before_connecting) {
    auto options = connection_options().tls(bide::tls_context::client());
    std::error_code code;
    const std::string text = co_await failure(bide::open_unix_connection("/nowhere/at/all", options), &code);
    EXPECT_EQ(code, std::errc::invalid_argument);
    EXPECT_TRUE(has(text, "server_hostname()")) << text;
}

TEST(connection, families_take_turns) {
    const auto four = [](int last) { return loopback(last, 80); };
    const auto six = [](int last) { return address::ip("2001:db8::" + std::to_string(last), 80); };
    const std::vector<address> given{six(1), six(2), six(3), four(1), four(2)};
    using bide::detail::interleave;
    EXPECT_EQ(interleave(given, 0), given);
    EXPECT_EQ(interleave(given, 1), (std::vector<address>{six(1), four(1), six(2), four(2), six(3)}));
    EXPECT_EQ(interleave(given, 2), (std::vector<address>{six(1), six(2), four(1), six(3), four(2)}));
    EXPECT_EQ(interleave(given, 9), (std::vector<address>{six(1), six(2), six(3), four(1), four(2)}));
    EXPECT_EQ(interleave({}, 1), std::vector<address>());
}

}  // namespace
