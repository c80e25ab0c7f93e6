// bide/net: readers: limits, separators, the end, errors, and what a read costs.
#include <bide/stream.hpp>

#include <bide/testing/memory_stream.hpp>

#include <array>

#include "support/allocation_count.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::stream_reader;

bide::coro<std::string> line_of(stream_reader reader) {
    std::string line = co_await reader.readline();
    co_return line;
}

BIDE_TEST(stream_reader, reads_what_was_fed) {
    stream_reader reader;
    reader.feed_data("hello world");
    const std::string first = co_await reader.read(5);
    EXPECT_EQ(first, "hello");
    reader.feed_eof();
    EXPECT_FALSE(reader.at_eof());
    const std::string rest = co_await reader.read();
    EXPECT_EQ(rest, " world");
    EXPECT_TRUE(reader.at_eof());
    const std::string nothing = co_await reader.read(5);
    EXPECT_EQ(nothing, "");
}

BIDE_TEST(stream_reader, readline_waits_for_its_newline_and_gives_the_rest_at_the_end) {
    stream_reader reader;
    reader.feed_data("one\ntw");
    const std::string one = co_await reader.readline();
    EXPECT_EQ(one, "one\n");
    auto waiting = bide::create_task(line_of(reader));
    co_await bide::sleep(1s);
    EXPECT_FALSE(waiting.done());
    reader.feed_data("o\nthree");
    const std::string two = co_await waiting;
    EXPECT_EQ(two, "two\n");
    reader.feed_eof();
    const std::string three = co_await reader.readline();
    EXPECT_EQ(three, "three");
    const std::string end = co_await reader.readline();
    EXPECT_EQ(end, "");
}

BIDE_TEST(stream_reader, readexactly_carries_what_came_before_the_end) {
    stream_reader reader;
    reader.feed_data("abc");
    reader.feed_eof();
    std::string partial;
    std::optional<std::size_t> expected;
    try {
        co_await reader.readexactly(5);
    } catch (const bide::incomplete_read_error& e) {
        partial = e.partial();
        expected = e.expected();
    }
    EXPECT_EQ(partial, "abc");
    EXPECT_EQ(expected, 5U);
    EXPECT_TRUE(reader.at_eof());
}

BIDE_TEST(section17, s62_the_limit_bounds_separated_reads_only) {
    stream_reader reader(4);
    reader.feed_data("0123456789");
    const std::string exact = co_await reader.readexactly(6);
    EXPECT_EQ(exact, "012345");
    const std::string some = co_await reader.read(100);
    EXPECT_EQ(some, "6789");
}

BIDE_TEST(section17, s64_readuntil_over_the_limit_keeps_the_data_and_readline_drops_it) {
    stream_reader reader(4);
    reader.feed_data("0123456789\nnext\n");
    std::size_t consumed = 0;
    auto separated = reader.readuntil("\n");
    try {
        co_await std::move(separated);
    } catch (const bide::limit_overrun_error& e) { consumed = e.consumed(); }
    EXPECT_EQ(consumed, 10U);
    bool thrown = false;
    try {
        co_await reader.readline();
    } catch (const bide::limit_overrun_error&) { thrown = true; }
    EXPECT_TRUE(thrown);
    const std::string next = co_await reader.readline();
    EXPECT_EQ(next, "next\n");
}

BIDE_TEST(section17, s64_readuntil_says_how_much_holds_no_separator) {
    stream_reader reader(4);
    reader.feed_data("0123456789");
    std::size_t consumed = 0;
    auto separated = reader.readuntil("XY");
    try {
        co_await std::move(separated);
    } catch (const bide::limit_overrun_error& e) { consumed = e.consumed(); }
    EXPECT_EQ(consumed, 9U);  // the last byte may begin a separator
    const std::string all = co_await reader.readexactly(10);
    EXPECT_EQ(all, "0123456789");
}

BIDE_TEST(section17, s65_the_limit_is_compared_without_the_separator) {
    stream_reader reader(4);
    reader.feed_data("0123\n01234\n");
    const std::string fits = co_await reader.readline();
    EXPECT_EQ(fits, "0123\n");
    bool thrown = false;
    try {
        co_await reader.readline();
    } catch (const bide::limit_overrun_error&) { thrown = true; }
    EXPECT_TRUE(thrown);
}

BIDE_TEST(section17, s66_of_several_separators_the_one_that_ends_first_wins) {
    stream_reader reader;
    reader.feed_data("aXYZb");
    std::vector<std::string> separators;
    separators.push_back("XYZ");
    separators.push_back("Y");
    const std::string got = co_await reader.readuntil(separators);
    EXPECT_EQ(got, "aXY");
}

