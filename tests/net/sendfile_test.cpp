// bide/net: files on sockets, sent by the kernel or, where it cannot, read and sent.
#include <bide/executor.hpp>
#include <bide/socket.hpp>
#include <bide/thread_pool.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "os/fd.hpp"
#include "os/file_calls.hpp"

namespace {

using namespace std::chrono_literals;
using bide::sendfile_fallback;
using bide::socket;
using bide::detail::unique_fd;
using bide_test::has;
using bide_test::outcome;

class file {
public:
    explicit file(const std::string& text) {
        std::ofstream(folder_.file("data"), std::ios::binary) << text;
        fd_.reset(::open(folder_.file("data").c_str(), O_RDONLY | O_CLOEXEC));
    }
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    bide_test::temp_folder folder_;
    unique_fd fd_;
};

bide::coro<std::string> read_all(socket& from) {
    std::string all;
    for (;;) {
        const std::string piece = co_await from.recv(65536);
        if (piece.empty()) break;
        all += piece;
    }
    co_return all;
}

std::string pattern(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i * 7 % 26);
    return text;
}

BIDE_TEST(sendfile, sends_all_of_a_file_and_leaves_its_position_alone) {
    const std::string text = pattern(3'000'000);  // more than the kernel buffers
    const file source(text);
    auto [a, b] = bide::socketpair();
    auto reading = bide::create_task(read_all(b));
    const std::uint64_t sent = co_await a.sendfile(source.fd());
    EXPECT_EQ(sent, text.size());
    a.close();
    const std::string got = co_await reading;
    EXPECT_TRUE(got == text) << got.size();
    EXPECT_EQ(::lseek(source.fd(), 0, SEEK_CUR), 0);
}

// The disk is waited for on a worker thread. Where the file system has no disk, the file stays in memory.
BIDE_TEST(sendfile, of_what_is_not_in_memory_is_complete) {
    const std::string text = pattern(1'000'000);
    const file source(text);
    EXPECT_EQ(::fsync(source.fd()), 0);
    EXPECT_EQ(::posix_fadvise(source.fd(), 0, 0, POSIX_FADV_DONTNEED), 0);
    char byte = 0;
    const bool cold = bide::detail::sys::read_cached(source.fd(), &byte, 1, 0) == -EAGAIN;
    bide::thread_pool workers(1);
    bide::set_default_executor(workers);
    auto [a, b] = bide::socketpair();
    auto reading = bide::create_task(read_all(b));
    const std::uint64_t sent = co_await a.sendfile(source.fd());
    EXPECT_EQ(sent, text.size());
    a.close();
    const std::string got = co_await reading;
    EXPECT_TRUE(got == text) << got.size();
    EXPECT_EQ(workers.threads(), cold ? 1U : 0U);
}

BIDE_TEST(sendfile, sends_a_piece_of_a_file) {
    const file source("0123456789");
    auto [a, b] = bide::socketpair();
    std::uint64_t sent = co_await a.sendfile(source.fd(), 2, 3);
    EXPECT_EQ(sent, 3U);
    sent = co_await a.sendfile(source.fd(), 8);
    EXPECT_EQ(sent, 2U);
    sent = co_await a.sendfile(source.fd(), 8, 1000);  // the file ends before that
    EXPECT_EQ(sent, 2U);
    sent = co_await a.sendfile(source.fd(), 100);
    EXPECT_EQ(sent, 0U);
    a.close();
    const std::string got = co_await read_all(b);
    EXPECT_EQ(got, "2348989");
}

// The kernel does not send files that it makes up.
BIDE_TEST(sendfile, reads_and_sends_what_the_kernel_cannot_send) {
    std::ifstream again("/proc/self/cmdline");
    const std::string expected{std::istreambuf_iterator<char>(again), {}};
    const unique_fd made_up(::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
    auto [a, b] = bide::socketpair();
    const auto refused =
        co_await bide::as_result(a.sendfile(made_up.get(), 0, std::nullopt, sendfile_fallback::fail));
    EXPECT_EQ(refused.error(), std::errc::invalid_argument);
    EXPECT_TRUE(has(bide::describe_exception(refused.exception()),
                    "sendfile of the file on descriptor " + std::to_string(made_up.get())));
    std::uint64_t sent = co_await a.sendfile(made_up.get());
    EXPECT_EQ(sent, expected.size());
    sent = co_await a.sendfile(made_up.get(), 1, 2);
    EXPECT_EQ(sent, 2U);
    a.close();
    const std::string got = co_await read_all(b);
    EXPECT_EQ(got, expected + expected.substr(1, 2));
}

BIDE_TEST(sendfile, refuses_what_cannot_be_meant) {
    const file source("text");
    auto [a, b] = bide::socketpair();
    auto [c, d] = bide::socketpair(bide::socket_type::datagram);
    EXPECT_TRUE(
        has(bide_test::thrown<std::invalid_argument>([&s = c, &source] { return s.sendfile(source.fd()); }),
            "sendfile on", "a datagram socket cannot"));
    EXPECT_TRUE(has(bide_test::thrown<std::invalid_argument>([&s = a] { return s.sendfile(-1); }),
                    "-1 is no descriptor"));
    EXPECT_TRUE(has(
        bide_test::thrown<std::invalid_argument>([&s = a, &source] { return s.sendfile(source.fd(), 0, 0); }),
        "a count of 0"));
    EXPECT_TRUE(has(bide_test::thrown<std::invalid_argument>(
                        [&s = a, &source] { return s.sendfile(source.fd(), UINT64_MAX); }),
                    "18446744073709551615"));
    const std::string text = co_await outcome(a.sendfile(999'999));
    EXPECT_TRUE(has(text, "sendfile of the file on descriptor 999999: Bad file descriptor"));
    const unique_fd folder(::open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY));
    const std::string directory = co_await outcome(a.sendfile(folder.get()));
    EXPECT_TRUE(has(directory, "sendfile: read the file on descriptor", "Is a directory"));
}

BIDE_TEST(sendfile, waits_for_the_reader_and_gives_way_to_a_cancellation_and_to_a_close) {
    const file source(pattern(3'000'000));
    auto [a, b] = bide::socketpair();
    auto sending = bide::create_task(a.sendfile(source.fd()));
    co_await bide::sleep(1s);
    EXPECT_FALSE(sending.done());
    sending.cancel();
    const std::string end = co_await outcome(sending);
    EXPECT_EQ(end, "cancelled");
    auto again = bide::create_task(a.sendfile(source.fd()));
    co_await bide::sleep(1s);
    a.close();
    const std::string text = co_await outcome(again);
    EXPECT_TRUE(has(text, "sendfile of the file on descriptor", "the socket was closed"));
}

BIDE_TEST(sendfile, to_a_peer_that_is_gone_fails) {
    const file source(pattern(3'000'000));
    auto pair = bide::socketpair();
    pair.second.close();
    const auto done = co_await bide::as_result(pair.first.sendfile(source.fd()));
    EXPECT_EQ(done.error(), std::errc::broken_pipe);
}

bide::coro<void> send_both_ways() {
    const file source("0123456789");
    const unique_fd made_up(::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
    auto pair = bide::socketpair();
    co_await pair.first.sendfile(source.fd());
    co_await pair.first.sendfile(made_up.get());
}

TEST(sendfile, cancelling_at_every_point_leaks_nothing) { bide::testing::cancel_everywhere(send_both_ways); }
TEST(sendfile, a_failure_of_any_operation_leaks_nothing) {
    EXPECT_GE(bide::testing::fail_everywhere(send_both_ways, EPIPE), 4U);
}

}  // namespace
