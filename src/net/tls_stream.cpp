// bide/net: a byte stream inside another one, encrypted: reading and writing.
#include <bide/detail/base/scope_guard.hpp>
#include <bide/error.hpp>

#include <algorithm>
#include <system_error>

#include "net/tls_core.hpp"

namespace bide::detail {

tls_stream::output_buffer::~output_buffer() {
    bytes.clear();
    if (bytes.capacity() <= 2 * piece) spare().swap(bytes);
}

std::string& tls_stream::output_buffer::spare() noexcept {
    static thread_local std::string the;
    return the;
}

namespace {

void append(std::string& to, receive_block&& block, std::size_t count) { to.append(block.data(), count); }
void append(receive_buffer& to, receive_block&& block, std::size_t count) {
    to.append(std::move(block), count);
}

}  // namespace

// How much there is to read is known only when it was decrypted, so that is done into a block of the thread.
template <class Buffer>
tls_status tls_stream::read_some(Buffer& into, std::size_t most, std::size_t& count) {
    output_buffer output;
    receive_block plain = receive_block::acquire();
    tls_status status = engine_.read(plain.data(), std::min(most, receive_block::size), count, output.bytes);
    if (count != 0) append(into, std::move(plain), count);
    ended_ = ended_ || status == tls_status::ended;
    // What was read comes first; the next call tells it.
    if (asks_too_much(output) && status == tls_status::want_bytes) status = tls_status::failed;
    send_down(output);
    return status;
}

// Writing that pauses does not pause reading, and answers are no part of what the application writes: nothing else would
// bound what a peer makes us keep.
bool tls_stream::asks_too_much(const output_buffer& output) {
    if (output.bytes.empty()) return false;
    if (lower_->unsent() == 0) answers_ = 0;
    answers_ += output.bytes.size();
    if (answers_ <= most_answers || engine_.failure()) return false;
    engine_.refuse("the peer asks again and again and does not take the answers");
    return true;
}

template <class Buffer>
std::size_t tls_stream::take(Buffer& into, std::size_t most) {
    std::size_t count = 0;
    const tls_status status = read_some(into, most, count);
    if (status == tls_status::failed) give_up();
    if (status == tls_status::ended) close();  // there are no half-open TLS connections, as in asyncio
    return status == tls_status::want_bytes ? again : count;
}

void tls_stream::check_not_cut(std::size_t count) const {
    if (count != 0) return;
    throw std::system_error(make_error_code(tls_errc::truncated),
                            title() + ": the peer closed the connection without close_notify; "
                                      "what it sent may be incomplete");
}

coro<std::size_t> tls_stream::receive(std::string& into, std::size_t most) {
    std::size_t count = 0;
    const stream_ref hold = self();
    const scope_guard leave([this]() noexcept { leave_receive(); });
    while (!closing_) {
        count = take(into, most);
        if (count != again) co_return count;
        if (closing_)
            break;  // who was told that writing pauses, by an answer, closed it: it is listened to already
        receiving_ = true;
        count = co_await lower_->receive(engine_.input().text(), piece);
        if (closing_) {
            heard(count);
        } else {
            check_not_cut(count);
        }
    }
    if (error_ && !ended_) std::rethrow_exception(error_);
    co_return 0;
}

// The same without a coroutine for each of the two streams. The end and failures are left to the one above.
stream_core::receive_start tls_stream::begin_receive(receive_buffer& into, std::size_t most) {
    receive_start start;
    const stream_ref hold = self();
    while (!closing_) {
        const tls_status status = read_some(into, most, start.count);
        start.done = status == tls_status::done;
        if (status != tls_status::want_bytes) break;
        const receive_start below = lower_->begin_receive(engine_.input(), piece);
        if (below.done && below.count != 0) continue;
        start.operation = below.operation;
        start.partial = true;
        receiving_ = start.operation != nullptr;
        most_ = most;
        break;
    }
    return start;
}

std::size_t tls_stream::end_receive(receive_buffer& into) {
    const stream_ref hold = self();
    const scope_guard leave([this]() noexcept { leave_receive(); });
    const std::size_t count = lower_->end_receive(engine_.input());
    if (count == again) return again;
    if (closing_) {
        heard(count);
        return again;  // receive() says how it ended
    }
    check_not_cut(count);
    return take(into, most_);
}

bool tls_stream::send_pieces(std::string_view bytes) {
    sending_ = true;
    const scope_guard sent([this]() noexcept { sending_ = false; });
    while (!closing_ && !bytes.empty()) {
        output_buffer output;
        const tls_status status = engine_.write(bytes.substr(0, piece), output.bytes);
        send_down(output);
        if (status == tls_status::failed) return false;
        bytes.remove_prefix(std::min(bytes.size(), piece));
    }
    return true;
}

void tls_stream::send(std::string_view bytes) {
    const stream_ref hold = self();
    if (!send_pieces(bytes)) return fail();
    update_pause();  // whose call may write or close: after the last piece
}

}  // namespace bide::detail