BIDE_TEST(section17, s67_an_exception_beats_buffered_data) {
    stream_reader reader;
    reader.feed_data("data");
    reader.set_exception(std::make_exception_ptr(std::out_of_range("set")));
    bool thrown = false;
    auto reading = reader.read(4);
    try {
        co_await std::move(reading);
    } catch (const std::out_of_range&) { thrown = true; }
    EXPECT_TRUE(thrown);
}

BIDE_TEST(section17, s68_a_second_reader_is_refused) {
    stream_reader reader;
    auto first = bide::create_task(line_of(reader));
    co_await bide::sleep(1s);
    const auto second = co_await bide::as_result(line_of(reader));
    EXPECT_FALSE(second);
    EXPECT_NE(bide::describe_exception(second.exception()).find("another task is reading"),
              std::string::npos);
    reader.feed_data("x\n");
    const std::string line = co_await first;
    EXPECT_EQ(line, "x\n");
}

BIDE_TEST(stream_reader, a_cancelled_read_loses_nothing) {
    stream_reader reader;
    reader.feed_data("par");
    auto waiting = bide::create_task(line_of(reader));
    co_await bide::sleep(1s);
    waiting.cancel();
    bool cancelled = false;
    try {
        co_await waiting;
    } catch (const bide::cancelled_error&) { cancelled = true; }
    EXPECT_TRUE(cancelled);
    reader.feed_data("tial\n");
    const std::string line = co_await reader.readline();
    EXPECT_EQ(line, "partial\n");
}

BIDE_TEST(stream_reader, refuses_separators_that_are_empty_and_limits_of_zero) {
    stream_reader reader;
    const auto none = co_await bide::as_result(reader.readuntil(std::string()));
    EXPECT_EQ(none.error(), std::errc::invalid_argument);
    EXPECT_THROW(stream_reader(0), std::invalid_argument);
}

// [lines]
bide::coro<int> count_lines(bide::stream_reader reader) {
    int count = 0;
    while (auto line = co_await reader.next_line()) ++count;
    co_return count;
}
// [/lines]

BIDE_TEST(stream_reader, next_line_ends_with_the_stream) {
    stream_reader reader;
    reader.feed_data("a\n\nb");
    reader.feed_eof();
    const int count = co_await count_lines(reader);
    EXPECT_EQ(count, 3);
}

BIDE_TEST(stream_reader, what_has_arrived_is_read_without_a_suspension_or_a_coroutine) {
    stream_reader reader;
    reader.feed_data("short\nline\nexact|some view into ");
    const auto frames = bide::detail::live_frames;
    const long before = bide_test::allocations;
    {
        auto line = reader.readline();
        EXPECT_TRUE(line.await_ready());
        EXPECT_EQ(line.await_resume(), "short\n");
        auto next = reader.next_line();
        EXPECT_TRUE(next.await_ready());
        EXPECT_EQ(next.await_resume(), "line\n");
        auto until = reader.readuntil("|");
        EXPECT_TRUE(until.await_ready());
        EXPECT_EQ(until.await_resume(), "exact|");
        auto some = reader.read(5);
        EXPECT_TRUE(some.await_ready());
        EXPECT_EQ(some.await_resume(), "some ");
        auto exact = reader.readexactly(5);
        EXPECT_TRUE(exact.await_ready());
        EXPECT_EQ(exact.await_resume(), "view ");
        std::array<std::byte, 5> room{};
        auto into = reader.read_into(room);
        EXPECT_TRUE(into.await_ready());
        EXPECT_EQ(into.await_resume(), 5U);
    }
    EXPECT_EQ(bide_test::allocations, before);
    EXPECT_EQ(bide::detail::live_frames, frames);
    co_return;
}

BIDE_TEST(stream_reader, a_read_is_an_awaitable_like_any_other) {
    stream_reader one;
    stream_reader two;
    auto task = bide::create_task(one.readline());
    co_await bide::sleep(1s);
    EXPECT_FALSE(task.done());
    one.feed_data("one\nthree\n");
    const std::string first = co_await task;
    EXPECT_EQ(first, "one\n");
    two.feed_data("two\n");
    auto both = bide::gather(one.readline(), two.readline());
    const auto [three, second] = co_await std::move(both);
    EXPECT_EQ(three + second, "three\ntwo\n");
    auto late = bide::wait_for(one.readexactly(3), 1s);
    const auto timed = co_await bide::as_result(std::move(late));
    EXPECT_EQ(timed.error(), std::errc::timed_out);
    one.feed_data("abc");
    auto soon = bide::wait_for(one.readexactly(3), 1s);
    const std::string abc = co_await std::move(soon);
    EXPECT_EQ(abc, "abc");
}

