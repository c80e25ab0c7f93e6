// bide/testing: the rules of streams that are about closing and failing.
#include <bide/as_result.hpp>
#include <bide/error.hpp>
#include <bide/sleep.hpp>
#include <bide/task.hpp>

#include <chrono>
#include <system_error>

#include "testing/stream_rules.hpp"

namespace bide::testing::detail {

namespace {

using namespace std::chrono_literals;

coro<std::string> whole(stream_reader reader) {
    std::string all = co_await reader.read();
    co_return all;
}

// Writes and drains until drain() throws. Returns: how often it did not.
coro<int> until_lost(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    int rounds = 0;
    for (bool lost = false; !lost && rounds < 1000; ++rounds) {
        writer.write("anybody there?");  // never throws for a peer that is gone
        try {
            co_await writer.drain();
        } catch (const std::system_error&) { lost = true; }
        if (!lost) co_await sleep(1ms);
    }
    co_return rounds;
}

coro<void> close_sends(shared_pair pair) {
    const std::string sent = pattern(3'000'000);
    pair->near_writer.write(sent);
    require(!pair->near_writer.is_closing(), "is_closing before close()");
    pair->near_writer.close();
    require(pair->near_writer.is_closing(), "not is_closing after close()");
    pair->near_writer.close();
    pair->near_writer.write("dropped");
    auto reading = create_task(whole(*pair->far_reader));
    co_await pair->near_writer.wait_closed();
    const std::string got = co_await reading;
    require_text(got, sent, "what was unsent when the stream was closed");
    co_await pair->near_writer.wait_closed();
}

coro<void> dropping_sends(shared_pair pair) {
    const std::string sent = pattern(3'000'000);
    auto reading = create_task(whole(*pair->far_reader));
    {
        const stream_writer mine = std::move(pair->near_writer);
        mine.write(sent);
    }
    const std::string got = co_await reading;
    require_text(got, sent, "what was unsent when the writer was dropped");
}

coro<void> abort_at_once(shared_pair pair) {
    pair->near_writer.write(pattern(10'000'000));
    pair->near_writer.abort();
    require(pair->near_writer.is_closing(), "not is_closing after abort()");
    require(pair->near_writer.get_write_buffer_size() == 0, "abort() keeps what is unsent");
    co_await pair->near_writer.wait_closed();
}

coro<void> after_close(shared_pair pair) {
    pair->near_writer.close();
    co_await pair->near_writer.wait_closed();
    pair->near_writer.write("nobody hears it");
    const auto drained = co_await as_result(pair->near_writer.drain());
    require(!drained, "drain on a closed stream does not throw");
    require(drained.error() == std::errc::connection_reset, "drain on a closed stream throws another error");
    const int rounds = co_await until_lost(pair);
    require(rounds <= 2, "a loop of write() and drain() does not meet the end");
}

// Closed without a failure while somebody drains: that drain returns, the next one throws.
coro<void> closed_while_draining(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    const std::string piece(64 * 1024, 'x');
    while (writer.get_write_buffer_size() <= writer.get_write_buffer_limits().high) writer.write(piece);
    auto draining = create_task(
        [](shared_pair ends) -> coro<void> {
            stream_writer& to = ends->near_writer;
            co_await to.drain();
        },
        pair);
    co_await sleep(1ms);
    require(!draining.done(), "drain does not wait");
    writer.abort();
    co_await draining;
    const auto next = co_await as_result(writer.drain());
    require(!next, "the drain after it does not throw");
}

coro<void> many_wait_closed(shared_pair pair) {
    const auto wait = [](shared_pair ends) -> coro<void> {
        stream_writer& writer = ends->near_writer;
        co_await writer.wait_closed();
    };
    auto one = create_task(wait, pair);
    auto two = create_task(wait, pair);
    auto three = create_task(wait, pair);
    co_await sleep(1ms);
    two.cancel();
    co_await sleep(1ms);
    require(two.cancelled() && !one.done() && !three.done(), "wait_closed is not cancelled alone");
    pair->near_writer.close();
    co_await one;
    co_await three;
}

coro<void> peer_gone(shared_pair pair) {
    pair->far_reader.reset();
    pair->far_writer.reset();
    const int rounds = co_await until_lost(pair);
    require(rounds < 1000, "drain never notices that the peer is gone");
    require(pair->near_writer.is_closing(), "a lost connection is not is_closing");
    pair->near_writer.write("still no error");
    const auto later = co_await as_result(pair->near_writer.drain());
    require(!later, "drain on a lost connection does not throw");
    static_cast<void>(co_await as_result(pair->near_writer.wait_closed()));  // with or without a failure
}

// Gone in the middle of what it was being sent.
coro<void> peer_gone_while_draining(shared_pair pair) {
    stream_writer& writer = pair->near_writer;
    const std::string piece(64 * 1024, 'x');
    for (int i = 0; i < 1000 && writer.get_write_buffer_size() <= writer.get_write_buffer_limits().high;
         ++i) {
        writer.write(piece);
        co_await sleep(0s);
    }
    auto draining = create_task(
        [](shared_pair ends) -> coro<void> {
            stream_writer& to = ends->near_writer;
            co_await to.drain();
        },
        pair);
    co_await sleep(1ms);
    pair->far_reader.reset();
    pair->far_writer.reset();
    const auto ended = co_await as_result(draining);
    require(!ended, "drain returns although the peer went and bytes were unsent");
    const auto closed = co_await as_result(writer.wait_closed());
    require(!closed, "wait_closed tells nothing of the failure");
}

coro<void> own_reader_ends(shared_pair pair) {
    auto reading = create_task(whole(*pair->near_reader));
    co_await sleep(1ms);
    pair->near_writer.close();
    const std::string rest = co_await reading;
    require_text(rest, "", "a read on a stream that its own side closes");
    require(pair->near_reader->at_eof(), "the reader is not at its end");
}

coro<void> half_close(shared_pair pair) {
    require(pair->near_writer.can_write_eof(), "can_write_eof is false");
    pair->near_writer.write(pattern(300'000));
    pair->near_writer.write_eof();
    pair->near_writer.write_eof();
    bool refused = false;
    try {
        pair->near_writer.write("more");
    } catch (const invalid_state_error&) { refused = true; }
    require(refused, "write() after write_eof() does not throw");
    const std::string got = co_await pair->far_reader->read();
    require_text(got, pattern(300'000), "what was written before write_eof()");
    require(!pair->far_writer->is_closing(), "the end from the peer closes the other direction");
    pair->far_writer->write("answer");
    co_await pair->far_writer->drain();
    pair->far_writer->close();
    const std::string answer = co_await pair->near_reader->read();
    require_text(answer, "answer", "the other direction after write_eof()");
}

coro<void> no_half_close(shared_pair pair) {
    require(!pair->near_writer.can_write_eof(), "can_write_eof is true");
    bool refused = false;
    try {
        pair->near_writer.write_eof();
    } catch (const invalid_state_error&) { refused = true; }
    require(refused, "write_eof() does not throw");
    pair->near_writer.write("goes on\n");
    co_await pair->near_writer.drain();
    const std::string line = co_await pair->far_reader->readline();
    require_text(line, "goes on\n", "what was written after a refused write_eof()");
}

// The peer goes with bytes unread, which resets TCP. What a read gives is bytes, then the end or a failure that stays.
coro<void> reset_by_peer(shared_pair pair) {
    pair->near_writer.write("unread");
    co_await pair->near_writer.drain();
    co_await sleep(1ms);
    pair->far_writer->abort();
    pair->far_reader.reset();
    const auto first = co_await as_result(pair->near_reader->read());
    const auto second = co_await as_result(pair->near_reader->read(1));
    if (first) {
        require(second && second->empty(), "bytes behind the end");
    } else {
        require(!second && second.error() == first.error(), "a failure of the connection does not stay");
        require(pair->near_writer.is_closing(), "a reader that failed leaves its writer open");
        const auto drained = co_await as_result(pair->near_writer.drain());
        require(!drained && drained.error() == first.error(), "drain does not throw the failure");
        const auto closed = co_await as_result(pair->near_writer.wait_closed());
        require(!closed && closed.error() == first.error(), "wait_closed does not throw the failure");
    }
}

coro<void> gone_mid_message(shared_pair pair) {
    pair->near_writer.write("half a mess");
    co_await pair->near_writer.drain();
    pair->near_writer.close();
    std::string partial;
    try {
        co_await pair->far_reader->readuntil("\n");
    } catch (const incomplete_read_error& e) { partial = e.partial(); }
    require_text(partial, "half a mess", "what came of the message");
}

constexpr stream_rule rules[] = {
    {"close_sends_what_is_unsent", close_sends},
    {"dropping_the_writer_sends_what_is_unsent", dropping_sends},
    {"abort_closes_at_once", abort_at_once},
    {"write_after_close_is_dropped_and_drain_throws", after_close},
    {"a_drain_that_meets_a_clean_close_returns", closed_while_draining},
    {"many_tasks_may_wait_for_the_close", many_wait_closed},
    {"write_to_a_lost_connection_does_not_throw_and_drain_does", peer_gone},
    {"a_peer_that_goes_ends_a_drain", peer_gone_while_draining},
    {"closing_ends_reads_of_the_same_side", own_reader_ends, rule_for::two_way},
    {"half_close_leaves_the_other_direction", half_close, rule_for::half_close},
    {"without_half_close_write_eof_is_refused", no_half_close, rule_for::no_half_close},
    {"a_reset_is_told_to_both_halves", reset_by_peer, rule_for::two_way},
    {"a_peer_may_go_in_the_middle_of_a_message", gone_mid_message},
};

}  // namespace

std::span<const stream_rule> ending_rules() { return rules; }

}  // namespace bide::testing::detail
