// bide/testing: every kind of stream keeps every rule of streams.
#include <bide/testing/stream_conformance.hpp>

#include <gtest/gtest.h>

#include <bide/bide.hpp>
#include <bide/pipe.hpp>
#include <bide/testing/memory_stream.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "net/pipe_stream.hpp"
#include "support/tls_ends.hpp"

namespace {

using bide::connection;
using bide::stream_reader;
using bide::stream_writer;
using bide::testing::memory_options;
using bide::testing::stream_factory;
using bide::testing::stream_pair;
using bide::testing::stream_traits;

bide::coro<stream_pair> in_memory() {
    auto made = bide::testing::memory_streams();
    co_return stream_pair(std::move(made.first), std::move(made.second));
}

bide::coro<stream_pair> in_pieces() {
    memory_options options;
    options.pieces({1, 2, 700, 3, 65536}).capacity(100'000);
    auto made = bide::testing::memory_streams(options);
    co_return stream_pair(std::move(made.first), std::move(made.second));
}

bide::coro<stream_pair> without_half_close() {
    auto made = bide::testing::memory_streams(memory_options().half_close(false));
    co_return stream_pair(std::move(made.first), std::move(made.second));
}

bide::coro<stream_pair> over_sockets(bide::address where) {
    bide::socket listening(where.family());
    listening.bind(where);
    listening.listen();
    bide::socket near(where.family());
    co_await near.connect(listening.local_address());
    bide::accepted_socket far = co_await listening.accept();
    connection one = co_await bide::open_connection(std::move(near));
    connection other = co_await bide::open_connection(std::move(far.connection));
    co_return stream_pair(std::move(one), std::move(other));
}

bide::coro<stream_pair> over_tcp() {
    return over_sockets(bide::address::loopback(bide::address_family::ipv4, 0));
}

bide::coro<stream_pair> over_unix_socket() {
    static int count = 0;
    return over_sockets(bide::address::local("@bide-conformance-" + std::to_string(::getpid()) + "-" +
                                             std::to_string(++count)));
}

// The far end is what the handler of a server gets.
bide::coro<stream_pair> over_server() {
    auto accepted = bide::create_future<std::shared_ptr<connection>>();
    const auto handler = [accepted](stream_reader reader, stream_writer writer) -> bide::coro<void> {
        if (!accepted.done())
            accepted.set_result(std::make_shared<connection>(std::move(reader), std::move(writer)));
        co_return;
    };
    const auto where = bide::address::loopback(bide::address_family::ipv4, 0);
    auto starting = bide::start_server(handler, where);
    const bide::server server = co_await std::move(starting);
    auto opening = bide::open_connection("127.0.0.1", server.port());
    connection near = co_await std::move(opening);
    const auto far = co_await accepted;
    server.close();
    co_return stream_pair(std::move(near), std::move(*far));
}

bide::coro<stream_pair> over_pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    stream_reader reader = bide::connect_read_pipe(ends[0]);
    co_return stream_pair(bide::connect_write_pipe(ends[1]), std::move(reader));
}

bide::coro<stream_pair> over_socket_pipe() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    stream_reader reader = bide::connect_read_pipe(ends[0]);
    co_return stream_pair(bide::connect_write_pipe(ends[1]), std::move(reader));
}

// Descriptors that are not in O_NONBLOCK mode, as those of the standard streams may be.
bide::coro<stream_pair> over_shared_pipe() {
    using bide::detail::pipe_end;
    using bide::detail::stream_ref;
    constexpr auto pipe = bide::detail::sys::stream_kind::pipe;
    bide::detail::loop_state& loop = bide::detail::current_loop_state("over_shared_pipe");
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const stream_ref reading(bide::detail::make_pipe_reader(loop, pipe_end(ends[0], pipe, true, true)));
    const stream_ref writing(bide::detail::make_pipe_writer(loop, pipe_end(ends[1], pipe, true, true)));
    co_return stream_pair(stream_writer(writing), stream_reader(reading, bide::default_stream_limit));
}

// Of two handshakes that are cancelled together, one may see that the other has gone.
bide::coro<stream_pair> over_tls() {
    std::optional<bide_test::connection_ends> ends;
    try {
        ends = co_await bide_test::tls_ends();
    } catch (const std::system_error&) {
        if (bide::current_task().cancelling() != 0) throw bide::cancelled_error();
        throw;
    }
    co_return stream_pair(std::move(ends->client), std::move(ends->server));
}

struct kind {
    const char* name;
    bide::coro<stream_pair> (*make)();
    stream_traits traits = {};
    bool has_server = false;  // which reports it when it cannot accept: no sweep over failures
};

const kind kinds[] = {
    {"memory", in_memory},
    {"pieces", in_pieces},
    {"without_half_close", without_half_close, stream_traits().half_close(false)},
    {"tcp", over_tcp},
    {"server", over_server, stream_traits(), true},
    {"unix_socket", over_unix_socket},
    {"pipe", over_pipe, stream_traits().two_way(false)},
    {"shared_pipe", over_shared_pipe, stream_traits().two_way(false)},
    {"tls", over_tls, stream_traits().half_close(false)},
    {"socket_pipe", over_socket_pipe, stream_traits().two_way(false)},
};

class rule_test : public testing::Test {
public:
    rule_test(const kind& what, std::string rule) : kind_(what), rule_(std::move(rule)) {}
    void TestBody() override { bide::testing::check_stream_rule(rule_, kind_.make, kind_.traits); }

private:
    const kind& kind_;
    std::string rule_;
};

// One test for each kind and rule: stream_memory.read_gives_what_is_there.
[[maybe_unused]] const bool registered = [] {
    for (const kind& each : kinds) {
        for (const std::string& rule : bide::testing::stream_rules(each.traits)) {
            if (each.has_server && rule.starts_with("whatever_operation_fails")) continue;
            testing::RegisterTest(("stream_" + std::string(each.name)).c_str(), rule.c_str(), nullptr,
                                  nullptr, __FILE__, __LINE__,
                                  [&each, rule]() -> testing::Test* { return new rule_test(each, rule); });
        }
    }
    return true;
}();

}  // namespace
