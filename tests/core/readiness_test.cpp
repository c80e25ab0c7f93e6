// bide/core: waiting for descriptors of others; with it, operations and cancellation.
#include <bide/readiness.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <array>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::outcome;

// Two connected sockets in non-blocking mode, closed at the end.
class socket_pair {
public:
    socket_pair() {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_.data()), 0);
    }
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;
    ~socket_pair() {
        for (const int each : ends_) close(each);
    }
    [[nodiscard]] int a() const { return ends_[0]; }
    [[nodiscard]] int b() const { return ends_[1]; }
    void close_b() {
        close(ends_[1]);
        ends_[1] = -1;
    }

private:
    static void close(int fd) {
        if (fd < 0) return;
        if (bide::event_loop* const loop = bide::running_loop()) loop->forget(fd);
        ::close(fd);
    }
    std::array<int, 2> ends_{};
};

void put(int fd, const std::string& text) {
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}
std::string take(int fd) {
    char text[64];
    const auto size = ::read(fd, text, sizeof text);
    return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

// [wait_readable]
bide::coro<std::string> read_some(int fd) {
    co_await bide::wait_readable(fd);
    char text[64];
    const auto size = ::read(fd, text, sizeof text);
    co_return std::string(text, size < 0 ? 0 : static_cast<std::size_t>(size));
}
// [/wait_readable]

BIDE_TEST(readiness, waits_until_there_is_something_to_read) {
    const socket_pair pair;
    const auto reader = bide::create_task(read_some(pair.a()));
    co_await bide::sleep(1s);
    EXPECT_FALSE(reader.done());
    put(pair.b(), "hello");
    const std::string text = co_await reader;
    EXPECT_EQ(text, "hello");
}

BIDE_TEST(readiness, gives_the_events) {
    socket_pair pair;
    const std::size_t writable = co_await bide::wait_writable(pair.a());
    EXPECT_TRUE((writable & POLLOUT) != 0);
    put(pair.b(), "x");
    const std::size_t readable = co_await bide::wait_readable(pair.a());
    EXPECT_TRUE((readable & POLLIN) != 0);
    EXPECT_EQ(take(pair.a()), "x");
    pair.close_b();
    const std::size_t ended = co_await bide::wait_readable(pair.a());
    EXPECT_TRUE((ended & (POLLIN | POLLHUP)) != 0);
    EXPECT_EQ(take(pair.a()), "");
}

BIDE_TEST(readiness, a_full_socket_becomes_writable_when_the_peer_reads) {
    const socket_pair pair;
    const std::string block(4096, 'x');
    while (::write(pair.a(), block.data(), block.size()) > 0) continue;
    const auto waiter = bide::create_task(outcome(bide::wait_writable(pair.a())));
    co_await bide::sleep(1s);
    EXPECT_FALSE(waiter.done());
    char sink[4096];
    while (::read(pair.b(), sink, sizeof sink) > 0) continue;
    const std::string ended = co_await waiter;
    EXPECT_EQ(ended, "value");
}

BIDE_TEST(readiness, several_tasks_may_wait_for_one_descriptor) {
    const socket_pair pair;
    std::vector<bide::task<std::string>> waiters;
    for (int i = 0; i < 3; ++i) waiters.push_back(bide::create_task(outcome(bide::wait_readable(pair.a()))));
    waiters.push_back(bide::create_task(outcome(bide::wait_writable(pair.a()))));
    co_await bide::sleep(1s);
    EXPECT_TRUE(waiters.back().done());
    put(pair.b(), "x");
    for (const auto& each : waiters) {
        const std::string ended = co_await each;
        EXPECT_EQ(ended, "value");
    }
}

BIDE_TEST(readiness, a_bad_descriptor_is_named) {
    std::string text;
    try {
        co_await bide::wait_readable(-1);
    } catch (const std::system_error& e) {
        text = e.what();
        EXPECT_EQ(e.code(), std::errc::bad_file_descriptor);
    }
    EXPECT_TRUE(has(text, "read", "on descriptor -1"));
}

BIDE_TEST(readiness, cancelled_the_wait_ends_and_the_descriptor_is_as_before) {
    const socket_pair pair;
    const auto waiter = bide::create_task(outcome(bide::wait_readable(pair.a())));
    co_await bide::sleep(1s);
    waiter.cancel();
    const std::string ended = co_await waiter;
    EXPECT_EQ(ended, "cancelled");
    put(pair.b(), "kept");
    const std::string text = co_await read_some(pair.a());
    EXPECT_EQ(text, "kept");
}

BIDE_TEST(readiness, forget_ends_the_waits_with_an_error) {
    const socket_pair pair;
    const auto waiter = bide::create_task(outcome(bide::wait_readable(pair.a())));
    co_await bide::sleep(1s);
    bide::get_running_loop().forget(pair.a());
    const std::string ended = co_await waiter;
    EXPECT_TRUE(has(ended, "read", "on descriptor", "canceled"));
}

// --- operations and cancellation in general ---

bide::coro<std::string> wait_then_sleep(int fd) {
    std::string log;
    try {
        co_await bide::wait_readable(fd);
        log += "read;";
        co_await bide::sleep(0s);
        log += "slept;";
    } catch (const bide::cancelled_error&) { log += "cancelled;"; }
    co_return log;
}

// An operation that completed although it is being cancelled reports what it did; the cancellation fires at the next
// await.
BIDE_TEST(operation, completion_beats_cancellation) {
    const socket_pair pair;
    put(pair.b(), "x");
    auto task = bide::create_task(wait_then_sleep(pair.a()), bide::task_options().eager_start());
    task.cancel();  // in flight
    const std::string log = co_await task;
    EXPECT_TRUE(log == "read;cancelled;" || log == "cancelled;") << log;
}

BIDE_TEST(operation, cancelled_before_it_began_does_not_start) {
    const socket_pair pair;
    const auto body = [](int fd) -> bide::coro<std::string> {
        bide::current_task().cancel();
        const std::string log = co_await wait_then_sleep(fd);
        co_return log;
    };
    put(pair.b(), "x");
    const std::string log = co_await bide::create_task(body(pair.a()));
    EXPECT_EQ(log, "cancelled;");
}

// The kernel has ended the operation by then: there is no result to return, and no error of the operation's own.
BIDE_TEST(operation, a_cancel_taken_back_too_late_is_still_a_cancellation) {
    const socket_pair pair;
    const auto waiter = bide::create_task(outcome(bide::wait_readable(pair.a())));
    co_await bide::sleep(1s);
    waiter.cancel();
    EXPECT_EQ(waiter.uncancel(), 0U);
    const std::string ended = co_await waiter;
    EXPECT_EQ(ended, "cancelled");
    // A later operation that the descriptor's owner ends is no cancellation.
    const auto next = bide::create_task(outcome(bide::wait_readable(pair.a())));
    co_await bide::sleep(1s);
    bide::get_running_loop().forget(pair.a());
    const std::string forgotten = co_await next;
    EXPECT_TRUE(has(forgotten, "canceled"));
}

// --- sweeps ---

bide::coro<int> read_through(int depth, int fd) {
    int size = 0;
    if (depth > 0) {
        size = co_await read_through(depth - 1, fd);
    } else {
        co_await bide::wait_readable(fd);
        size = static_cast<int>(take(fd).size());
    }
    co_return size;
}

// So that the other side does not wait for ever.
struct hang_up {
    int fd;
    ~hang_up() { ::shutdown(fd, SHUT_RDWR); }
};

bide::coro<void> ping_pong(int& ended) {
    const socket_pair pair;
    const auto echo = bide::create_task(
        [](int fd) -> bide::coro<void> {
            const hang_up at_end{fd};
            for (int i = 0; i < 2; ++i) {
                co_await bide::wait_readable(fd);
                put(fd, take(fd));
                co_await bide::wait_writable(fd);
            }
        },
        pair.b());
    std::exception_ptr error;
    try {
        for (int i = 0; i < 2; ++i) {
            if (!echo.done()) put(pair.a(), "ping");
            const int size = co_await read_through(3, pair.a());
            EXPECT_TRUE(size == 4 || size == 0);  // 0: the other side has failed and hung up
        }
        co_await echo;
        ++ended;
    } catch (...) { error = std::current_exception(); }
    echo.cancel();
    bool over = false;
    while (!over) {
        try {
            if (!echo.done()) co_await bide::sleep(1s);
            over = echo.done();
        } catch (const bide::cancelled_error&) {}
    }
    if (echo.done() && !echo.cancelled()) static_cast<void>(echo.exception());
    if (error) std::rethrow_exception(error);
}

TEST(readiness, a_cancel_sweep_over_a_chain_of_awaits) {
    int ended = 0;
    const auto runs = bide::testing::cancel_everywhere([&] { return ping_pong(ended); });
    EXPECT_GE(runs, 5U);
    EXPECT_GE(ended, 1);
}

TEST(readiness, a_failure_sweep_over_a_chain_of_awaits) {
    int ended = 0;
    const auto runs = bide::testing::fail_everywhere([&] { return ping_pong(ended); });
    EXPECT_GE(runs, 5U);
    EXPECT_GE(ended, 1);
}

}  // namespace
