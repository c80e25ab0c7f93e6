// bide/net: small writes of several connections may leave together, by the end of the turn. Nobody can tell but by that.
#include <bide/connection.hpp>

#include <bide/socket.hpp>

#include <sys/socket.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "net/held_writes.hpp"
#include "net/socket_stream.hpp"
#include "support/async_test.hpp"
#include "support/until.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::connected;
using bide_test::drain;
using bide_test::fill;
using bide_test::has_ended;
using bide_test::in_company;
using bide_test::line;
using bide_test::until;

BIDE_TEST(held_writes, have_left_when_the_turn_is_over) {
    std::vector<line> lines;
    for (int i = 0; i < 20; ++i) {
        auto connecting = connected();
        lines.push_back(co_await std::move(connecting));
    }
    for (int round = 0; round < 3; ++round) {
        for (const line& each : lines)
            bide::get_running_loop().call_soon([&each] { each.near.writer.write("a little"); });
        co_await bide::sleep(0s);
        co_await bide::sleep(0s);
        for (const line& each : lines) EXPECT_EQ(each.arrived(), "a little");
    }
}

BIDE_TEST(held_writes, are_in_order_with_what_follows) {
    auto connecting = connected();
    line one = co_await std::move(connecting);
    const std::string much(300'000, 'm');
    co_await in_company([&] {
        one.near.writer.write("a");
        one.near.writer.write("b");
        one.near.writer.writelines({"c", "d"});
        one.near.writer.write(std::string(2047, 'e'));
        one.near.writer.write(much);
        one.near.writer.write("f");
        one.near.writer.close();
    });
    const std::string all = co_await one.rest();
    EXPECT_TRUE(all == "abcd" + std::string(2047, 'e') + much + "f");
}

BIDE_TEST(held_writes, come_before_what_others_send_on_the_socket) {
    auto connecting = connected();
    line one = co_await std::move(connecting);
    co_await in_company([&] {
        one.near.writer.write("first ");
        const int fd = std::stoi(one.near.writer.get_extra_info("socket"));
        EXPECT_EQ(::send(fd, "second ", 7, MSG_DONTWAIT), 7);
    });
    EXPECT_EQ(one.arrived(), "first second ");
    co_await in_company([&] {  // who has asked once may remember the number
        one.near.writer.write("third ");
        EXPECT_EQ(::send(one.fd, "fourth", 6, MSG_DONTWAIT), 6);
    });
    EXPECT_EQ(one.arrived(), "third fourth");
}

BIDE_TEST(held_writes, come_before_the_end) {
    for (int how = 0; how < 4; ++how) {
        auto connecting = connected();
        line one = co_await std::move(connecting);
        co_await in_company([&] {
            one.near.writer.write("the end");
            if (how == 0) one.near.writer.write_eof();
            if (how == 1) one.near.writer.close();
            if (how == 2) one.near.writer.abort();
            if (how == 3) const bide::connection gone = std::move(one.near);
        });
        EXPECT_EQ(one.arrived(), "the end") << how;
        EXPECT_TRUE(one.ended()) << how;
    }
}

// What the kernel has no room for is sent when it has, whatever became of the connection meanwhile.
BIDE_TEST(held_writes, wait_for_room) {
    for (int how = 0; how < 4; ++how) {
        auto connecting = connected();
        line one = co_await std::move(connecting);
        const std::size_t before = fill(one.fd);
        co_await in_company([&] {
            one.near.writer.write("later");
            if (how == 1) one.near.writer.write_eof();
            if (how == 2) one.near.writer.close();
            if (how == 3) const bide::connection gone = std::move(one.near);
        });
        if (how < 3) { EXPECT_EQ(one.near.writer.get_write_buffer_size(), 5U) << how; }
        co_await bide::sleep(1s);
        EXPECT_FALSE(one.ended());
        std::string all;
        co_await until([&] {
            all += one.arrived();
            return all.size() >= before + 5;
        });
        EXPECT_EQ(all.substr(before), "later") << how;
        if (how == 0) one.near.writer.close();
        co_await until([&] { return one.ended(); });
    }
}

// One that never had a writer, whose end would have closed it.
BIDE_TEST(held_writes, outlive_their_stream) {
    for (const bool room : {true, false}) {
        auto pair = bide::socketpair();
        const bide::socket& theirs = pair.second;
        const int fd = pair.first.release();
        const std::size_t before = room ? 0 : fill(fd);
        co_await bide::sleep(1ms);
        co_await in_company([&] {
            auto* const stream = bide::detail::make_socket_stream(bide::get_running_loop().state(), fd, true);
            stream->send("orphan");
            stream->release();
        });
        std::string all;
        co_await until([&] {
            all += drain(theirs.fileno());
            return has_ended(theirs);
        });
        EXPECT_EQ(all.substr(before), "orphan");
    }
}

BIDE_TEST(held_writes, that_find_no_room_are_dropped_by_an_abort) {
    auto connecting = connected();
    line one = co_await std::move(connecting);
    const std::size_t before = fill(one.fd);
    co_await in_company([&] {
        one.near.writer.write("never");
        one.near.writer.abort();
    });
    const std::string all = co_await one.rest();
    EXPECT_EQ(all.size(), before);
}

BIDE_TEST(held_writes, that_find_no_room_count_for_the_water_marks) {
    auto connecting = connected();
    line one = co_await std::move(connecting);
    one.near.writer.set_write_buffer_limits(0);
    static_cast<void>(fill(one.fd));
    co_await in_company([&] { one.near.writer.write("x"); });
    bool drained = false;
    auto draining = bide::create_task(
        [](line& on, bool& done) -> bide::coro<void> {
            co_await on.near.writer.drain();
            done = true;
        },
        std::ref(one), std::ref(drained));
    co_await bide::sleep(1s);
    EXPECT_FALSE(drained);
    std::string all;
    co_await until([&] {
        all += one.arrived();
        return drained;
    });
    co_await draining;
}

BIDE_TEST(held_writes, to_a_peer_that_is_gone_end_the_connection) {
    auto connecting = connected();
    line one = co_await std::move(connecting);
    one.far.close();
    co_await in_company([&] { one.near.writer.write("lost"); });
    co_await until([&] { return one.near.writer.is_closing(); });
    const auto drained = co_await bide::as_result(one.near.writer.drain());
    EXPECT_EQ(drained ? std::error_code() : drained.error(), std::errc::broken_pipe);
}

// Writes of every size on several connections whose peers read now and then.
BIDE_TEST(held_writes, arrive_whole_and_in_order_whatever_the_peers_read) {
    std::mt19937 random(20);
    const auto below = [&](std::size_t end) { return random() % end; };
    std::vector<line> lines;
    std::vector<std::string> given(12);
    std::vector<std::string> got(given.size());
    for (std::size_t i = 0; i < given.size(); ++i) {
        auto connecting = connected();
        lines.push_back(co_await std::move(connecting));
        const int little = 4096;
        const int fd = lines.back().fd;
        EXPECT_EQ(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little), 0);
    }
    const auto write = [&](std::size_t which) {
        const std::size_t size = below(20) == 0 ? below(9000) : 1 + below(300);
        const std::string piece(size, static_cast<char>('a' + given[which].size() % 26));
        given[which] += piece;
        lines[which].near.writer.write(piece);
    };
    for (int turn = 0; turn < 2000; ++turn) {
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (below(3) != 0) bide::get_running_loop().call_soon(write, i);
            if (below(12) == 0) bide::get_running_loop().call_soon(write, i);
        }
        co_await bide::sleep(0s);
        const std::size_t reads = below(lines.size());
        if (below(2) == 0) got[reads] += lines[reads].arrived();
    }
    co_await bide::sleep(0s);
    for (line& each : lines) each.near.writer.close();
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto reading = lines[i].rest();
        got[i] += co_await std::move(reading);
        EXPECT_TRUE(got[i] == given[i]) << i << ": " << got[i].size() << " of " << given[i].size();
    }
}

TEST(held_writes, have_left_when_an_exception_leaves_the_loop) {
    bide::event_loop loop;
    auto connecting = connected();
    const line one = loop.run_until_complete(std::move(connecting));
    bool written = false;
    loop.call_soon([&] {
        one.near.writer.write("last words");
        written = true;
    });
    loop.call_soon([] { throw bide::system_exit(3); });
    loop.call_soon([] {});
    EXPECT_THROW(loop.run_forever(), bide::system_exit);
    std::string said = one.arrived();
    EXPECT_EQ(said, written ? "last words" : "");  // the queue may be shuffled
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
    said += one.arrived();
    EXPECT_EQ(said, "last words");
}

}  // namespace
