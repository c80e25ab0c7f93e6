// bide/net: a protocol that writes and closes while it is told to pause or to resume: every byte arrives, in order.
#include <bide/pipe.hpp>
#include <bide/testing/memory_stream.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <optional>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/tls_ends.hpp"

namespace {

using bide_test::all_of;
using bide_test::recorder;

// More than any of the streams takes at once.
std::string pattern(std::size_t size, char first) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(first + i % 23 + (i / 23) % 3);
    return bytes;
}
const std::string& much() {
    static const std::string bytes = pattern(3'000'000, 'a');
    return bytes;
}
const std::string& more() {
    static const std::string bytes = pattern(2'000'000, 'A');
    return bytes;
}

void write_only(const bide::transport& over) { over.write(more()); }
void write_and_close(const bide::transport& over) {
    over.write(more());
    over.close();
}
void write_and_end(const bide::transport& over) {
    over.write(more());
    over.write_eof();
}
void close_only(const bide::transport& over) { over.close(); }

using answer = void (*)(const bide::transport&);

class answering : public recorder {
public:
    answering(answer to_pause, answer to_resume) : to_pause_(to_pause), to_resume_(to_resume) {
        stays_open = true;
    }
    void pause_writing() override {
        recorder::pause_writing();
        if (const answer it = std::exchange(to_pause_, nullptr)) it(over);
    }
    void resume_writing() override {
        recorder::resume_writing();
        if (const answer it = std::exchange(to_resume_, nullptr)) it(over);
    }

private:
    answer to_pause_;
    answer to_resume_;
};

// One direction of a stream; `back` is the other, where there is one.
struct way {
    way(bide::stream_writer f, bide::stream_reader t) : from(std::move(f)), to(std::move(t)) {}
    way(bide::stream_writer f, bide::connection t)
        : from(std::move(f)), to(std::move(t.reader)), back(std::move(t.writer)) {}
    bide::stream_writer from;
    bide::stream_reader to;
    std::optional<bide::stream_writer> back;
};

using maker = bide::coro<way> (*)();

bide::coro<way> over_sockets() {
    bide_test::connection_ends ends = bide_test::plain_ends();
    co_return way(std::move(ends.client.writer), std::move(ends.server));
}
bide::coro<way> over_tls() {
    bide_test::connection_ends ends = co_await bide_test::tls_ends();
    co_return way(std::move(ends.client.writer), std::move(ends.server));
}
bide::coro<way> over_a_pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    bide::stream_reader to = bide::connect_read_pipe(fds[0]);
    co_return way(bide::connect_write_pipe(fds[1]), std::move(to));
}
bide::coro<way> over_memory() {
    auto [first, second, link] = bide::testing::memory_streams();
    co_return way(std::move(first.writer), std::move(second));
}

bide::coro<std::string> exactly(bide::stream_reader from, std::size_t count) {
    std::string bytes = co_await from.readexactly(count);
    co_return bytes;
}

bide::coro<recorder::events> write_much(maker make, answer to_pause, answer to_resume, bool closes) {
    auto making = make();
    way it = co_await std::move(making);
    const auto client = std::make_shared<answering>(to_pause, to_resume);
    auto connecting = bide::detail::connect_protocol(it.from.release(), client);
    const bide::transport over = co_await std::move(connecting);
    over.set_write_buffer_limits(1000, 0);  // resumes when the last byte has gone
    over.write(much());
    const std::string wanted = to_pause == close_only ? much() : much() + more();
    auto reading = closes ? all_of(it.to) : exactly(it.to, wanted.size());
    const std::string got = co_await std::move(reading);
    EXPECT_EQ(got.size(), wanted.size());
    EXPECT_TRUE(got == wanted);
    if (it.back) it.back->close();
    over.close();
    co_await client->gone.wait();
    std::erase(client->calls, "eof");  // a pipe has no other direction
    co_return client->calls;
}

void check(maker make, answer to_pause, answer to_resume, bool closes = true) {
    bide::testing::run_test([=]() -> bide::coro<void> {
        auto writing = write_much(make, to_pause, to_resume, closes);
        const recorder::events calls = co_await std::move(writing);
        EXPECT_EQ(calls[1], "pause");
        EXPECT_EQ(calls[2], "resume");
        EXPECT_EQ(calls.back(), "lost");
    });
}

TEST(write_in_resume_writing, goes_before_the_close_over_sockets) {
    check(over_sockets, nullptr, write_and_close);
}
TEST(write_in_resume_writing, goes_before_the_close_over_tls) { check(over_tls, nullptr, write_and_close); }
TEST(write_in_resume_writing, goes_before_the_close_over_a_pipe) {
    check(over_a_pipe, nullptr, write_and_close);
}
TEST(write_in_resume_writing, goes_before_the_close_over_memory) {
    check(over_memory, nullptr, write_and_close);
}

TEST(write_in_resume_writing, goes_before_the_end_over_sockets) {
    check(over_sockets, nullptr, write_and_end);
}
TEST(write_in_resume_writing, goes_before_the_end_over_a_pipe) { check(over_a_pipe, nullptr, write_and_end); }
TEST(write_in_resume_writing, goes_before_the_end_over_memory) { check(over_memory, nullptr, write_and_end); }

// What TLS encrypts piece by piece is one write for who is told.
TEST(write_in_pause_writing, goes_behind_what_is_being_written_over_sockets) {
    check(over_sockets, write_only, nullptr, false);
}
TEST(write_in_pause_writing, goes_behind_what_is_being_written_over_tls) {
    check(over_tls, write_only, nullptr, false);
}
TEST(write_in_pause_writing, goes_before_the_close_over_sockets) {
    check(over_sockets, write_and_close, nullptr);
}
TEST(write_in_pause_writing, goes_before_the_close_over_tls) { check(over_tls, write_and_close, nullptr); }

// So resume_writing() comes before connection_lost(), as in asyncio.
TEST(close_in_pause_writing, sends_all_over_sockets) { check(over_sockets, close_only, nullptr); }
TEST(close_in_pause_writing, sends_all_over_tls) { check(over_tls, close_only, nullptr); }
TEST(close_in_pause_writing, sends_all_over_a_pipe) { check(over_a_pipe, close_only, nullptr); }
TEST(close_in_pause_writing, sends_all_over_memory) { check(over_memory, close_only, nullptr); }

}  // namespace
