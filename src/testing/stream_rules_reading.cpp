// bide/testing: the rules of streams that are about reading.
#include <bide/as_result.hpp>
#include <bide/error.hpp>
#include <bide/sleep.hpp>
#include <bide/task.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

#include "testing/stream_rules.hpp"

namespace bide::testing::detail {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t limit = default_stream_limit;

coro<std::string> exactly(stream_reader reader, std::size_t count) {
    std::string bytes = co_await reader.readexactly(count);
    co_return bytes;
}

coro<std::string> one_line(stream_reader reader) {
    std::string text = co_await reader.readline();
    co_return text;
}

coro<void> sizes(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    for (const std::size_t size : {1, 511, 512, 513, 4095, 4096, 65535, 65536, 65537, 300'000, 2'000'000}) {
        const std::string sent = pattern(size);
        auto sending = create_task(send_all(pair, sent));
        const std::string got = co_await reader.readexactly(size);
        co_await sending;
        require_text(got, sent, std::to_string(size) + " bytes");
    }
}

coro<void> some(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    const std::string at_once = co_await reader.read(0);
    require_text(at_once, "", "read(0)");
    pair->near_writer.write("0123456789");
    std::string got;
    while (got.size() < 10) {
        const std::string piece = co_await reader.read(4);
        require(!piece.empty() && piece.size() <= 4,
                "read(4) gave " + std::to_string(piece.size()) + " bytes");
        got += piece;
    }
    require_text(got, "0123456789", "the pieces");
}

coro<void> end(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    pair->near_writer.write("all of it");
    pair->near_writer.close();
    require(!reader.at_eof(), "at_eof before anything was read");
    const std::string all = co_await reader.read();
    require_text(all, "all of it", "read()");
    require(reader.at_eof(), "not at_eof at the end");
    const std::string some = co_await reader.read(10);
    const std::string line = co_await reader.readline();
    const std::string exact = co_await reader.readexactly(0);
    require(some.empty() && line.empty() && exact.empty(), "bytes behind the end");
    const auto next = co_await reader.next_line();
    require(!next, "a line behind the end");
    const auto more = co_await as_result(reader.readexactly(1));
    require(!more, "readexactly(1) at the end gave a byte");
}

coro<void> lines(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    pair->near_writer.write("one\n\ntwo\nrest");
    pair->near_writer.close();
    std::string seen;
    for (;;) {
        const auto line = co_await reader.next_line();
        if (!line) break;
        seen += "[" + *line + "]";
    }
    require_text(seen, "[one\n][\n][two\n][rest]", "the lines");
}

coro<void> incomplete(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    pair->near_writer.write("abc");
    pair->near_writer.close();
    std::string partial;
    std::optional<std::size_t> expected;
    try {
        co_await reader.readexactly(5);
    } catch (const incomplete_read_error& e) {
        partial = e.partial();
        expected = e.expected();
    }
    require_text(partial, "abc", "the partial bytes");
    require(expected == 5U, "the expected number is not 5");
    require(reader.at_eof(), "the partial bytes were left in the reader");
}

coro<void> separators(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    pair->near_writer.write("a\r\nbXYZcY|d");
    const std::string one = co_await reader.readuntil("\r\n");
    require_text(one, "a\r\n", "up to CR LF");
    const std::string earliest = co_await reader.readuntil("XYZ", "Y");
    require_text(earliest, "bXY", "up to the separator that ends first");
    const std::string rest = co_await reader.readuntil("|", "@@@@");
    require_text(rest, "ZcY|", "up to the only one there");
    pair->near_writer.close();
    std::string partial;
    try {
        co_await reader.readuntil("|");
    } catch (const incomplete_read_error& e) { partial = e.partial(); }
    require_text(partial, "d", "what precedes no separator");
}

coro<void> split_separator(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    auto reading = create_task(
        [](stream_reader from) -> coro<std::string> {
            std::string piece = co_await from.readuntil("<end>");
            co_return piece;
        },
        reader);
    for (const char each : std::string("a<en<end>b")) {
        pair->near_writer.write(std::string_view(&each, 1));
        co_await pair->near_writer.drain();
        co_await sleep(1ms);
    }
    const std::string got = co_await reading;
    require_text(got, "a<en<end>", "up to a separator that came byte by byte");
}

coro<void> overrun_kept(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    const std::string sent = pattern(limit + 1) + "\n" + pattern(limit) + "\n";
    auto sending = create_task(send_all(pair, sent));
    std::size_t consumed = 0;
    try {
        co_await reader.readuntil("\n");
    } catch (const limit_overrun_error& e) { consumed = e.consumed(); }
    require(consumed > limit && consumed <= sent.size(), "consumed() says " + std::to_string(consumed));
    const std::string kept = co_await reader.readexactly(limit + 2);
    require_text(kept, sent.substr(0, limit + 2), "what was over the limit");
    const std::string fits = co_await reader.readuntil("\n");
    require_text(fits, sent.substr(limit + 2), "as much as the limit and a separator");
    co_await sending;
}

coro<void> overrun_dropped(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    auto sending = create_task(send_all(pair, pattern(3 * limit) + "\nnext\n"));
    int refused = 0;
    std::string line;
    while (line != "next\n" && refused < 10) {
        try {
            line = co_await reader.readline();
        } catch (const limit_overrun_error&) { ++refused; }
    }
    require(refused > 0, "a line of three times the limit was read");
    require_text(line, "next\n", "the line behind it");
    co_await sending;
}

coro<void> into_memory(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    std::array<std::byte, 4> room{};
    pair->near_writer.write("abcdefg");
    std::string got;
    while (got.size() < 7) {
        const std::size_t count = co_await reader.read_into(room);
        require(count >= 1 && count <= room.size(), "read_into gave " + std::to_string(count));
        got.append(reinterpret_cast<const char*>(room.data()), count);
    }
    require_text(got, "abcdefg", "what read_into gave");
    pair->near_writer.close();
    const std::size_t none = co_await reader.read_into(room);
    require(none == 0, "read_into gave bytes at the end");
}

coro<void> in_place(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    const std::string sent = pattern(200'000);
    auto sending = create_task(send_all(pair, sent));
    std::string got;
    while (got.size() < sent.size()) {
        const std::string_view piece = co_await reader.read_view(1000);
        require(!piece.empty() && piece.size() <= 1000,
                "a view of " + std::to_string(piece.size()) + " bytes");
        got += piece;
    }
    require_text(got, sent, "the views");
    co_await sending;
    pair->near_writer.close();
    const std::string_view none = co_await reader.read_view();
    require(none.empty(), "a view behind the end");
}

coro<void> one_reader(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    auto first = create_task(one_line(reader));
    co_await sleep(1ms);
    const auto second = co_await as_result(reader.readexactly(1));
    require(!second, "two tasks read at the same time");
    const std::string why = describe_exception(second.exception());
    require(why.find("another task") != std::string::npos, "the second reader is told: " + why);
    pair->near_writer.write("x\n");
    const std::string line = co_await first;
    require_text(line, "x\n", "the first reader's line");
}

coro<void> cancelled_read(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    std::string got;
    // Once while it waits, once when the bytes have arrived already.
    for (int turns = 0; turns < 6; ++turns) {
        auto waiting = create_task(exactly(reader, 10));
        pair->near_writer.write("0123");
        if (turns == 0) co_await sleep(1ms);
        for (int i = 0; i < turns; ++i) co_await sleep(0s);
        pair->near_writer.write("45");
        waiting.cancel();
        try {
            co_await waiting;
            require(false, "a read of 10 bytes ended with 6");
        } catch (const cancelled_error&) {}
        pair->near_writer.write("6789");
        got = co_await reader.readexactly(10);
        require_text(got, "0123456789", "after a cancelled read, " + std::to_string(turns) + " turns in");
    }
}

coro<void> byte_by_byte(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    auto trickle = [](shared_pair ends) -> coro<void> {
        stream_writer& to = ends->near_writer;
        const std::string text = "slow\nbut steady\n";
        for (const char each : text) {
            to.write(std::string_view(&each, 1));
            co_await to.drain();
            co_await sleep(1ms);
        }
    };
    auto sending = create_task(trickle(pair));
    const std::string one = co_await reader.readline();
    const std::string two = co_await reader.readline();
    require_text(one + two, "slow\nbut steady\n", "lines that came byte by byte");
    co_await sending;
}

coro<void> small_pieces(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    const std::string sent = pattern(20'000);
    auto sending = create_task(send_all(pair, sent));
    std::string got;
    for (std::size_t size = 1; got.size() < sent.size(); size = size % 97 + 1) {
        const std::size_t wanted = std::min(size, sent.size() - got.size());
        const std::string piece = co_await reader.readexactly(wanted);
        got += piece;
    }
    require_text(got, sent, "pieces of 1 to 97 bytes");
    co_await sending;
}

coro<void> set_exception(shared_pair pair) {
    const stream_reader reader = *pair->far_reader;
    auto waiting = create_task(one_line(reader));
    co_await sleep(1ms);
    reader.set_exception(std::make_exception_ptr(std::out_of_range("enough")));
    const auto ended = co_await as_result(waiting);
    require(!ended && describe_exception(ended.exception()) == "enough",
            "set_exception does not end a read in progress");
    pair->near_writer.write("data\n");
    co_await sleep(1ms);
    const auto later = co_await as_result(reader.read(1));
    require(!later && describe_exception(later.exception()) == "enough", "buffered bytes beat the exception");
    require(reader.exception() != nullptr, "exception() is null");
}

constexpr stream_rule rules[] = {
    {"bytes_arrive_whole_at_every_size", sizes},
    {"read_gives_what_is_there", some},
    {"the_end_is_data_and_stays", end},
    {"lines_end_at_newlines_and_at_the_end", lines},
    {"readexactly_tells_what_came_before_the_end", incomplete},
    {"of_several_separators_the_first_end_wins", separators},
    {"a_separator_may_come_in_parts", split_separator},
    {"readuntil_over_the_limit_keeps_the_bytes", overrun_kept},
    {"readline_over_the_limit_drops_the_line", overrun_dropped},
    {"read_into_fills_the_callers_memory", into_memory},
    {"read_view_copies_nothing_and_loses_nothing", in_place},
    {"only_one_task_reads", one_reader},
    {"a_cancelled_read_loses_nothing", cancelled_read},
    {"a_peer_may_send_byte_by_byte", byte_by_byte},
    {"reads_of_any_size_fit_together", small_pieces},
    {"set_exception_ends_reads_and_beats_data", set_exception},
};

}  // namespace

std::span<const stream_rule> reading_rules() { return rules; }

}  // namespace bide::testing::detail
