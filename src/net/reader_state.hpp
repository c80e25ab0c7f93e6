// bide/net: what a stream_reader holds: bytes that have arrived and were not read yet.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/detail/net/reads.hpp>
#include <bide/detail/net/stream_ref.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "net/receive_buffer.hpp"
#include "net/stream_core.hpp"

namespace bide::detail {

// Bytes are fetched by the read that needs them. It asks for `limit` of them even if it needs fewer, so that many small
// reads make one call of the operating system; so no more than twice the limit is held, or what one read asked for.
struct reader_state {
    reader_state(stream_ref from, std::size_t most) : source(std::move(from)), limit(most) {}

    std::uint32_t refs = 1;
    bool eof = false;
    bool interrupted = false;  // set_exception() has cancelled the read in progress
    stream_ref source;         // empty: fed by hand
    std::size_t limit;
    receive_buffer bytes;
    std::size_t since_turn = 0;    // bytes received since the reading task last gave way
    task_base* reading = nullptr;  // the task that is reading
    task_base* asleep = nullptr;   // ... and waits to be fed
    std::exception_ptr error;

    [[nodiscard]] std::size_t size() const noexcept { return bytes.size(); }
    [[nodiscard]] std::string_view view() const noexcept { return bytes.view(); }
    // Whether a read may take what is there without looking at anything else.
    [[nodiscard]] bool undisturbed() const noexcept { return reading == nullptr && !error; }

    // A read that waits to be fed looks again.
    void wake() noexcept;
    void fail(std::exception_ptr with);
    // Takes back what fail() did to the task. False: the task was cancelled by somebody else as well.
    bool end_interruption() noexcept;
};

// One read at a time; `call` names it in the error.
class reading_scope {
public:
    reading_scope(reader_state& state, const char* call);
    ~reading_scope() { state_.reading = nullptr; }
    reading_scope(const reading_scope&) = delete;
    reading_scope& operator=(const reading_scope&) = delete;

private:
    reader_state& state_;
};

// Waits until a reader that is fed by hand has been fed, or failed.
class fed_awaitable : public awaitable_tag, private wait {
public:
    explicit fed_awaitable(reader_state& state) noexcept;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() const { end_wait(running_task()); }

private:
    friend struct fed_waits;
    reader_state& state_;
};

}  // namespace bide::detail
