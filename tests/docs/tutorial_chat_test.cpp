// bide/tests: the chat room of the tutorial's last chapter, on streams in memory and in virtual time.
#include "../../examples/chat_room.hpp"

#include <bide/testing/memory_net.hpp>

#include "support/async_test.hpp"

namespace {

using namespace std::chrono_literals;
using bide::testing::memory_net;

// [guest]
bide::coro<bide::connection> enter(const memory_net& net, std::string name) {
    auto guest = co_await net.open_connection("room");
    guest.writer.write(name + "\n");
    co_await guest.reader.readuntil("* " + name + " has come\n");
    co_return guest;
}
// [/guest]

// A room that is open while the body runs; then everybody goes.
bide::coro<void> in_a_room(bide::move_only_function<bide::coro<void>(const memory_net&, room&)> body) {
    const memory_net net;
    auto lobby = std::make_shared<room>();
    auto handler = [lobby](bide::stream_reader reader, bide::stream_writer writer) {
        return lobby->serve(std::move(reader), std::move(writer));
    };
    const auto server = net.start_server(handler, "room");
    co_await body(net, *lobby);
    server.close();
    lobby->close();
    co_await server.wait_closed();
}

// [talk]
bide::coro<void> two_talk(const memory_net& net, room&) {
    auto ann = co_await enter(net, "Ann");
    auto ben = co_await enter(net, "Ben");
    ben.writer.write("hello\n");
    const std::string first = co_await ann.reader.readline();
    const std::string second = co_await ann.reader.readline();
    EXPECT_EQ(first, "* Ben has come\n");
    EXPECT_EQ(second, "Ben: hello\n");
    ben.writer.close();
    const std::string third = co_await ann.reader.readline();
    EXPECT_EQ(third, "* Ben has left\n");
}

BIDE_TEST(chat, guests_hear_each_other) { co_await in_a_room(two_talk); }
// [/talk]

// [slow]
bide::coro<void> one_takes_nothing(const memory_net& net, room&) {
    auto slow = co_await enter(net, "Slow");  // reads no more from here on
    auto talker = co_await enter(net, "Talker");
    const auto start = bide::get_running_loop().time();
    std::string line;
    for (int i = 0; i < 100; ++i) {
        talker.writer.write(std::string(5000, 'x') + "\n");
        line = co_await talker.reader.readline();
    }
    co_await talker.reader.readuntil("* Slow has left\n");
    EXPECT_EQ(bide::get_running_loop().time() - start, 10s);  // ten seconds that take no time
}

TEST(chat, who_takes_nothing_for_ten_seconds_is_sent_home) {
    bide::testing::run_test([] { return in_a_room(one_takes_nothing); });
}
// [/slow]

bide::coro<void> the_room_closes(const memory_net& net, room& lobby) {
    auto ann = co_await enter(net, "Ann");
    auto nobody = co_await net.open_connection("room");
    const std::string question = co_await nobody.reader.readline();
    lobby.close();
    const std::string farewell = co_await ann.reader.read();
    EXPECT_EQ(farewell, "* the room closes\n");
    const std::string rest = co_await nobody.reader.read();
    EXPECT_EQ(question + rest, "Your name?\n* the room closes\n");
}

BIDE_TEST(chat, everybody_hears_that_the_room_closes) { co_await in_a_room(the_room_closes); }

// [everywhere]
TEST(chat, serving_can_be_cancelled_anywhere) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        room lobby;
        auto [near, far, link] = bide::testing::memory_streams();
        near.writer.write("Ann\nhello\n");
        near.writer.write_eof();
        co_await lobby.serve(std::move(far.reader), std::move(far.writer));
        const std::string heard = co_await near.reader.read();
        EXPECT_EQ(heard, "Your name?\n* Ann has come\nAnn: hello\n");
    });
}
// [/everywhere]

BIDE_TEST(chat, who_comes_when_it_is_closed_goes_at_once) {
    room lobby;
    auto pair = bide::testing::memory_streams();
    lobby.close();
    co_await lobby.serve(std::move(pair.second.reader), std::move(pair.second.writer));
    const std::string heard = co_await pair.first.reader.read();
    EXPECT_EQ(heard, "");
}

}  // namespace
