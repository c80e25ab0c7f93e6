// bide/net: the reading end of a stream.
#include <bide/error.hpp>
#include <bide/stream.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "net/reader_state.hpp"

namespace bide {

namespace {

std::size_t checked_limit(std::size_t limit) {
    if (limit == 0) throw std::invalid_argument("stream_reader: the limit is 0");
    return limit;
}

detail::reader_state& fed_by_hand(const detail::reader_ref& state, const char* call) {
    if (state->source) {
        throw invalid_state_error(std::string(call) +
                                  ": this reader belongs to a connection, which feeds it");
    }
    return *state;
}

}  // namespace

stream_reader::stream_reader(std::size_t limit)
    : state_(new detail::reader_state(detail::stream_ref(), checked_limit(limit))) {}
stream_reader::stream_reader(detail::stream_ref source, std::size_t limit)
    : state_(new detail::reader_state(std::move(source), checked_limit(limit))) {}

// Shortest first: of several that end together the read takes the first one. Which one it is decides what precedes it,
// and that is what the limit is compared with.
detail::read_awaitable<detail::read_until_any>
stream_reader::readuntil(std::vector<std::string> separators) const {
    std::ranges::sort(separators, {}, [](const std::string& each) { return each.size(); });
    return {state_, {std::move(separators)}};
}

bool stream_reader::at_eof() const noexcept { return state_->eof && state_->size() == 0; }

void stream_reader::feed_data(std::string_view data) const {
    detail::reader_state& state = fed_by_hand(state_, "feed_data");
    if (state.eof) throw invalid_state_error("feed_data: the end was fed already");
    if (data.empty()) return;
    state.bytes.append(data);
    state.wake();
}

void stream_reader::feed_eof() const {
    detail::reader_state& state = fed_by_hand(state_, "feed_eof");
    state.eof = true;
    state.wake();
}

std::exception_ptr stream_reader::exception() const noexcept { return state_->error; }

void stream_reader::set_exception(std::exception_ptr error) const {
    if (!error) throw std::invalid_argument("set_exception: the exception is null");
    state_->fail(std::move(error));
}

std::string stream_reader::take_buffered() const {
    const detail::reading_scope mine(*state_, "start_tls");
    return state_->bytes.take(state_->size());
}

}  // namespace bide
