// bide/net: the writing end of a pipe or terminal as a stream.
//
// What cannot be written at once waits here, and is written when the pipe is ready. A second operation watches the pipe:
// it is only ever ready for reading when nobody reads any more.
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>
#include <system_error>
#include <utility>

#include "net/pipe_stream.hpp"
#include "net/stream_operation.hpp"
#include "os/sock.hpp"

namespace bide::detail {

namespace {

constexpr std::size_t keep_capacity = 1024;             // of an idle pipe's buffer
constexpr std::size_t compact_after = 64 * 1024;        // bytes written that still lie before those that wait
constexpr std::size_t worth_a_larger_pipe = 16 * 1024;  // left over when the pipe is full
constexpr std::size_t terminal_room = 256;              // Linux calls a terminal writable when this much fits

class pipe_writer final : public stream_core {
public:
    pipe_writer(loop_state& loop, pipe_end end) noexcept
        : stream_core(loop), end_(end), output_(*this), watch_(*this) {
        const bool can_watch = end.kind == sys::stream_kind::pipe || end.kind == sys::stream_kind::socket;
        if (can_watch && !end.shared) watch_.start(poll_read_op, op_args{.fd = end.fd});
    }

    coro<std::size_t> receive(std::string&, std::size_t) override {
        const std::size_t none = 0;
        co_return none;
    }

    void send(std::string_view bytes) override {
        if (closing_ || bytes.empty()) return;
        if (unsent() == 0 && !end_.shared) {
            do {
                const std::ptrdiff_t sent = write(bytes);
                if (sent < 0 && sent != -EAGAIN) return fail(static_cast<int>(-sent));
                if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
                if (bytes.empty()) return;
            } while (bytes.size() >= worth_a_larger_pipe && make_room());
        }
        pending_.append(bytes);
        if (!output_.in_flight()) wait_for_room();
        update_pause();
    }

    void send_eof() override {
        eof_asked_ = true;
        close();
    }
    [[nodiscard]] bool can_send_eof() const noexcept override { return true; }

    void close() override {
        if (closing_) return;
        set_closing();
        if (unsent() == 0) finish_close();
    }
    void abort() noexcept override {
        set_closing();
        finish_close();
    }

    [[nodiscard]] std::size_t unsent() const noexcept override { return pending_.size() - head_; }
    [[nodiscard]] std::string extra_info(std::string_view name) const override {
        return name == "pipe" && end_.fd >= 0 ? std::to_string(end_.fd) : std::string();
    }
    [[nodiscard]] int descriptor() const noexcept override { return end_.fd; }

    void room(int result) {
        if (end_.fd < 0) return;
        if (result < 0) return fail(-result);
        const std::ptrdiff_t sent = write(std::string_view(pending_).substr(head_, most()));
        if (sent < 0 && sent != -EAGAIN) return fail(static_cast<int>(-sent));
        if (sent == -EAGAIN && sys::reader_is_gone(result))
            return fail(EPIPE);  // a terminal is ready then, but full
        drop(static_cast<std::size_t>(std::max<std::ptrdiff_t>(sent, 0)));
        if (unsent() != 0) wait_for_room();
        update_pause();  // whose call may write or close
        if (closing_ && unsent() == 0) finish_close();
    }

    // Nobody reads any more; or a socket has something to say, and is not watched any longer.
    void noticed(int result) {
        if (end_.fd < 0 || result < 0 || !sys::reader_is_gone(result)) return;
        if (unsent() != 0) return fail(EPIPE);
        set_closing();
        finish_close();
    }

    void loop_closed() noexcept { finish_close(); }

private:
    void destroy() noexcept override {
        finish_close();
        delete this;
    }

    void wait_for_room() noexcept {
        output_.start(end_.owned && !end_.shared ? poll_own_write_op : poll_write_op, op_args{.fd = end_.fd});
    }

    // Makes the pipe larger, the first time that much is to go through it. Returns whether there may be more room than a
    // moment ago.
    bool make_room() noexcept {
        if (end_.kind != sys::stream_kind::pipe || end_.shared || std::exchange(enlarged_, true))
            return false;
        sys::enlarge_pipe(end_.fd);
        return true;
    }

    std::ptrdiff_t write(std::string_view bytes) const noexcept {
        if (end_.kind == sys::stream_kind::socket) return sys::send_now(end_.fd, bytes.data(), bytes.size());
        return sys::write_now(end_.fd, bytes.data(), bytes.size());
    }

    // What can be written to a descriptor that would block, once it is ready.
    [[nodiscard]] std::size_t most() const noexcept {
        if (!end_.shared || end_.kind == sys::stream_kind::regular) return SIZE_MAX;
        return end_.kind == sys::stream_kind::pipe ? PIPE_BUF : terminal_room;
    }

    void drop(std::size_t count) noexcept {
        head_ += count;
        if (head_ == pending_.size()) {
            pending_.clear();
            head_ = 0;
            if (pending_.capacity() > keep_capacity) std::string().swap(pending_);
        } else if (head_ >= compact_after) {
            pending_.erase(0, std::exchange(head_, 0));
        }
    }

    void fail(int error) noexcept {
        set_error(std::make_exception_ptr(
            std::system_error(error, std::generic_category(), "write to pipe " + std::to_string(end_.fd))));
        finish_close();
    }

    void finish_close() noexcept {
        if (end_.fd >= 0) {
            loop_->loop->forget(end_.fd);
            if (end_.owned) sys::close_descriptor(end_.fd);
            end_.fd = -1;
        }
        drop(unsent());
        set_closed(nullptr);
    }

    pipe_end end_;
    std::string pending_;
    std::size_t head_ = 0;  // what lies before it was written
    bool enlarged_ = false;
    stream_operation<pipe_writer, &pipe_writer::room, &pipe_writer::loop_closed> output_;
    stream_operation<pipe_writer, &pipe_writer::noticed, &pipe_writer::loop_closed> watch_;
};

}  // namespace

stream_core* make_pipe_writer(loop_state& loop, pipe_end end) { return new pipe_writer(loop, end); }

}  // namespace bide::detail
