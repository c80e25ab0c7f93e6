// bide/net: one read of a stream as an awaitable that needs no coroutine where enough has arrived.
#include <bide/detail/net/reads.hpp>

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/error.hpp>
#include <bide/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

#include "net/reader_state.hpp"
#include "net/share_of_turn.hpp"

namespace bide::detail {

namespace {

// --- what each read does with what has arrived: true when `out` is its result ---

bool step(reader_state& state, const read_some& read, std::string& out) {
    if (read.most == 0) return true;
    if (state.size() == 0) return state.eof;
    out = state.bytes.take(std::min(read.most, state.size()));
    return true;
}

bool step(reader_state& state, const read_all&, std::string& out) {
    if (!state.eof) return false;
    out = state.bytes.take(state.size());
    return true;
}

bool step(reader_state& state, const read_exactly& read, std::string& out) {
    if (read.count == 0) return true;
    if (state.size() < read.count) {
        if (state.eof) throw incomplete_read_error(state.bytes.take(state.size()), read.count);
        return false;
    }
    out = state.bytes.take(read.count);
    return true;
}

bool step(reader_state& state, const read_into& read, std::size_t& out) {
    if (read.room.empty()) return true;
    if (state.size() == 0) return state.eof;
    out = std::min(read.room.size(), state.size());
    std::memcpy(read.room.data(), state.view().data(), out);
    state.bytes.drop(out);
    return true;
}

bool step(reader_state& state, const read_view& read, std::string_view& out) {
    if (read.most == 0) return true;
    if (state.size() == 0) return state.eof;
    out = state.view().substr(0, read.most);
    state.bytes.pass(out.size());  // the memory stays until the next call
    return true;
}

[[noreturn]] BIDE_COLD void throw_overrun(const reader_state& state, std::size_t consumed, bool found) {
    const std::string limit = " the limit of " + std::to_string(state.limit) + " bytes";
    throw limit_overrun_error(found ? "the separator was found, but what precedes it is longer than" + limit
                                    : "no separator within" + limit,
                              consumed);
}

struct match {
    std::size_t end = std::string_view::npos;  // behind the separator
    std::size_t length = 0;                    // of the separator
};

// The part of a separated read that does not depend on how the separator is found. `longest` is the longest separator.
bool separated(reader_state& state, const match& found, std::size_t shortest, std::size_t longest,
               std::size_t& searched, std::string& out) {
    if (found.end != std::string_view::npos) {
        const std::size_t start = found.end - found.length;
        if (start > state.limit) throw_overrun(state, start, true);
        out = state.bytes.take(found.end);
        return true;
    }
    const std::size_t size = state.size();
    if (size >= shortest) {
        searched = size < longest ? 0 : size - longest + 1;  // a separator may have begun in the last bytes
        if (searched > state.limit) throw_overrun(state, searched, false);
    }
    if (state.eof) throw incomplete_read_error(state.bytes.take(size), std::nullopt);
    return false;
}

bool step(reader_state& state, read_until& read, std::string& out) {
    const std::size_t length = read.separator.size();
    if (length == 0) throw std::invalid_argument("readuntil: the separator is empty");
    match found;
    const std::size_t at = state.view().find(read.separator, read.searched);
    if (at != std::string_view::npos) found = {at + length, length};
    return separated(state, found, length, length, read.searched, out);
}

// Of several separators the one that ends first. The bytes are looked at in windows that grow, so that one which is not
// there is not looked for in everything that has arrived each time.
match find_any(std::string_view bytes, const std::vector<std::string>& separators, std::size_t longest,
               std::size_t from) {
    for (std::size_t window = 256;; window *= 2) {
        const std::string_view seen = bytes.substr(0, from + window);
        match found;
        for (const std::string& each : separators) {
            // Only one that ends before the best so far is of interest.
            const std::size_t at =
                seen.substr(0, found.length == 0 ? seen.size() : found.end - 1).find(each, from);
            if (at != std::string_view::npos) found = {at + each.size(), each.size()};
        }
        if (found.length != 0 || seen.size() == bytes.size()) return found;
        if (seen.size() >= longest) from = seen.size() - longest + 1;
    }
}

bool step(reader_state& state, read_until_any& read, std::string& out) {
    if (read.separators.empty()) throw std::invalid_argument("readuntil: no separator was given");
    std::size_t shortest = SIZE_MAX;
    std::size_t longest = 0;
    for (const std::string& each : read.separators) {
        if (each.empty()) throw std::invalid_argument("readuntil: a separator is empty");
        shortest = std::min(shortest, each.size());
        longest = std::max(longest, each.size());
    }
    const match found = find_any(state.view(), read.separators, longest, read.searched);
    return separated(state, found, shortest, longest, read.searched, out);
}

// As asyncio does: the end of the stream ends a line, and of a line that is too long what there is of it is dropped.
bool line(reader_state& state, std::size_t& searched, std::string& out) {
    const std::string_view bytes = state.view();
    const std::size_t at = bytes.find('\n', searched);
    if (at != std::string_view::npos && at <= state.limit) {
        out = state.bytes.take(at + 1);
        return true;
    }
    const bool found = at != std::string_view::npos;
    if (found || bytes.size() > state.limit) {
        const std::size_t dropped = found ? at + 1 : bytes.size();
        state.bytes.drop(dropped);
        throw limit_overrun_error((found ? "readline: a line of " : "readline: a line of more than ") +
                                      std::to_string(found ? at : dropped) + " bytes is over the limit of " +
                                      std::to_string(state.limit) + "; it was dropped",
                                  dropped);
    }
    searched = bytes.size();
    if (!state.eof) return false;
    out = state.bytes.take(bytes.size());
    return true;
}

bool step(reader_state& state, read_line& read, std::string& out) { return line(state, read.searched, out); }

bool step(reader_state& state, read_next_line& read, std::optional<std::string>& out) {
    std::string text;
    if (!line(state, read.searched, text)) return false;
    if (!text.empty()) out = std::move(text);
    return true;
}

// --- how many bytes each asks for ---

template <class Read>
std::size_t needed(const reader_state&, const Read&) {
    return 0;
}
std::size_t needed(const reader_state&, const read_some& read) { return read.most; }
std::size_t needed(const reader_state&, const read_view& read) { return read.most; }
std::size_t needed(const reader_state&, const read_into& read) { return read.room.size(); }
std::size_t needed(const reader_state&, const read_all&) { return share_of_turn; }
std::size_t needed(const reader_state& state, const read_exactly& read) { return read.count - state.size(); }

template <class Read>
std::size_t asks_for(const reader_state& state, const Read& read) {
    return std::max(std::min(needed(state, read), share_of_turn), state.limit);
}

// A connection that has failed once is of no use: both of its ends learn of it, and every later read.
void note_failure(reader_state& state) {
    if (state.error) return;
    state.error = std::current_exception();
    state.source->receive_failed(state.error);
}

// A stream that writing has broken ends, too; but that is no end which the peer has sent.
void note_end(reader_state& state) {
    if (state.source->error()) {
        state.error = state.source->error();
    } else {
        state.eof = true;
    }
}

// The task is about to wait, so everybody has a turn, also before more is written.
void give_way(reader_state& state) noexcept {
    state.since_turn = 0;
    state.source->begin_turn();
}

void note_received(reader_state& state, std::size_t count) {
    state.since_turn += count;
    if (count == 0) note_end(state);
}

// --- a read that waits ---

// `begun`: the first receive, where it has begun. To begin it twice would forget what the socket has told.
template <class Read>
coro<typename Read::value_type> read_later(reader_ref state, Read read,
                                           std::optional<stream_core::receive_start> begun) {
    typename Read::value_type value{};
    const reading_scope mine(*state, Read::name);
    while (!step(*state, read, value)) {
        if (state->source) {
            try {
                // A peer that is always ahead must not keep other tasks from running.
                if (state->since_turn >= share_of_turn) {
                    state->since_turn = 0;
                    co_await sleep(std::chrono::seconds(0));
                }
                state->bytes.gather();
                if (!begun) begun = state->source->begin_receive(state->bytes, asks_for(*state, read));
                stream_core::receive_start start = *std::exchange(begun, std::nullopt);
                if (start.operation != nullptr) {
                    give_way(*state);
                    co_await operation_awaiter(*start.operation);
                    start.count = state->source->end_receive(state->bytes);
                    if (start.count == stream_core::again) {
                        start.count =
                            co_await state->source->receive(state->bytes.text(), asks_for(*state, read));
                    }
                } else if (!start.done) {
                    start.count =
                        co_await state->source->receive(state->bytes.text(), asks_for(*state, read));
                }
                note_received(*state, start.count);
            } catch (const cancelled_error&) {
                if (!state->interrupted || !state->end_interruption()) throw;
            } catch (const base_exception&) { throw; } catch (...) {
                note_failure(*state);
                throw;
            }
            state->end_interruption();
        } else {
            co_await fed_awaitable(*state);
        }
        // What was set meanwhile beats what has arrived.
        if (state->error) std::rethrow_exception(state->error);
    }
    co_return value;
}

}  // namespace

// Misuse and failures are looked at by the coroutine, so that as_result() gets them like any other.
template <class Read>
bool read_awaitable<Read>::await_ready() {
    if (!reader_->undisturbed()) return false;
    try {
        return step(*reader_, what_, value_);
    } catch (...) {
        error_ = std::current_exception();
        return true;
    }
}

template <class Read>
transfer read_awaitable<Read>::await_suspend(std::coroutine_handle<> frame) {
    std::optional<stream_core::receive_start> begun;
    if constexpr (Read::any_amount) {
        reader_state& state = *reader_;
        if (state.undisturbed() && state.source && state.since_turn < share_of_turn) {
            state.bytes.drop(state.size());
            const auto start = state.source->begin_receive(state.bytes, asks_for(state, what_));
            if (start.done) {
                note_received(state, start.count);
                if (!state.error) step(state, what_, value_);
                error_ = state.error;
                return transfer_to(frame);
            }
            if (start.operation != nullptr && !start.partial) {
                direct_ = true;
                give_way(state);
                state.reading = &running_task();
                submit_io(*state.reading, *start.operation, frame);
                return transfer_nowhere();
            }
            begun = start;
        }
    }
    try {
        later_.emplace(read_later(reader_, std::move(what_), begun).release());
    } catch (...) {
        if (begun && begun->operation != nullptr) reader_->source->abandon_receive();
        throw;
    }
    return later_->await_suspend(frame);
}

// The operation has come back. Throws only what must pass by every handler, such as the cancellation.
template <class Read>
void read_awaitable<Read>::finish() {
    reader_state& state = *reader_;
    fetch_next_task();
    const scope_guard left([this]() noexcept { leave(); });
    try {
        note_received(state, state.source->end_receive(state.bytes));
        if (!state.error) step(state, what_, value_);
    } catch (const cancelled_error&) {
        if (!state.interrupted || !state.end_interruption()) throw;
    } catch (const base_exception&) { throw; } catch (...) {
        note_failure(state);
    }
    state.end_interruption();
    error_ = state.error;  // what was set meanwhile beats what has arrived
}

template <class Read>
void read_awaitable<Read>::leave() noexcept {
    direct_ = false;
    reader_->reading = nullptr;
}

template class read_awaitable<read_some>;
template class read_awaitable<read_all>;
template class read_awaitable<read_line>;
template class read_awaitable<read_next_line>;
template class read_awaitable<read_exactly>;
template class read_awaitable<read_until>;
template class read_awaitable<read_until_any>;
template class read_awaitable<read_into>;
template class read_awaitable<read_view>;

}  // namespace bide::detail
