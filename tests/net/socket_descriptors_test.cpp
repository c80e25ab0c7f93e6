// bide/tests: descriptors that travel over unix sockets.
#include <bide/socket.hpp>

#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/open_descriptors.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

namespace {

using namespace std::chrono_literals;
using bide::descriptor;

class pipe_ends {
public:
    pipe_ends() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        reading = descriptor(ends[0]);
        writing = descriptor(ends[1]);
    }
    descriptor reading;
    descriptor writing;
};

std::size_t open_now() { return bide::detail::open_descriptors().size(); }

// [send]
bide::coro<std::string> through_another_hand() {
    auto [here, there] = bide::socketpair();
    pipe_ends pipe;
    std::vector<int> numbers{pipe.writing.fileno()};
    co_await here.send_fds("a pipe for you", numbers);
    pipe.writing.close();

    auto message = co_await there.recv_fds(64);
    EXPECT_EQ(message.data, "a pipe for you");
    const bide::stream_writer out = bide::connect_write_pipe(message.fds.at(0).release());
    const bide::stream_reader in = bide::connect_read_pipe(pipe.reading.release());
    out.write("hello\n");
    out.close();
    std::string line = co_await in.readline();
    co_await out.wait_closed();
    co_return line;
}
// [/send]

BIDE_TEST(socket_descriptors, arrive_as_the_same_open_file) {
    const std::string line = co_await through_another_hand();
    EXPECT_EQ(line, "hello\n");
}

BIDE_TEST(socket_descriptors, are_closed_on_exec_and_come_with_the_first_byte) {
    auto [here, there] = bide::socketpair();
    pipe_ends pipe;
    const std::vector<int> both{pipe.reading.fileno(), pipe.writing.fileno()};
    co_await here.send_fds("abc", both);
    auto first = co_await there.recv_fds(1);
    EXPECT_EQ(first.data, "a");
    EXPECT_EQ(first.fds.size(), 2U);
    for (const descriptor& each : first.fds) EXPECT_EQ(::fcntl(each.fileno(), F_GETFD), FD_CLOEXEC);
    struct ::stat one{};
    struct ::stat other{};
    EXPECT_EQ(::fstat(pipe.reading.fileno(), &one), 0);
    EXPECT_EQ(::fstat(first.fds[0].fileno(), &other), 0);
    EXPECT_EQ(one.st_ino, other.st_ino);
    auto rest = co_await there.recv_fds(10);
    EXPECT_EQ(rest.data, "bc");
    EXPECT_TRUE(rest.fds.empty());
    here.close();
    auto end = co_await there.recv_fds(10);
    EXPECT_TRUE(end.data.empty());
    EXPECT_TRUE(end.fds.empty());
}

BIDE_TEST(socket_descriptors, more_than_there_is_room_for_are_closed_and_reported) {
    auto [here, there] = bide::socketpair();
    pipe_ends pipe;
    const std::vector<int> four{pipe.reading.fileno(), pipe.writing.fileno(), pipe.reading.fileno(),
                                pipe.writing.fileno()};
    co_await here.send_fds("x", four);
    const std::size_t before = open_now();
    const std::string how = co_await bide_test::outcome(there.recv_fds(10, 1));
    EXPECT_TRUE(bide_test::has(how, "recv_fds", "more descriptors came than the 1"));
    EXPECT_EQ(open_now(), before);
    co_await here.send_fds("y", four);
    const std::string none = co_await bide_test::outcome(there.recv_fds(10, 0));
    EXPECT_TRUE(bide_test::has(none, "than the 0"));
    EXPECT_EQ(open_now(), before);
}

// Room for one is rounded up to room for two.
BIDE_TEST(socket_descriptors, one_more_than_there_is_room_for_is_one_too_many) {
    auto [here, there] = bide::socketpair();
    pipe_ends pipe;
    const std::vector<int> two{pipe.reading.fileno(), pipe.writing.fileno()};
    const std::size_t before = open_now();
    co_await here.send_fds("x", two);
    const std::string how = co_await bide_test::outcome(there.recv_fds(10, 1));
    EXPECT_TRUE(bide_test::has(how, "more descriptors came than the 1"));
    EXPECT_EQ(open_now(), before);
    co_await here.send_fds("y", two);
    auto message = co_await there.recv_fds(10, 2);
    EXPECT_EQ(message.fds.size(), 2U);
}

BIDE_TEST(socket_descriptors, wait_for_their_turn) {
    auto [here, there] = bide::socketpair();
    pipe_ends pipe;
    bide::socket& to = there;
    auto receiving = bide::create_task([&to]() -> bide::coro<std::size_t> {
        auto message = co_await to.recv_fds(10);
        co_return message.fds.size();
    });
    co_await bide::sleep(1ms);
    const std::vector<int> one{pipe.reading.fileno()};
    co_await here.send_fds("x", one);
    const std::size_t count = co_await receiving;
    EXPECT_EQ(count, 1U);
}

