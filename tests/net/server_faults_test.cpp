// bide/net: servers when something goes wrong: no descriptors, peers that reset, end half, stall or vanish.
#include <bide/server.hpp>

#include <sys/resource.h>
#include <sys/socket.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/servers.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;
using bide::stream_reader;
using bide::stream_writer;

// The next close sends a reset: what is on its way is lost.
void make_reset(const bide::connection& end) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    const int fd = std::stoi(end.writer.get_extra_info("socket"));
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// While it lives, no further descriptor can be opened.
class no_descriptors {
public:
    no_descriptors() {
        // UBSan opens a pipe when it meets a type for the first time.
        const std::system_error known(EMFILE, std::generic_category(), "accept");
        static_cast<void>(known.code().message() + bide::describe_exception(std::make_exception_ptr(known)));
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit tight = before_;
        bide::socket probe(bide::address_family::ipv4);
        tight.rlim_cur = static_cast<rlim_t>(probe.fileno());  // the lowest number that is free
        ::setrlimit(RLIMIT_NOFILE, &tight);
    }
    ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

BIDE_TEST(server_faults, without_descriptors_it_pauses_with_one_report_and_goes_on) {
    report_log reports(bide::get_running_loop());
    auto server = co_await bide::start_server(echo, loopback());
    bide::socket client(bide::address_family::ipv4);
    {
        const no_descriptors limit;
        co_await client.connect(server.sockets().front());
        co_await bide::sleep(10s);
        EXPECT_EQ(server.connections(), 0U);
        EXPECT_EQ(reports.size(), 1U);
        EXPECT_TRUE(has(reports.text(), "Accepting connections is paused",
                        "accept on 127.0.0.1:" + std::to_string(server.port()), "Too many open files"));
    }
    auto peer = co_await bide::open_connection(std::move(client));
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    EXPECT_EQ(reports.size(), 1U);
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(server_faults, a_new_episode_is_a_new_report) {
    report_log reports(bide::get_running_loop());
    auto server = co_await bide::start_server(stay, loopback());
    for (std::size_t episode = 1; episode <= 2; ++episode) {
        bide::socket client(bide::address_family::ipv4);
        {
            const no_descriptors limit;
            co_await client.connect(server.sockets().front());
            co_await bide::sleep(5s);
            EXPECT_EQ(reports.size(), episode);
        }
        while (server.connections() == 0) co_await bide::sleep(1s);
        client.close();
        while (server.connections() != 0) co_await bide::sleep(1s);
    }
    co_await stop(server);
}

BIDE_TEST(server_faults, closing_it_while_it_is_paused) {
    report_log reports(bide::get_running_loop());
    auto server = co_await bide::start_server(stay, loopback());
    bide::socket client(bide::address_family::ipv4);
    const no_descriptors limit;
    co_await client.connect(server.sockets().front());
    co_await bide::sleep(5s);
    EXPECT_EQ(reports.size(), 1U);
    co_await stop(server);
}

BIDE_TEST(server_faults, its_reporter_may_close_it) {
    std::optional<bide::server> server = co_await bide::start_server(stay, loopback());
    int reports = 0;
    bide::get_running_loop().set_exception_handler([&](bide::event_loop&, const bide::exception_context&) {
        ++reports;
        server.reset();
    });
    bide::socket client(bide::address_family::ipv4);
    const no_descriptors limit;
    co_await client.connect(server->sockets().front());
    co_await bide::sleep(5s);
    EXPECT_EQ(reports, 1);
}

// Its peers may vanish at any time.
bide::coro<void> quiet_echo(stream_reader reader, stream_writer writer) {
    const auto outcome = co_await bide::as_result(echo(std::move(reader), std::move(writer)));
    static_cast<void>(outcome);
}

// A client that resets the connection at each point of a conversation.
enum class reset_at { connected, sent, answered, after_end };

bide::coro<void> converse_and_reset(const bide::server& server, reset_at point) {
    auto peer = co_await connect(server);
    make_reset(peer);
    if (point >= reset_at::sent) peer.writer.write(std::string(100'000, 'x'));
    if (point >= reset_at::answered) {
        const std::string answer = co_await peer.reader.readexactly(1000);
        EXPECT_EQ(answer.size(), 1000U);
    }
    if (point == reset_at::after_end) {
        peer.writer.write_eof();
        const std::string rest = co_await peer.reader.read();
        EXPECT_EQ(rest.size(), 99'000U);
    }
    peer.writer.abort();
}

BIDE_TEST(server_faults, a_reset_in_every_state_ends_that_connection_only) {
    auto server = co_await bide::start_server(quiet_echo, loopback());
    auto witness = co_await connect(server);
    const std::vector<reset_at> points{reset_at::connected, reset_at::sent, reset_at::answered,
                                       reset_at::after_end};
    for (const reset_at point : points) {
        for (int i = 0; i < 20; ++i) co_await converse_and_reset(server, point);
        const std::string answer = co_await ask(witness, "still there?");
        EXPECT_EQ(answer, "still there?");
    }
    witness.writer.close();
    co_await stop(server);
}

BIDE_TEST(server_faults, connections_given_up_before_they_are_accepted_are_no_errors) {
    auto server =
        co_await bide::start_server(quiet_echo, loopback(), bide::server_options().start_serving(false));
    for (int i = 0; i < 100; ++i) {
        auto peer = co_await connect(server);
        make_reset(peer);
        peer.writer.abort();
    }
    server.start_serving();
    auto peer = co_await connect(server);
    const std::string answer = co_await ask(peer, "hello");
    EXPECT_EQ(answer, "hello");
    peer.writer.close();
    server.close();
    server.abort_clients();
    co_await server.wait_closed();
}

BIDE_TEST(server_faults, a_half_that_ended_leaves_the_other) {
    auto answer_at_the_end = [](stream_reader reader, stream_writer writer) -> bide::coro<void> {
        const std::string all = co_await reader.read();
        writer.write("got " + std::to_string(all.size()));
        co_await writer.drain();
    };
    auto server = co_await bide::start_server(answer_at_the_end, loopback());
    auto peer = co_await connect(server);
    peer.writer.write("question");
    peer.writer.write_eof();
    const std::string answer = co_await peer.reader.read();
    EXPECT_EQ(answer, "got 8");
    peer.writer.close();
    co_await stop(server);
}

BIDE_TEST(server_faults, a_peer_that_does_not_read_holds_up_only_its_own_handler) {
    std::size_t written = 0;
    auto flood = [&](stream_reader, stream_writer writer) -> bide::coro<void> {
        const std::string piece(64 * 1024, 'x');
        for (int i = 0; i < 1024; ++i) {
            writer.write(piece);
            written += piece.size();
            co_await writer.drain();
        }
    };
    auto server = co_await bide::start_server(flood, loopback());
    auto lazy = co_await connect(server);
    co_await bide::sleep(10s);
    const std::size_t at_first = written;
    EXPECT_LT(at_first, 32U * 1024 * 1024);  // what the kernel holds, and one water mark
    co_await bide::sleep(10s);
    EXPECT_EQ(written, at_first);
    const std::string all = co_await lazy.reader.read();
    EXPECT_EQ(all.size(), 64U * 1024 * 1024);
    lazy.writer.close();
    co_await stop(server);
}

BIDE_TEST(server_faults, closed_with_clients_in_the_middle_of_a_message) {
    int incomplete = 0;
    auto need_all = [&](stream_reader reader, stream_writer) -> bide::coro<void> {
        auto message = reader.readexactly(1000);
        try {
            co_await std::move(message);
        } catch (const bide::incomplete_read_error& e) { incomplete += e.partial() == "begun" ? 1 : 100; }
    };
    auto server = co_await bide::start_server(need_all, loopback());
    std::vector<bide::connection> peers;
    for (int i = 0; i < 10; ++i) {
        auto peer = co_await connect(server);
        peer.writer.write("begun");
        peers.push_back(std::move(peer));
    }
    co_await bide::sleep(1s);
    server.close();
    server.close_clients();
    co_await server.wait_closed();
    EXPECT_EQ(incomplete, 10);
    for (const bide::connection& peer : peers) {
        const std::string end = co_await peer.reader.read();
        EXPECT_EQ(end, "");
    }
}

BIDE_TEST(server_faults, an_eager_handler_may_close_its_server) {
    bide::get_running_loop().set_task_factory(
        [](bide::event_loop&, bide::task_options& options) { options.eager_start(); });
    std::optional<bide::server> server;
    server = co_await bide::start_server([&](stream_reader, stream_writer) { server.reset(); }, loopback());
    auto peer = co_await connect(*server);
    const std::string end = co_await peer.reader.read();
    EXPECT_EQ(end, "");
    EXPECT_FALSE(server);
    peer.writer.close();
    co_await bide::sleep(1s);
}

}  // namespace
