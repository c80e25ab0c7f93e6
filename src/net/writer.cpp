// bide/net: the writing end of a stream.
#include <bide/error.hpp>
#include <bide/stream.hpp>

#include <cerrno>
#include <system_error>

#include "net/joined.hpp"
#include "net/share_of_turn.hpp"
#include "net/stream_core.hpp"

namespace bide {

namespace detail {

namespace {

[[noreturn]] BIDE_COLD void throw_lost() {
    throw std::system_error(ECONNRESET, std::generic_category(), "drain: the connection is closed");
}

}  // namespace

struct stream_waits {
    static wait_list& list_of(wait& what) noexcept {
        return static_cast<drain_awaitable&>(what).stream_->drainers;
    }
};

namespace {

cancel_outcome cancel_drain(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    stream_waits::list_of(what).remove(task);
    return cancel_outcome::withdrawn;
}

void detach_drain(wait& what, task_base& task) noexcept {
    if (task.linked()) stream_waits::list_of(what).remove(task);
}

constexpr wait_kind drain_wait{"stream_writer.drain", cancel_drain, detach_drain};
constexpr wait_kind turn_wait{"stream_writer.drain (one turn)",
                              [](wait&, task_base&) noexcept { return cancel_outcome::too_late; },
                              [](wait&, task_base&) noexcept {}};

}  // namespace

drain_awaitable::drain_awaitable(stream_ref stream) noexcept
    : wait{&drain_wait}, stream_(std::move(stream)) {}

bool drain_awaitable::await_ready() const {
    stream_->throw_failure();
    if (stream_->closed()) throw_lost();
    return !stream_->paused() && !stream_->closing() && stream_->since_turn() < share_of_turn;
}

// A stream that is being closed gives one turn, so that a loop of write and drain meets the end.
void drain_awaitable::await_suspend(std::coroutine_handle<> frame) {
    task_base& task = running_task();
    if (stream_->paused()) {
        pace_ = pace::until_low;
        stream_->drainers.push_back(task);
    } else {
        pace_ = pace::one_turn;
        kind = &turn_wait;
        make_ready(task, *task.loop);
    }
    stream_->begin_turn();
    begin_wait(task, *this, frame);
}

// A close without a failure while it waited for room is no error of this drain; the next one reports it.
void drain_awaitable::await_resume() {
    if (pace_ == pace::ready) return;
    end_wait(running_task());
    stream_->throw_failure();
    if (pace_ == pace::one_turn && stream_->closed()) throw_lost();
}

namespace {

struct close_wait_state : wait {
    stream_core* stream;
};

constexpr wait_kind close_wait{"stream_writer.wait_closed",
                               [](wait& what, task_base& task) noexcept {
                                   if (!task.linked()) return cancel_outcome::too_late;
                                   static_cast<close_wait_state&>(what).stream->closers.remove(task);
                                   return cancel_outcome::withdrawn;
                               },
                               [](wait& what, task_base& task) noexcept {
                                   if (!task.linked()) return;
                                   static_cast<close_wait_state&>(what).stream->closers.remove(task);
                               }};

class closed_awaitable : public awaitable_tag {
public:
    explicit closed_awaitable(stream_core& stream) noexcept : state_{{&close_wait}, &stream} {}
    [[nodiscard]] bool await_ready() const noexcept { return state_.stream->closed(); }
    void await_suspend(std::coroutine_handle<> frame) {
        task_base& task = running_task();
        state_.stream->closers.push_back(task);
        waited_ = true;
        begin_wait(task, state_, frame);
    }
    void await_resume() const {
        if (waited_) end_wait(running_task());
    }

private:
    close_wait_state state_;
    bool waited_ = false;
};

coro<void> until_closed(stream_ref stream) {
    stream_core& core = *stream;
    co_await closed_awaitable(core);
    if (core.error()) std::rethrow_exception(core.error());
}

}  // namespace
}  // namespace detail

stream_writer& stream_writer::operator=(stream_writer&& other) noexcept {
    if (this != &other) {
        if (stream_) close();
        stream_ = std::move(other.stream_);
    }
    return *this;
}

stream_writer::~stream_writer() {
    if (stream_) close();
}

void stream_writer::write(std::string_view data) const {
    if (stream_->eof_asked()) throw invalid_state_error("write: write_eof() was called before");
    stream_->note_written(data.size());
    stream_->send(data);
}

void stream_writer::writelines(std::span<const std::string> pieces) const { write(detail::joined(pieces)); }
void stream_writer::writelines(std::span<const std::string_view> pieces) const {
    write(detail::joined(pieces));
}

void stream_writer::write_eof() const {
    if (!stream_->can_send_eof()) {
        throw invalid_state_error(
            "write_eof: this kind of stream cannot be closed in one direction only; use close()");
    }
    stream_->send_eof();
}

bool stream_writer::can_write_eof() const noexcept { return stream_->can_send_eof(); }
void stream_writer::close() const { stream_->close(); }
void stream_writer::abort() const noexcept { stream_->abort(); }
coro<void> stream_writer::wait_closed() const { return detail::until_closed(stream_); }
bool stream_writer::is_closing() const noexcept { return stream_->closing(); }

std::string stream_writer::get_extra_info(std::string_view name, std::string otherwise) const {
    std::string known = stream_->extra_info(name);
    return known.empty() ? otherwise : known;
}

std::size_t stream_writer::get_write_buffer_size() const noexcept { return stream_->unsent(); }
void stream_writer::set_write_buffer_limits(std::size_t high, std::size_t low) const {
    stream_->set_water_marks({high, low});
}
write_buffer_limits stream_writer::get_write_buffer_limits() const noexcept {
    return {stream_->marks().low, stream_->marks().high};
}

}  // namespace bide
