// bide/net: what a stream_reader holds: bytes that have arrived and were not read yet.
#include "net/reader_state.hpp"

#include <bide/error.hpp>

#include <utility>

namespace bide::detail {

void retain(reader_state& reader) noexcept { ++reader.refs; }
void release(reader_state& reader) noexcept {
    if (--reader.refs == 0) delete &reader;
}

void reader_state::wake() noexcept {
    if (asleep == nullptr) return;
    task_base& task = *std::exchange(asleep, nullptr);
    make_ready(task, *task.loop);
}

// A read that waits for the peer is cancelled, as timeouts do it, and throws `with` in place of the cancellation.
void reader_state::fail(std::exception_ptr with) {
    error = std::move(with);
    if (source) source->set_reader_error(error);
    if (asleep != nullptr) return wake();
    if (reading == nullptr || interrupted || reading == reading->loop->current) return;
    interrupted = true;
    cancel_task(*reading, {});
}

bool reader_state::end_interruption() noexcept {
    return !std::exchange(interrupted, false) || uncancel_task(*reading) == 0;
}

reading_scope::reading_scope(reader_state& state, const char* call) : state_(state) {
    if (state.reading != nullptr) {
        throw invalid_state_error(std::string(call) +
                                  ": another task is reading this stream already; one at a time");
    }
    if (state.error) std::rethrow_exception(state.error);
    state.reading = &running_task();
}

struct fed_waits {
    static reader_state& state_of(wait& what) noexcept { return static_cast<fed_awaitable&>(what).state_; }
    static cancel_outcome cancel(wait& what, task_base&) noexcept {
        reader_state& state = state_of(what);
        if (std::exchange(state.asleep, nullptr) == nullptr) return cancel_outcome::too_late;
        return cancel_outcome::withdrawn;
    }
    static void detach(wait& what, task_base&) noexcept { state_of(what).asleep = nullptr; }
};

namespace {
constexpr wait_kind fed_wait{"stream_reader (fed by hand)", fed_waits::cancel, fed_waits::detach};
}

fed_awaitable::fed_awaitable(reader_state& state) noexcept : wait{&fed_wait}, state_(state) {}

void fed_awaitable::await_suspend(std::coroutine_handle<> frame) {
    task_base& task = running_task();
    state_.asleep = &task;
    begin_wait(task, *this, frame);
}

}  // namespace bide::detail
