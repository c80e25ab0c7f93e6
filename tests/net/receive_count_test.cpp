// bide/net: how often the system is asked for what has arrived.
// bide-test: no-shuffle
#include <bide/start_tls.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include "support/async_test.hpp"
#include "support/tls_ends.hpp"

namespace {
int calls = 0;
}  // namespace

// In place of the one in libc, for this program.
extern "C" ssize_t recv(int fd, void* to, std::size_t room, int flags) {
    ++calls;
    return ::syscall(SYS_recvfrom, fd, to, room, flags, nullptr, nullptr);
}

namespace {

using namespace bide_test;

constexpr int rounds = 16;

// As over TCP, where a receive that takes less than it could has emptied the socket.
bide::connection whole_connection_over(int fd) {
    const bide::detail::stream_ref stream(
        bide::detail::make_socket_stream(bide::get_running_loop().state(), fd, false));
    return {bide::stream_reader(stream, bide::default_stream_limit), bide::stream_writer(stream)};
}

connection_ends whole_ends() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    return {whole_connection_over(fds[0]), whole_connection_over(fds[1])};
}

bide::coro<void> answer(const bide::connection& peer, int count) {
    for (int i = 0; i < count; ++i) {
        const std::string text = co_await peer.reader.read(100);
        peer.writer.write(text);
    }
}

bide::coro<void> ask(const bide::connection& peer, int count) {
    for (int i = 0; i < count; ++i) {
        peer.writer.write("hello");
        const std::string text = co_await peer.reader.read(100);
        EXPECT_EQ(text, "hello");
    }
}

bide::coro<int> calls_of(const connection_ends& ends) {
    auto warm = bide::gather(answer(ends.server, 2), ask(ends.client, 2));
    co_await std::move(warm);
    calls = 0;
    auto counted = bide::gather(answer(ends.server, rounds), ask(ends.client, rounds));
    co_await std::move(counted);
    co_return calls;
}

// A backend that keeps a receive armed asks less than once.
BIDE_TEST(receive_count, a_read_that_waits_asks_once) {
    const connection_ends ends = whole_ends();
    const int made = co_await calls_of(ends);
    EXPECT_LE(made, 2 * rounds);
}

BIDE_TEST(receive_count, a_tls_read_that_waits_asks_once_for_each_record) {
    auto securing = encrypted(whole_ends(), certificates::get().client(), certificates::get().server());
    const connection_ends ends = co_await std::move(securing);
    const int made = co_await calls_of(ends);
    EXPECT_LE(made, 2 * rounds);
}

}  // namespace
