// bide/net: one end of a byte stream, whatever carries it: water marks, and those who wait for them.
#include "net/stream_core.hpp"

#include <bide/detail/base/assert.hpp>
#include <bide/detail/net/stream_ref.hpp>

#include <stdexcept>
#include <string>

#include "net/receive_pump.hpp"
#include "os/backend.hpp"

namespace bide::detail {

namespace {

void wake_all(wait_list& list, loop_state& loop) noexcept {
    while (wait_node* const node = list.pop_front()) make_ready(*node, loop);
}

}  // namespace

void retain(stream_core& stream) noexcept { stream.retain(); }
void release(stream_core& stream) noexcept { stream.release(); }

stream_core::stream_core(loop_state& loop) noexcept : loop_guest(close_with_loop), loop_(&loop) {
    insert_before(loop.guests);
}

stream_core::~stream_core() {
    BIDE_ASSERT(drainers.empty() && closers.empty());
    unlink();
}

void stream_core::close_with_loop(loop_guest& guest) noexcept {
    auto& stream = static_cast<stream_core&>(guest);
    stream.retain();
    stream.abort();
    stream.release();
}

void stream_core::start_receiving() {
    if (!pump_) pump_ = std::make_unique<receive_pump>(*this);
    pump_->start();
}
void stream_core::stop_receiving() noexcept {
    if (pump_) pump_->stop();
}
coro<std::string> stream_core::end_receiving() {
    std::string kept;
    if (pump_) kept = co_await pump_->end();
    co_return kept;
}

void check_water_marks(water_marks marks) {
    if (marks.low > marks.high) {
        throw std::invalid_argument("set_write_buffer_limits: low (" + std::to_string(marks.low) +
                                    ") is above high (" + std::to_string(marks.high) + ")");
    }
}

water_marks complete_water_marks(std::optional<std::size_t> high, std::optional<std::size_t> low) {
    water_marks marks;
    if (high) {
        marks.high = *high;
    } else if (low) {
        marks.high = *low > SIZE_MAX / 4 ? SIZE_MAX : *low * 4;
    }
    marks.low = low.value_or(marks.high / 4);
    return marks;
}

void stream_core::set_water_marks(water_marks marks) {
    check_water_marks(marks);
    marks_ = marks;
    update_pause();
}

void stream_core::update_pause() {
    const std::size_t size = marks_.high < backend::most_held ? unsent() : known_unsent();
    if (!paused_ && size > marks_.high) {
        paused_ = true;
        if (sink_ != nullptr) sink_->on_paused();
    } else if (paused_ && size <= marks_.low) {
        paused_ = false;
        wake_all(drainers, *loop_);
        if (sink_ != nullptr) sink_->on_resumed();
    }
    if (watcher != nullptr) watcher->unsent_changed();
}

void stream_core::receive_failed(std::exception_ptr error) noexcept {
    if (closed_) return;
    set_error(std::move(error));
    abort();
}

void stream_core::set_error(std::exception_ptr error) noexcept {
    if (!error_) error_ = std::move(error);
    closing_ = true;
}

void stream_core::set_closed(std::exception_ptr error) noexcept {
    if (closed_) return;
    if (error) set_error(std::move(error));
    closing_ = closed_ = true;
    paused_ = false;
    wake_all(drainers, *loop_);
    wake_all(closers, *loop_);
    unlink();
    if (sink_ != nullptr) sink_->stream_closed();
    if (watcher != nullptr) std::exchange(watcher, nullptr)->stream_gone(*this);
}

}  // namespace bide::detail