// The reader may go before the read is over.
BIDE_TEST(stream_reader, a_read_keeps_its_reader) {
    auto reader = std::make_unique<stream_reader>();
    const stream_reader feeding = *reader;
    auto task = bide::create_task(reader->readline());
    reader.reset();
    co_await bide::sleep(1s);
    feeding.feed_data("still there\n");
    const std::string line = co_await task;
    EXPECT_EQ(line, "still there\n");
}

BIDE_TEST(stream_reader, as_result_takes_every_failure_of_a_read) {
    stream_reader reader(4);
    reader.feed_data("0123456789\n");
    const auto until = co_await bide::as_result(reader.readuntil("\n"));
    EXPECT_TRUE(bide_test::has(bide::describe_exception(until.exception()), "separator", "limit of 4"));
    const auto line = co_await bide::as_result(reader.readline());
    EXPECT_TRUE(bide_test::has(bide::describe_exception(line.exception()), "line of 10", "limit of 4"));
    reader.feed_eof();
    const auto exact = co_await bide::as_result(reader.readexactly(1));
    EXPECT_FALSE(exact);
    const auto none = co_await bide::as_result(reader.readuntil(std::vector<std::string>()));
    EXPECT_EQ(none.error(), std::errc::invalid_argument);
    reader.set_exception(std::make_exception_ptr(std::out_of_range("set")));
    const auto nothing = co_await bide::as_result(reader.read(0));
    EXPECT_EQ(bide::describe_exception(nothing.exception()), "set");
}

BIDE_TEST(section17, s64_readline_drops_all_that_has_arrived_of_a_line_without_an_end) {
    stream_reader reader(4);
    reader.feed_data("01234567");
    const auto line = co_await bide::as_result(reader.readline());
    EXPECT_TRUE(bide_test::has(bide::describe_exception(line.exception()), "more than 8 bytes"));
    reader.feed_data("rest\n");
    const std::string rest = co_await reader.readline();
    EXPECT_EQ(rest, "rest\n");
}

BIDE_TEST(section17, s66_separators_of_any_length_and_number) {
    stream_reader reader;
    reader.feed_data("head\r\n\r\nline\nabcabdabe");
    const std::string head = co_await reader.readuntil("\r\n\r\n", "\n\n");
    EXPECT_EQ(head, "head\r\n\r\n");
    const std::string line = co_await reader.readuntil();
    EXPECT_EQ(line, "line\n");
    const std::string third = co_await reader.readuntil("abe", "bda", "cabdab");
    EXPECT_EQ(third, "abcabda");
}

// As asyncio counts, so that the order in which they are given means nothing.
BIDE_TEST(section17, s66_of_several_separators_that_end_together_the_shortest_counts) {
    const std::vector<std::string> orders[] = {{"ab", "b"}, {"b", "ab"}};
    for (const std::vector<std::string>& separators : orders) {
        stream_reader reader(4);
        reader.feed_data("1234ab123ab");
        reader.feed_eof();
        const auto over = co_await bide::as_result(reader.readuntil(separators));
        EXPECT_TRUE(bide_test::has(bide::describe_exception(over.exception()), "limit of 4"));
        std::string head = co_await reader.readexactly(6);
        auto waiting = reader.readuntil(separators);
        const std::string fits = co_await std::move(waiting);
        EXPECT_EQ(fits, "123ab");
    }
}

// The search goes in windows; a separator may lie across the end of one.
BIDE_TEST(section17, s66_separators_anywhere_in_a_large_buffer) {
    for (std::size_t before = 0; before < 1100; ++before) {
        stream_reader reader;
        std::string sent(before, 'x');
        sent += "\r\n\r\nrest\n";
        reader.feed_data(sent);
        reader.feed_eof();
        const std::string head = co_await reader.readuntil("\r\n\r\n", "rest", "\n!");
        EXPECT_EQ(head.size(), before + 4);
        const std::string tail = co_await reader.readuntil(std::string(300, '?'), "t\n");
        EXPECT_EQ(tail, "rest\n");
    }
}

BIDE_TEST(stream_reader, cannot_be_fed_after_the_end_or_where_a_connection_feeds_it) {
    const stream_reader reader;
    reader.feed_eof();
    EXPECT_THROW(reader.feed_data("x"), bide::invalid_state_error);
    EXPECT_THROW(reader.set_exception(nullptr), std::invalid_argument);
    auto pair = bide::testing::memory_streams();
    EXPECT_THROW(pair.first.reader.feed_data("x"), bide::invalid_state_error);
    EXPECT_THROW(pair.first.reader.feed_eof(), bide::invalid_state_error);
    co_return;
}

