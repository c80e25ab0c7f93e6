// bide/testing: the rules of streams that are about writing.
#include <bide/as_result.hpp>
#include <bide/error.hpp>
#include <bide/gather.hpp>
#include <bide/sleep.hpp>
#include <bide/task.hpp>

#include <chrono>
#include <stdexcept>
#include <vector>

#include "testing/stream_rules.hpp"

namespace bide::testing::detail {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t piece_size = 64 * 1024;
constexpr std::size_t most_sent = 64 * 1024 * 1024;  // no kernel buffers as much

coro<void> drained(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    co_await writer.drain();
}

// Writes without draining until writing pauses. Returns: how much.
coro<std::size_t> fill(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    const std::string piece(piece_size, 'x');
    std::size_t written = 0;
    while (writer.get_write_buffer_size() <= writer.get_write_buffer_limits().high && written < most_sent) {
        writer.write(piece);
        written += piece.size();
        co_await sleep(0s);  // what can leave leaves
    }
    require(written < most_sent, "64 MiB were taken from a writer although nobody reads");
    co_return written;
}

coro<void> discard(shared_pair pair, std::size_t count) {
    const stream_reader reader = *pair->far_reader;
    while (count != 0) {
        const std::string_view piece = co_await reader.read_view(count);
        require(!piece.empty(), "the stream ended before everything had arrived");
        count -= piece.size();
    }
}

coro<void> drain_at_once(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    co_await writer.drain();
    writer.write("little");
    auto waiting = writer.drain();
    require(waiting.await_ready(), "drain waits although little is unsent");
    co_await waiting;
}

coro<void> drain_pauses(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    const std::size_t written = co_await fill(pair);
    auto waiting = create_task(drained(pair));
    co_await sleep(10ms);
    require(!waiting.done(), "drain does not wait although the peer does not read");
    require(writer.get_write_buffer_size() > writer.get_write_buffer_limits().low,
            "drain waits below the low-water mark");
    auto reading = create_task(discard(pair, written));
    co_await waiting;
    require(writer.get_write_buffer_size() <= writer.get_write_buffer_limits().low,
            "drain ended above the low-water mark");
    co_await reading;
}

// A loop of write() and drain() keeps memory bounded, however slow the reader.
coro<void> bounded(shared_pair pair) {
    constexpr std::size_t total = 8 * 1024 * 1024;
    const auto most = std::make_shared<std::size_t>(0);
    auto writing = create_task(
        [](shared_pair ends, std::shared_ptr<std::size_t> highest) -> coro<void> {
            stream_writer& to = ends->near_writer;
            const std::string piece(piece_size, 'x');
            for (std::size_t sent = 0; sent < total; sent += piece.size()) {
                to.write(piece);
                *highest = std::max(*highest, to.get_write_buffer_size());
                co_await to.drain();
            }
        },
        pair, most);
    const stream_reader reader = *pair->far_reader;
    for (std::size_t got = 0; got < total;) {
        const std::string_view piece = co_await reader.read_view(32 * 1024);
        require(!piece.empty(), "the stream ended early");
        got += piece.size();
        if (got % 7 == 0) co_await sleep(1ms);
    }
    co_await writing;
    require(*most <= pair->near_writer.get_write_buffer_limits().high + piece_size,
            std::to_string(*most) + " bytes were buffered");
}

coro<void> many_drain(shared_pair pair) {
    const std::size_t written = co_await fill(pair);
    std::vector<task<void>> waiting;
    for (int i = 0; i < 5; ++i) waiting.push_back(create_task(drained(pair)));
    co_await sleep(1ms);
    waiting[2].cancel();
    co_await sleep(1ms);
    require(waiting[2].cancelled(), "a cancelled drain goes on waiting");
    require(!waiting[0].done() && !waiting[4].done(), "a cancelled drain ends those of others");
    co_await discard(pair, written);
    for (const int i : {0, 1, 3, 4}) co_await waiting[static_cast<std::size_t>(i)];
}

coro<void> cancelled_drain(shared_pair pair) {
    const std::size_t written = co_await fill(pair);
    auto waiting = create_task(drained(pair));
    co_await sleep(1ms);
    waiting.cancel();
    co_await sleep(1ms);
    pair->near_writer.write("end");
    pair->near_writer.close();
    co_await discard(pair, written);
    const std::string rest = co_await pair->far_reader->read();
    require_text(rest, "end", "behind what was written before a cancelled drain");
}

coro<void> limits(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    const write_buffer_limits first = writer.get_write_buffer_limits();
    require(first.low == 16 * 1024 && first.high == 64 * 1024, "the water marks are not 16 and 64 KiB");
    writer.set_write_buffer_limits(4000);
    require(writer.get_write_buffer_limits().low == 1000, "low is not a quarter of high");
    bool refused = false;
    try {
        writer.set_write_buffer_limits(10, 20);
    } catch (const std::invalid_argument&) { refused = true; }
    require(refused, "a low mark above the high one is taken");
    writer.set_write_buffer_limits(0, 0);
    auto reading = create_task(discard(pair, 1'000'000));
    writer.write(pattern(1'000'000));
    co_await writer.drain();
    require(writer.get_write_buffer_size() == 0, "with marks of 0, drain ends before everything is sent");
    co_await reading;
}

// Raising the marks resumes writing at once.
coro<void> limits_apply_at_once(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    const std::size_t written = co_await fill(pair);
    auto waiting = create_task(drained(pair));
    co_await sleep(1ms);
    writer.set_write_buffer_limits(1 << 30, 1 << 29);
    co_await waiting;
    co_await discard(pair, written);
}

coro<void> lists(shared_pair pair) {
    std::vector<std::string> strings;
    strings.emplace_back("one ");
    strings.emplace_back("");
    strings.emplace_back(std::string(5000, 'x'));
    std::vector<std::string_view> views;
    views.emplace_back(" two");
    views.emplace_back("!");
    pair->near_writer.writelines(strings);
    pair->near_writer.writelines(views);
    pair->near_writer.writelines({" three", strings[0]});
    pair->near_writer.close();
    const std::string all = co_await pair->far_reader->read();
    require_text(all, "one " + strings[2] + " two! threeone ", "writelines");
}

// The caller's memory is free again when write() returns.
coro<void> copied(shared_pair pair) {
    const std::string sent = pattern(300'000);
    std::string mine = sent;
    pair->near_writer.write(mine);
    std::fill(mine.begin(), mine.end(), '!');
    mine.clear();
    mine.shrink_to_fit();
    const std::string got = co_await pair->far_reader->readexactly(sent.size());
    require_text(got, sent, "what was written and then overwritten");
}

coro<void> gives_way(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    const auto ran = std::make_shared<bool>(false);
    auto other = create_task(
        [](std::shared_ptr<bool> flag) -> coro<void> {
            *flag = true;
            co_return;
        },
        ran);
    auto reading = create_task(discard(pair, 4 * 1024 * 1024));
    const std::string piece(16 * 1024, 'x');
    for (int i = 0; i < 256; ++i) {
        writer.write(piece);
        co_await writer.drain();
        if (i == 64) require(*ran, "a loop of write() and drain() keeps other tasks from running");
    }
    co_await reading;
    co_await other;
}

coro<void> reader_failure(shared_pair pair) {
    pair->near_reader->set_exception(std::make_exception_ptr(std::out_of_range("enough")));
    pair->near_writer.write("x");
    std::string why;
    try {
        co_await pair->near_writer.drain();
    } catch (const std::out_of_range& e) { why = e.what(); }
    require_text(why, "enough", "drain with a reader that was given an exception");
}

coro<void> both_ways(shared_pair pair) {
    constexpr std::size_t total = 3'000'000;
    auto there = create_task(send_all(pair, pattern(total)));
    auto back = create_task(
        [](shared_pair ends) -> coro<void> {
            const std::string sent = pattern(total);
            ends->far_writer->write(sent);
            co_await ends->far_writer->drain();
        },
        pair);
    auto arrived = create_task(
        [](shared_pair ends) -> coro<std::string> {
            std::string bytes = co_await ends->far_reader->readexactly(total);
            co_return bytes;
        },
        pair);
    const std::string got = co_await pair->near_reader->readexactly(total);
    const std::string other = co_await arrived;
    require(got == other && got == pattern(total), "two directions at once disturb each other");
    co_await there;
    co_await back;
}

coro<void> info(shared_pair pair) {
    const std::string none = pair->near_writer.get_extra_info("no such thing", "nothing");
    require_text(none, "nothing", "get_extra_info of an unknown name");
    co_return;
}

constexpr stream_rule rules[] = {
    {"drain_returns_at_once_when_little_is_unsent", drain_at_once},
    {"drain_waits_from_the_high_mark_to_the_low_mark", drain_pauses},
    {"a_slow_reader_keeps_memory_bounded", bounded},
    {"many_tasks_may_drain_and_each_is_cancelled_alone", many_drain},
    {"a_cancelled_drain_keeps_what_was_written", cancelled_drain},
    {"the_water_marks_can_be_moved", limits},
    {"moved_water_marks_apply_at_once", limits_apply_at_once},
    {"writelines_writes_all_in_order", lists},
    {"write_copies", copied},
    {"a_loop_of_write_and_drain_lets_others_run", gives_way},
    {"drain_throws_what_the_reader_was_given", reader_failure, rule_for::two_way},
    {"both_directions_work_at_once", both_ways, rule_for::two_way},
    {"get_extra_info_has_a_default", info},
};

}  // namespace

std::span<const stream_rule> writing_rules() { return rules; }

}  // namespace bide::testing::detail
