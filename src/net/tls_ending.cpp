// bide/net: a byte stream inside another one, encrypted: how it ends.
//
// After close_notify the connection is half-closed and what the peer still sends is read, until it ends as well: to close
// with bytes unread would make TCP reset the connection, and the peer would lose what is on its way. A TLS 1.3 server has
// always sent tickets that a client which only writes does not read. Data for the application is another matter: nobody
// will ever take it, so the connection is reset, and the peer learns it. But not when this end
// has failed: then the alert is what the peer is to learn.
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <system_error>

#include "net/tls_core.hpp"

namespace bide::detail {

void tls_stream::destroy() noexcept {
    if (closed_ || lower_->closed()) {
        delete this;
        return;
    }
    refs_ = 1;
    if (closing_) {
        lower_->abort();
    } else {
        close();
    }
    release();
}

void tls_stream::close() {
    if (closing_) return;
    const stream_ref hold = self();
    set_closing();
    all_sent_ = unsent() == 0;
    output_buffer output;
    engine_.shut_down(output.bytes);
    send_down(output);
    close_lower();
}

void tls_stream::abort() noexcept {
    const stream_ref hold = self();
    set_closing();
    lower_->abort();
}

void tls_stream::fail() {
    if (error_) return;
    const stream_ref hold = self();
    set_error(std::make_exception_ptr(
        std::system_error(engine_.failure(), title() + ": " + engine_.failure_text())));
    close_lower();
}

void tls_stream::give_up() {
    fail();
    std::rethrow_exception(error_);
}

// What was written is on its way; the peer has a bounded time to take it and to end, too.
void tls_stream::close_lower() noexcept {
    if (lower_->closed()) return;
    if (loop_->loop->is_closed()) return lower_->abort();
    limit_ = loop_->loop->call_later(shutdown_limit_, [this, hold = self()] { end_late(); });
    if (ended_ || lower_->descriptor() < 0 || !lower_->can_send_eof()) return lower_->close();
    lower_->send_eof();
    lingers_ = true;
    if (!receiving_) listen_for_end();
}

void tls_stream::end_late() {
    if (unsent() != 0) {
        const double seconds = std::chrono::duration<double>(shutdown_limit_).count();
        set_error(std::make_exception_ptr(timeout_error(
            title() + ": the peer did not take what was written before the limit of the end was reached (" +
            std::to_string(seconds) + " s)")));
    }
    lower_->abort();
}

void tls_stream::stream_gone(stream_core& lower) noexcept {
    timer_handle limit = std::move(limit_);
    stream_watcher* const whose = std::exchange(lower_watcher_, nullptr);
    lingers_ = false;
    set_closed(all_sent_ ? nullptr : lower.error());
    if (whose != nullptr) whose->stream_gone(lower);
    limit.cancel();  // with it may go the last reference
}

void tls_stream::leave_receive() noexcept {
    receiving_ = false;
    if (lingers_ && !lower_->closing()) listen_for_end();
}

// Unless a task receives, which then hears it.
void tls_stream::listen_for_end() noexcept {
    if (!ending_) ending_.reset(new (std::nothrow) ending(*this));
    if (!ending_) return lower_->abort();
    if (ending_->operation.in_flight()) return;
    ending_->operation.start(recv_wait_op, {.fd = lower_->descriptor()});
}

void tls_stream::heard_alone(int result) {
    char bytes[4096];
    std::ptrdiff_t got = 0;
    if (result > 0 && !closed_) {
        backend& os = *static_cast<loop_core*>(loop_)->os;
        got = os.receive_now(lower_->descriptor(), bytes, sizeof bytes);
    }
    const auto count = static_cast<std::size_t>(std::max<std::ptrdiff_t>(got, 0));
    engine_.input().append({bytes, count});
    if (got != -EAGAIN) heard(count);
    if (lingers_ && !lower_->closing()) listen_for_end();
}

// The connection is closed on this side; `count` more bytes have come, 0: none will.
void tls_stream::heard(std::size_t count) {
    if (closed_) return;
    const tls_status status = count == 0          ? tls_status::ended
                              : engine_.failure() ? drop_unreadable(count)
                                                  : read_unwanted();
    if (status == tls_status::done) {
        lower_->abort();
    } else if (status != tls_status::want_bytes) {
        lower_->close();
    }
}

// It was refused, and talks on until it has read why: after a reset it would learn from its next write only that the
// connection is gone.
tls_status tls_stream::drop_unreadable(std::size_t count) noexcept {
    engine_.input().drop(engine_.input().size());
    dropped_ += count;
    return dropped_ > most_dropped ? tls_status::done : tls_status::want_bytes;
}

// Of a stream that carries another one, that one knows what is for the application.
tls_status tls_stream::read_unwanted() {
    output_buffer output;
    std::size_t count = 0;
    const receive_block plain = receive_block::acquire();
    const tls_status status = engine_.read(plain.data(), receive_block::size, count, output.bytes);
    send_down(output);
    if (status != tls_status::done || above_ == nullptr) return status;
    above_->engine_.input().append({plain.data(), count});
    return above_->read_unwanted() == tls_status::done ? tls_status::done : tls_status::want_bytes;
}

}  // namespace bide::detail
