// bide/testing: streams in memory: pieces, delays, back-pressure and failures where they were asked for.
#include <bide/testing/memory_stream.hpp>

#include <bide/bide.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::testing::memory_options;
using bide::testing::memory_streams;

// [slow_peer]
bide::coro<std::string> greet(bide::stream_reader reader, bide::stream_writer writer) {
    const std::string name = co_await reader.readline();
    writer.write("hello " + name);
    co_await writer.drain();
    co_return name;
}

BIDE_TEST(greet, understands_a_peer_that_sends_byte_by_byte) {
    auto slow = memory_options().pieces(1).delay(1s);
    auto pair = bide::testing::memory_streams(slow, memory_options());
    auto task = bide::create_task(greet(std::move(pair.first.reader), std::move(pair.first.writer)));
    pair.second.writer.write("Ann\n");
    const std::string answer = co_await pair.second.reader.read();
    EXPECT_EQ(answer, "hello Ann\n");
    EXPECT_EQ(bide::get_running_loop().time(), bide::time_point(4s));  // a second for each byte, in no time
    co_await task;
}
// [/slow_peer]

BIDE_TEST(memory_stream, pieces_have_the_sizes_that_were_asked_for) {
    auto pair = memory_streams(memory_options(), memory_options().pieces({3, 0, 2}));
    pair.first.writer.write("abcdefghij");
    co_await bide::sleep(1s);
    std::string seen;
    for (;;) {
        const std::string piece = co_await pair.second.reader.read(100);
        seen += piece + "|";
        if (seen.size() >= 15) break;
    }
    EXPECT_EQ(seen, "abc|d|ef|ghi|j|");
}

BIDE_TEST(memory_stream, a_delay_applies_to_each_piece) {
    auto pair = memory_streams(memory_options(), memory_options().pieces(2).delay(10s));
    pair.first.writer.write("abcde");
    std::string seen;
    for (int i = 0; i < 3; ++i) {
        const std::string piece = co_await pair.second.reader.read(100);
        seen += piece + "@" + std::to_string(bide::get_running_loop().time().time_since_epoch() / 1s) + " ";
    }
    EXPECT_EQ(seen, "ab@10 cd@20 e@30 ");
}

BIDE_TEST(memory_stream, what_does_not_fit_on_the_wire_stays_with_the_writer) {
    auto pair = memory_streams(memory_options().capacity(100));
    pair.first.writer.write(std::string(1000, 'x'));
    co_await bide::sleep(1s);
    EXPECT_EQ(pair.link.on_way_to_second(), 100U);
    EXPECT_EQ(pair.link.on_way_to_first(), 0U);
    EXPECT_EQ(pair.first.writer.get_write_buffer_size(), 900U);
    const std::string some = co_await pair.second.reader.readexactly(250);
    EXPECT_EQ(some.size(), 250U);
    co_await bide::sleep(1s);
    EXPECT_LE(pair.first.writer.get_write_buffer_size(), 650U);
}

BIDE_TEST(memory_stream, receiving_fails_at_the_byte_that_was_chosen) {
    auto pair = memory_streams(memory_options(), memory_options().fail_receiving_at(5, ETIMEDOUT));
    pair.first.writer.write("0123456789");
    const std::string before = co_await pair.second.reader.readexactly(5);
    EXPECT_EQ(before, "01234");
    const auto next = co_await bide::as_result(pair.second.reader.read(1));
    EXPECT_EQ(next.error(), std::errc::timed_out);
    EXPECT_TRUE(bide_test::has(bide::describe_exception(next.exception()), "receive from memory"));
    EXPECT_TRUE(pair.second.writer.is_closing());
}

BIDE_TEST(memory_stream, sending_fails_at_the_byte_that_was_chosen) {
    auto pair = memory_streams(memory_options().fail_sending_at(5), memory_options());
    pair.first.writer.write("0123");
    co_await bide::sleep(1s);
    EXPECT_FALSE(pair.first.writer.is_closing());
    pair.first.writer.write("456789");
    const auto closed = co_await bide::as_result(pair.first.writer.wait_closed());
    EXPECT_EQ(closed.error(), std::errc::broken_pipe);
    const std::string came = co_await pair.second.reader.read();
    EXPECT_EQ(came, "01234");
}

BIDE_TEST(memory_stream, a_reset_fails_both_ends) {
    auto pair = memory_streams();
    auto first = bide::create_task(pair.first.reader.readline());
    auto second = bide::create_task(pair.second.reader.readline());
    co_await bide::sleep(1s);
    pair.link.reset();
    const auto one = co_await bide::as_result(first);
    const auto two = co_await bide::as_result(second);
    EXPECT_EQ(one.error(), std::errc::connection_reset);
    EXPECT_EQ(two.error(), std::errc::connection_reset);
}

// In each state that a connection can be in.
BIDE_TEST(memory_stream, a_reset_in_every_state_ends_everything_that_waits) {
    for (int state = 0; state < 5; ++state) {
        auto pair = memory_streams(memory_options().capacity(10));
        const bide::stream_writer& writer = pair.first.writer;
        if (state == 1) writer.write_eof();
        if (state == 2) writer.write(std::string(100'000, 'x'));
        if (state == 3) writer.close();
        if (state == 4) {
            writer.write(std::string(100'000, 'x'));
            writer.close();
        }
        auto drain = bide::create_task(
            [](const bide::stream_writer& w) -> bide::coro<void> { co_await w.drain(); }, std::ref(writer));
        auto closed = bide::create_task(
            [](const bide::stream_writer& w) -> bide::coro<void> { co_await w.wait_closed(); },
            std::ref(writer));
        co_await bide::sleep(1s);
        pair.link.reset();
        co_await bide::sleep(1s);
        if (state < 2) writer.abort();  // nobody tells an idle end
        const auto drained = co_await bide::as_result(drain);
        const auto ended = co_await bide::as_result(closed);
        EXPECT_EQ(static_cast<bool>(ended), state != 2 && state != 4) << state;
        EXPECT_EQ(static_cast<bool>(drained), state < 2) << state;
        const auto read = co_await bide::as_result(pair.second.reader.read());
        EXPECT_EQ(read.error(), std::errc::connection_reset) << state;
    }
}

BIDE_TEST(memory_stream, nothing_arrives_while_the_link_is_held) {
    auto pair = memory_streams();
    pair.link.hold();
    pair.first.writer.write("late");
    pair.first.writer.close();
    auto early = bide::wait_for(pair.second.reader.read(10), 1h);
    const auto nothing = co_await bide::as_result(std::move(early));
    EXPECT_EQ(nothing.error(), std::errc::timed_out);
    pair.link.release();
    const std::string all = co_await pair.second.reader.read();
    EXPECT_EQ(all, "late");
}

BIDE_TEST(memory_stream, an_end_that_goes_with_bytes_unread_resets_the_other) {
    auto pair = memory_streams();
    pair.first.writer.write("unread");
    pair.second.writer.write("arrived before");
    co_await bide::sleep(1s);
    pair.second.writer.close();
    const std::string before = co_await pair.first.reader.readexactly(14);
    EXPECT_EQ(before, "arrived before");
    const auto after = co_await bide::as_result(pair.first.reader.read());
    EXPECT_EQ(after.error(), std::errc::connection_reset);
}

TEST(memory_stream, needs_a_loop) {
    EXPECT_THROW(static_cast<void>(memory_streams()), bide::invalid_state_error);
}

}  // namespace
