// bide/net: the reading end of a pipe or terminal as a stream.
//
// A read waits for readiness and holds no buffer meanwhile; so it costs an idle pipe nothing, and the kernel never owns
// memory of ours. While the pipe gives as much as is asked for, reads follow without a wait, and a pipe that is found full
// is made larger: what costs most is that the two processes take turns.
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "net/pipe_stream.hpp"
#include "net/share_of_turn.hpp"
#include "os/sock.hpp"

namespace bide::detail {

namespace {

constexpr std::ptrdiff_t full_pipe = 64 * 1024;

char* scratch() {
    static thread_local std::unique_ptr<char[]> buffer;
    if (!buffer) buffer = std::make_unique_for_overwrite<char[]>(share_of_turn);
    return buffer.get();
}

class pipe_reader final : public stream_core {
public:
    pipe_reader(loop_state& loop, pipe_end end) noexcept : stream_core(loop), end_(end) {}

    coro<std::size_t> receive(std::string& into, std::size_t most) override {
        op_args args;
        const stream_ref hold(self());
        for (;;) {
            if (end_.fd < 0) co_return std::size_t{0};
            if (may_read_) {
                const std::ptrdiff_t got = read(into, most);
                if (got >= 0) co_return static_cast<std::size_t>(got);
            }
            args.fd = end_.fd;
            try {
                co_await io_awaiter(end_.owned && !end_.shared ? poll_own_read_op : poll_read_op, args,
                                    drained_);
            } catch (const std::system_error& e) {
                if (end_.fd < 0) co_return std::size_t{0};  // closed by its own side meanwhile
                fail(e.code().value());
            }
            may_read_ = true;
        }
    }

    void send(std::string_view) override {}
    void send_eof() override {}
    [[nodiscard]] bool can_send_eof() const noexcept override { return false; }
    void close() override { abort(); }
    void abort() noexcept override {
        if (end_.fd >= 0) {
            loop_->loop->forget(end_.fd);
            if (end_.owned) sys::close_descriptor(end_.fd);
            end_.fd = -1;
        }
        set_closed(nullptr);
    }
    [[nodiscard]] std::size_t unsent() const noexcept override { return 0; }
    [[nodiscard]] std::string extra_info(std::string_view name) const override {
        return name == "pipe" && end_.fd >= 0 ? std::to_string(end_.fd) : std::string();
    }
    [[nodiscard]] int descriptor() const noexcept override { return end_.fd; }

private:
    void destroy() noexcept override {
        abort();
        delete this;
    }

    [[noreturn]] void fail(int error) const {
        throw std::system_error(error, std::generic_category(), "read from pipe " + std::to_string(end_.fd));
    }

    // -EAGAIN: nothing there. A terminal whose other side has gone says EIO, which is the end of what it said.
    std::ptrdiff_t read(std::string& into, std::size_t most) {
        const std::size_t room = std::min(most, share_of_turn);
        const std::ptrdiff_t got = end_.kind == sys::stream_kind::socket
                                       ? sys::recv_now(end_.fd, scratch(), room)
                                       : sys::read_now(end_.fd, scratch(), room);
        may_read_ = got == static_cast<std::ptrdiff_t>(room) && !end_.shared;
        // A terminal gives a line at a time, however much there is.
        drained_ = !may_read_ && got != 0 && !end_.shared && end_.kind == sys::stream_kind::pipe;
        if (got > 0) into.append(scratch(), static_cast<std::size_t>(got));
        if (got >= full_pipe && end_.kind == sys::stream_kind::pipe && !std::exchange(enlarged_, true))
            sys::enlarge_pipe(end_.fd);
        if (got == -EIO && end_.kind == sys::stream_kind::terminal) return 0;
        if (got < 0 && got != -EAGAIN) fail(static_cast<int>(-got));
        return got;
    }

    pipe_end end_;
    bool may_read_ = false;  // without a wait before
    bool drained_ = false;   // the last read has found all there was
    bool enlarged_ = false;
};

}  // namespace

stream_core* make_pipe_reader(loop_state& loop, pipe_end end) { return new pipe_reader(loop, end); }

}  // namespace bide::detail
