// bide/net: peers that reset the connection, in every state that it can be in.
#include <bide/stream.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::stream_reader;
using bide::stream_writer;

// A peer by the socket calls alone: a server that has accepted one connection.
class raw_peer {
public:
    explicit raw_peer(int fd) : fd_(fd) {}
    raw_peer(raw_peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    raw_peer& operator=(raw_peer&&) = delete;
    ~raw_peer() {
        if (fd_ >= 0) ::close(fd_);
    }

    void send(std::string_view bytes) const {
        EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    void shut_down_writing() const { ::shutdown(fd_, SHUT_WR); }
    // What arrives until the end, without waiting for what is not there yet.
    [[nodiscard]] std::string drain() const {
        std::string all;
        std::array<char, 65536> room{};
        for (;;) {
            const auto got = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
            if (got <= 0) return all;
            all.append(room.data(), static_cast<std::size_t>(got));
        }
    }
    // RST in place of FIN.
    void reset() {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        ::close(std::exchange(fd_, -1));
    }

private:
    int fd_;
};

class connected {
public:
    connected(bide::connection ours, raw_peer theirs)
        : reader(std::move(ours.reader)), writer(std::move(ours.writer)), peer(std::move(theirs)) {}

    stream_reader reader;
    stream_writer writer;
    raw_peer peer;
};

bide::coro<connected> connect_raw() {
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listening, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    EXPECT_EQ(::listen(listening, 1), 0);
    socklen_t size = sizeof where;
    ::getsockname(listening, reinterpret_cast<sockaddr*>(&where), &size);
    auto opening = bide::open_connection("127.0.0.1", ntohs(where.sin_port));
    bide::connection ours = co_await std::move(opening);
    const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    EXPECT_GE(fd, 0);
    ::close(listening);
    co_return connected(std::move(ours), raw_peer(fd));
}

bide::coro<void> drained(const stream_writer& writer) {
    const stream_writer& from = writer;
    co_await from.drain();
}

void fill(const stream_writer& writer) {
    const std::string piece(64 * 1024, 'x');
    while (writer.get_write_buffer_size() <= 64 * 1024) writer.write(piece);
}

// Every later call tells the same failure, and none of them waits.
bide::coro<void> expect_lost(connected& with, std::errc what) {
    connected& c = with;
    const auto read = co_await bide::as_result(c.reader.readline());
    EXPECT_EQ(read.error(), what);
    const auto drain = co_await bide::as_result(c.writer.drain());
    EXPECT_EQ(drain.error(), what);
    EXPECT_TRUE(c.writer.is_closing());
    EXPECT_NO_THROW(c.writer.write("nobody hears it"));
    EXPECT_EQ(c.writer.get_write_buffer_size(), 0U);
    const auto closed = co_await bide::as_result(c.writer.wait_closed());
    EXPECT_EQ(closed.error(), what);
    c.writer.close();
}

BIDE_TEST(reset, while_a_task_reads) {
    auto c = co_await connect_raw();
    auto reading = bide::create_task(c.reader.readline());
    co_await bide::sleep(1s);
    c.peer.reset();
    const auto line = co_await bide::as_result(reading);
    EXPECT_EQ(line.error(), std::errc::connection_reset);
    EXPECT_TRUE(bide_test::has(bide::describe_exception(line.exception()), "receive from"));
    co_await expect_lost(c, std::errc::connection_reset);
}

BIDE_TEST(reset, in_the_middle_of_a_message) {
    auto c = co_await connect_raw();
    c.peer.send("half a mess");
    auto reading = bide::create_task(c.reader.readline());
    co_await bide::sleep(1s);
    c.peer.reset();
    const auto line = co_await bide::as_result(reading);
    EXPECT_EQ(line.error(), std::errc::connection_reset);
    co_await expect_lost(c, std::errc::connection_reset);
}

BIDE_TEST(reset, of_an_idle_connection_is_met_by_the_next_read) {
    auto c = co_await connect_raw();
    c.peer.reset();
    co_await bide::sleep(1s);
    EXPECT_FALSE(c.writer.is_closing());  // nobody has looked
    co_await expect_lost(c, std::errc::connection_reset);
}

BIDE_TEST(reset, of_an_idle_connection_is_met_by_the_next_write) {
    auto c = co_await connect_raw();
    c.peer.reset();
    co_await bide::sleep(1s);
    c.writer.write("x");
    co_await bide::sleep(1s);
    const auto drain = co_await bide::as_result(c.writer.drain());
    EXPECT_TRUE(drain.error() == std::errc::connection_reset || drain.error() == std::errc::broken_pipe);
    EXPECT_TRUE(c.writer.is_closing());
    const auto read = co_await bide::as_result(c.reader.read());
    EXPECT_EQ(read.error(), drain.error());  // no end that the peer has sent
}

BIDE_TEST(reset, while_tasks_drain) {
    auto c = co_await connect_raw();
    fill(c.writer);
    auto one = bide::create_task(drained(c.writer));
    auto two = bide::create_task(drained(c.writer));
    co_await bide::sleep(1s);
    EXPECT_FALSE(one.done());
    c.peer.reset();
    const auto first = co_await bide::as_result(one);
    const auto second = co_await bide::as_result(two);
    EXPECT_EQ(first.error(), std::errc::connection_reset);
    EXPECT_EQ(second.error(), std::errc::connection_reset);
    const auto closed = co_await bide::as_result(c.writer.wait_closed());
    EXPECT_EQ(closed.error(), std::errc::connection_reset);
}

BIDE_TEST(reset, while_one_task_reads_and_another_drains) {
    auto c = co_await connect_raw();
    fill(c.writer);
    auto draining = bide::create_task(drained(c.writer));
    auto reading = bide::create_task(c.reader.readline());
    co_await bide::sleep(1s);
    c.peer.reset();
    const auto drain = co_await bide::as_result(draining);
    EXPECT_FALSE(drain);
    const auto read = co_await bide::as_result(reading);
    const auto closed = co_await bide::as_result(c.writer.wait_closed());
    EXPECT_FALSE(closed);
    EXPECT_EQ(read.error(), closed.error());  // whoever looks first, all are told the same
}

BIDE_TEST(reset, after_write_eof) {
    auto c = co_await connect_raw();
    c.writer.write("request");
    c.writer.write_eof();
    auto reading = bide::create_task(c.reader.read());
    co_await bide::sleep(1s);
    EXPECT_EQ(c.peer.drain(), "request");
    c.peer.send("half an ans");
    c.peer.reset();
    const auto answer = co_await bide::as_result(reading);
    EXPECT_EQ(answer.error(), std::errc::connection_reset);
    const auto drain = co_await bide::as_result(c.writer.drain());
    EXPECT_EQ(drain.error(), std::errc::connection_reset);
}

BIDE_TEST(reset, while_close_sends_what_is_unsent) {
    auto c = co_await connect_raw();
    fill(c.writer);
    c.writer.close();
    auto closing = bide::create_task(c.writer.wait_closed());
    co_await bide::sleep(1s);
    EXPECT_FALSE(closing.done());
    c.peer.reset();
    const auto closed = co_await bide::as_result(closing);
    EXPECT_EQ(closed.error(), std::errc::connection_reset);
}

BIDE_TEST(reset, after_the_peers_end_and_while_writing_goes_on) {
    auto c = co_await connect_raw();
    c.peer.send("the end");
    c.peer.shut_down_writing();
    const std::string all = co_await c.reader.read();
    EXPECT_EQ(all, "the end");
    EXPECT_FALSE(c.writer.is_closing());
    fill(c.writer);
    auto draining = bide::create_task(drained(c.writer));
    co_await bide::sleep(1s);
    c.peer.reset();
    const auto drain = co_await bide::as_result(draining);
    EXPECT_FALSE(drain);
    EXPECT_TRUE(c.reader.at_eof());  // that was not taken back
    const std::string still = co_await c.reader.read();
    EXPECT_EQ(still, "");
}

BIDE_TEST(reset, of_a_stream_that_was_aborted_matters_to_nobody) {
    auto c = co_await connect_raw();
    c.writer.abort();
    c.peer.reset();
    co_await c.writer.wait_closed();
    const std::string end = co_await c.reader.read();
    EXPECT_EQ(end, "");
}

// A task that reads when its own side closes: the end, on whatever backend.
BIDE_TEST(close, of_its_own_side_ends_a_read_that_is_in_flight) {
    auto c = co_await connect_raw();
    auto reading = bide::create_task(c.reader.readexactly(10));
    c.peer.send("123");
    co_await bide::sleep(1s);
    c.writer.close();
    std::string partial;
    try {
        co_await reading;
    } catch (const bide::incomplete_read_error& e) { partial = e.partial(); }
    EXPECT_EQ(partial, "123");
    co_await c.writer.wait_closed();
}

BIDE_TEST(close, during_a_read_that_keeps_the_stream_alive) {
    auto c = co_await connect_raw();
    auto reading = bide::create_task(c.reader.read());
    co_await bide::sleep(1s);
    {
        const stream_writer gone = std::move(c.writer);
        const stream_reader forgotten = std::move(c.reader);
    }
    const std::string rest = co_await reading;
    EXPECT_EQ(rest, "");
}

// --- a peer that is always ahead: it writes from a thread of its own ---

BIDE_TEST(fairness, a_peer_that_has_always_sent_more_lets_others_run) {
    auto c = co_await connect_raw();
    constexpr std::size_t total = 64 * 1024 * 1024;
    std::thread flood([&c] {
        const std::string piece(1024 * 1024, 'x');
        for (std::size_t sent = 0; sent < total; sent += piece.size()) c.peer.send(piece);
    });
    std::size_t turns = 0;
    auto other = bide::create_task(
        [](std::size_t& count) -> bide::coro<void> {
            for (;; ++count) co_await bide::sleep(0s);
        },
        std::ref(turns));
    for (std::size_t got = 0; got < total;) {
        const std::string_view piece = co_await c.reader.read_view();
        EXPECT_FALSE(piece.empty());
        if (piece.empty()) break;
        got += piece.size();
    }
    flood.join();
    EXPECT_GE(turns, total / (512 * 1024));  // at least one for each 512 KiB
    other.cancel();
    co_await bide::sleep(0s);
}

}  // namespace