BIDE_TEST(socket_descriptors, long_text_goes_along) {
    auto [here, there] = bide::socketpair();
    pipe_ends pipe;
    const std::string text(1 << 20, 'x');
    bide::socket& from = here;
    auto sending = bide::create_task([&]() -> bide::coro<void> {
        std::vector<int> one{pipe.reading.fileno()};
        co_await from.send_fds(text, one);
        from.close();
    });
    std::size_t size = 0;
    std::size_t fds = 0;
    for (;;) {
        auto message = co_await there.recv_fds(100000);
        if (message.data.empty()) break;
        size += message.data.size();
        fds += message.fds.size();
    }
    co_await sending;
    EXPECT_EQ(size, text.size());
    EXPECT_EQ(fds, 1U);
}

BIDE_TEST(socket_descriptors, datagrams_carry_them_too) {
    auto [here, there] = bide::socketpair(bide::socket_type::datagram);
    pipe_ends pipe;
    std::vector<int> one{pipe.reading.fileno()};
    co_await here.send_fds("four", one);
    auto message = co_await there.recv_fds(2);
    EXPECT_EQ(message.data, "fo");
    EXPECT_TRUE(message.truncated);
    EXPECT_EQ(message.fds.size(), 1U);
}

BIDE_TEST(socket_descriptors, misuse_is_refused_by_name) {
    auto [here, there] = bide::socketpair();
    std::vector<int> one{0};
    EXPECT_TRUE(bide_test::has(co_await bide_test::outcome(here.send_fds("", one)), "send_fds", "no bytes"));
    std::vector<int> many(254, 0);
    EXPECT_TRUE(
        bide_test::has(co_await bide_test::outcome(here.send_fds("x", many)), "254 descriptors", "253"));
    EXPECT_TRUE(bide_test::has(co_await bide_test::outcome(there.recv_fds(1, 300)), "recv_fds", "300"));
    EXPECT_TRUE(bide_test::has(co_await bide_test::outcome(there.recv_fds(0)), "recv_fds", "no bytes"));
    std::vector<int> bad{-1};
    EXPECT_TRUE(bide_test::has(co_await bide_test::outcome(here.send_fds("x", bad)), "send_fds", "Bad file"));
    bide::socket internet(bide::address_family::ipv4);
    EXPECT_TRUE(
        bide_test::has(co_await bide_test::outcome(internet.send_fds("x", one)), "only unix sockets"));
    EXPECT_TRUE(bide_test::has(co_await bide_test::outcome(internet.recv_fds(1)), "only unix sockets"));
}

// Received or not: the descriptors are with somebody or closed.
TEST(socket_descriptors, cancel_sweep_leaks_none) {
    const auto body = []() -> bide::coro<void> {
        auto [here, there] = bide::socketpair();
        pipe_ends pipe;
        bide::socket& from = here;
        auto sending = bide::create_task([&]() -> bide::coro<void> {
            co_await bide::sleep(1ms);
            std::vector<int> one{pipe.reading.fileno()};
            co_await from.send_fds("x", one);
        });
        std::exception_ptr error;
        try {
            auto message = co_await there.recv_fds(10);
            EXPECT_EQ(message.fds.size(), 1U);
            co_await bide::sleep(1ms);
        } catch (const bide::cancelled_error&) { error = std::current_exception(); }
        while (!sending.done()) {
            try {
                co_await bide::sleep(1ms);
            } catch (const bide::cancelled_error&) {}
        }
        if (error) std::rethrow_exception(error);
    };
    bide::testing::cancel_everywhere(body);
    bide::testing::fail_everywhere([]() -> bide::coro<void> {
        auto [here, there] = bide::socketpair();
        pipe_ends pipe;
        std::vector<int> one{pipe.reading.fileno()};
        static_cast<void>(co_await bide_test::outcome(here.send_fds("x", one)));
        here.close();
        static_cast<void>(co_await bide_test::outcome(there.recv_fds(10)));
    });
}

// What came is closed with the loop when nobody takes it any more.
TEST(socket_descriptors, loop_that_closes_in_between_leaks_none) {
    const std::size_t before = open_now();
    {
        auto [here, there] = bide::socketpair();
        bide::socket& to = there;
        bide::socket& from = here;
        bide::event_loop loop;
        bide_test::report_log reports(loop);  // of the tasks that go unfinished
        const auto receive = [&to]() -> bide::coro<void> {
            static_cast<void>(co_await to.recv_fds(10));
            ADD_FAILURE() << "the loop has ended";
        };
        const auto send = [&from]() -> bide::coro<void> {
            std::vector<int> one{0};
            bide::get_running_loop().stop();
            co_await from.send_fds("x", one);
        };
        bide::create_task(loop, receive());
        bide::create_task(loop, send());
        loop.run_forever();
        loop.close();
    }
    EXPECT_EQ(open_now(), before);
}

}  // namespace