BIDE_TEST(stream_reader, a_view_stays_until_the_next_call) {
    stream_reader reader;
    reader.feed_data("first second");
    const std::string_view first = co_await reader.read_view(6);
    EXPECT_EQ(first, "first ");
    EXPECT_FALSE(reader.at_eof());
    EXPECT_EQ(first, "first ");
    const std::string second = co_await reader.read(100);
    EXPECT_EQ(second, "second");
}

BIDE_TEST(section17, s63_more_than_any_buffer_can_be_asked_for) {
    auto pair = bide::testing::memory_streams(bide::testing::memory_options().limit(10).capacity(100));
    pair.first.writer.write(std::string(100'000, 'x'));
    const std::string got = co_await pair.second.reader.readexactly(100'000);
    EXPECT_EQ(got.size(), 100'000U);
}

BIDE_TEST(section17, s62_a_reader_holds_no_more_than_twice_its_limit) {
    auto pair = bide::testing::memory_streams(bide::testing::memory_options().limit(1000).capacity(1000));
    pair.first.writer.write(std::string(500, 'x') + "\n" + std::string(100'000, 'y'));
    const std::string line = co_await pair.second.reader.readline();
    EXPECT_EQ(line.size(), 501U);
    co_await bide::sleep(1s);
    EXPECT_LE(pair.second.reader.take_buffered().size(), 2000U);
    EXPECT_GT(pair.first.writer.get_write_buffer_size(), 90'000U);  // nothing is fetched that nobody reads
}

// --- set_exception on a connection: the read in progress ends with it, and with nothing else ---

BIDE_TEST(stream_reader, set_exception_and_a_cancellation_in_one_turn_end_cancelled) {
    auto pair = bide::testing::memory_streams();
    auto task = bide::create_task(pair.first.reader.readline());
    co_await bide::sleep(1s);
    pair.first.reader.set_exception(std::make_exception_ptr(std::out_of_range("set")));
    task.cancel();
    co_await bide::sleep(1s);
    EXPECT_TRUE(task.cancelled());
}

BIDE_TEST(stream_reader, set_exception_leaves_the_task_uncancelled) {
    auto pair = bide::testing::memory_streams();
    auto task = bide::create_task(
        [](stream_reader reader) -> bide::coro<int> {
            const auto ended = co_await bide::as_result(reader.readline());
            EXPECT_EQ(bide::describe_exception(ended.exception()), "set");
            EXPECT_EQ(bide::current_task().cancelling(), 0U);
            co_await bide::sleep(1s);
            co_return 1;
        },
        pair.first.reader);
    co_await bide::sleep(1s);
    pair.second.writer.write("arrives in the same turn\n");
    co_await bide::sleep(0s);
    pair.first.reader.set_exception(std::make_exception_ptr(std::out_of_range("set")));
    pair.first.reader.set_exception(std::make_exception_ptr(std::out_of_range("set")));
    const int one = co_await task;
    EXPECT_EQ(one, 1);
}

TEST(stream_reader, a_read_that_nothing_can_feed_is_named_in_the_deadlock_report) {
    const auto hang = [](stream_reader reader) -> bide::coro<void> {
        const std::string line = co_await reader.readline();
    };
    const std::string text = bide_test::thrown<bide::deadlock_error>([&] {
        bide::run(hang(stream_reader()));
        return 0;
    });
    EXPECT_TRUE(bide_test::has(text, "stream_reader"));
}

TEST(stream_reader, cancelling_any_read_at_every_point_loses_nothing) {
    std::string seen;
    bide::testing::cancel_everywhere(
        [&]() -> bide::coro<void> {
            seen.clear();
            auto pair = bide::testing::memory_streams(bide::testing::memory_options().pieces(3).delay(1ms));
            const stream_reader reader = pair.second.reader;
            pair.first.writer.write("line one\nuntil|exactly and some more");
            pair.first.writer.close();
            std::exception_ptr cancelled;
            std::string piece;
            try {
                piece = co_await reader.readline();
                seen += piece;
                piece = co_await reader.readuntil("|");
                seen += piece;
                piece = co_await reader.readexactly(7);
                seen += piece;
            } catch (const bide::cancelled_error&) { cancelled = std::current_exception(); }
            try {
                piece = co_await reader.read();
                seen += piece;
            } catch (const bide::cancelled_error&) { cancelled = std::current_exception(); }
            piece = co_await reader.read();
            seen += piece;
            if (cancelled) std::rethrow_exception(cancelled);
        },
        [&](std::uint64_t turn) {
            if (turn > 0 && !seen.empty()) {
                EXPECT_EQ(seen, "line one\nuntil|exactly and some more") << turn;
            }
        });
}

}  // namespace
