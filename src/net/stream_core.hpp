// bide/net: one end of a byte stream, whatever carries it: the part that readers, writers and transports share.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/base/wait_list.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/detail/loop/loop_state.hpp>
#include <bide/detail/net/stream_ref.hpp>
#include <bide/future.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace bide::detail {

class receive_buffer;

// Where writing pauses and resumes, in bytes that wait to be sent. One rule for every kind of stream: it pauses above
// `high` and resumes at or below `low`.
struct water_marks {
    std::size_t high = 64 * 1024;
    std::size_t low = 16 * 1024;
};

// Throws std::invalid_argument when low is above high.
void check_water_marks(water_marks marks);
// asyncio's rule for what is not given.
water_marks complete_water_marks(std::optional<std::size_t> high, std::optional<std::size_t> low);

class receive_pump;

// Who is told of what happens to a stream: a transport, which has no task that could wait for it. Called in a turn of
// the loop, never by start_receiving() or stop_receiving(); on_paused() by the send() that exceeds the high mark.
class stream_sink {
public:
    // Memory for what comes next; none: the stream's own. Asked right before received().
    virtual std::span<char> room() = 0;
    // Bytes that have arrived, valid during the call; in the memory of room() when they fit.
    virtual void received(std::string_view bytes) = 0;
    // The peer sends no more (null), or receiving has failed.
    virtual void receive_ended(std::exception_ptr error) = 0;
    virtual void on_paused() = 0;
    virtual void on_resumed() = 0;
    // By whatever closed the stream, which may be a call of the sink's owner. receive_ended() may come after it, where
    // the peer's end is what closed the stream.
    virtual void stream_closed() noexcept = 0;

protected:
    ~stream_sink() = default;
};

// Who counts a stream among others, or lies around it. Lives until stream_gone(), or takes itself away.
class stream_watcher {
public:
    // It is closed; once.
    virtual void stream_gone(stream_core& which) noexcept = 0;
    // unsent() has changed.
    virtual void unsent_changed() {}
    // `outer`, in which it lies, is watched in its place from now on.
    virtual void stream_wrapped(stream_core& inner, stream_core& outer) noexcept {
        static_cast<void>(inner);
        static_cast<void>(outer);
    }

protected:
    ~stream_watcher() = default;
};

// One end of a stream. Counted: readers, writers, transports and operations in flight each hold a reference. Reading
// is pulled by whoever wants bytes; writing is pushed and buffered, and flows off in the background.
class stream_core : loop_guest {
public:
    stream_core(const stream_core&) = delete;
    stream_core& operator=(const stream_core&) = delete;

    void retain() noexcept { ++refs_; }
    void release() noexcept {
        if (--refs_ == 0) destroy();
    }

    // Appends what has arrived to `into`, at least one byte unless the stream has ended; waits for it where there is
    // none yet. Returns how many; 0 is the end, also when this side closes it meanwhile. Throws std::system_error; the
    // caller then calls receive_failed(). Cancelled: what has arrived is not lost.
    virtual coro<std::size_t> receive(std::string& into, std::size_t most) = 0;

    // The same in two steps, for streams whose receive is one operation: it needs no coroutine then. The stream stays
    // alive until the operation is done. end_receive() throws as receive() does; where the start was `partial`, it may
    // return `again`: what has come is not enough to give anything.
    static constexpr std::size_t again = SIZE_MAX;
    struct receive_start {
        io_wait_state* operation = nullptr;  // await it, then call end_receive()
        bool done = false;                   // `count` has been received; neither: call receive()
        bool partial = false;
        std::size_t count = 0;
    };
    virtual receive_start begin_receive(receive_buffer&, std::size_t) { return {}; }
    virtual std::size_t end_receive(receive_buffer&) { return 0; }
    // It has begun, and nobody will await its operation.
    virtual void abandon_receive() noexcept {}

    // For those who have no task: what happens is told to the sink. Set before the first start_receiving(); whoever set
    // it takes it away when it has heard enough.
    void set_sink(stream_sink* sink) noexcept { sink_ = sink; }
    [[nodiscard]] stream_sink* sink() const noexcept { return sink_; }
    // From the next turn on, bytes go to the sink, at most 256 KiB in one turn. Nobody calls receive() meanwhile.
    virtual void start_receiving();
    // No bytes go to the sink any more; what has arrived all the same is kept for the next start.
    virtual void stop_receiving() noexcept;
    // Stops and gives what was kept; receive() may be called afterwards.
    virtual coro<std::string> end_receiving();

    // Takes the bytes: sends what can be sent at once and keeps the rest. Errors are kept, see error().
    virtual void send(std::string_view bytes) = 0;
    // The last byte has been given: half-closes when all is sent.
    virtual void send_eof() = 0;
    [[nodiscard]] virtual bool can_send_eof() const noexcept = 0;

    // Sends what is buffered, then closes. At once and without sending: abort.
    virtual void close() = 0;
    virtual void abort() noexcept = 0;

    // Bytes that wait to be sent. What the backend holds is sent first, so that it is known.
    [[nodiscard]] virtual std::size_t unsent() const noexcept = 0;
    // Without that: up to backend::most_held bytes more may turn out to be unsent.
    [[nodiscard]] virtual std::size_t known_unsent() const noexcept { return unsent(); }

    [[nodiscard]] bool closing() const noexcept { return closing_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    // The failure that ended it, if one did.
    [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }
    // receive() threw this: as asyncio does, the connection is closed for writing, too.
    void receive_failed(std::exception_ptr error) noexcept;
    // What the reader was given with set_exception(); drain() throws it as well.
    void set_reader_error(std::exception_ptr error) noexcept { reader_error_ = std::move(error); }
    // Throws one of the two where there is one.
    void throw_failure() const {
        if (reader_error_) [[unlikely]]
            std::rethrow_exception(reader_error_);
        if (error_) [[unlikely]]
            std::rethrow_exception(error_);
    }

    // The end of what is sent was announced.
    [[nodiscard]] bool eof_asked() const noexcept { return eof_asked_; }

    stream_watcher* watcher = nullptr;
    std::size_t slot = 0;  // the watcher's own

    // Nothing waits to be sent above the low mark: drain need not wait.
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    void set_water_marks(water_marks marks);
    [[nodiscard]] water_marks marks() const noexcept { return marks_; }

    // Bytes written since somebody who drains gave way to others.
    void note_written(std::size_t count) noexcept { since_turn_ += count; }
    void begin_turn() noexcept { since_turn_ = 0; }
    [[nodiscard]] std::size_t since_turn() const noexcept { return since_turn_; }

    // Those who wait in drain() and in wait_closed().
    wait_list drainers;
    wait_list closers;

    loop_state& loop() noexcept { return *loop_; }

    // What is known about the stream by name, as text: "peername", "sockname", "cipher". Empty: nothing.
    [[nodiscard]] virtual std::string extra_info(std::string_view name) const = 0;
    // The descriptor behind it; -1 where there is none.
    [[nodiscard]] virtual int descriptor() const noexcept { return -1; }

protected:
    explicit stream_core(loop_state& loop) noexcept;
    virtual ~stream_core();
    // The last reference is gone: closes without waiting for what is unsent, unless it is on its way.
    virtual void destroy() noexcept = 0;

    // Keeps it alive, for an operation in flight.
    stream_ref self() noexcept {
        retain();
        return stream_ref(this);
    }
    // After unsent() has changed.
    void update_pause();
    void set_closing() noexcept { closing_ = true; }
    void set_closed(std::exception_ptr error) noexcept;
    void set_error(std::exception_ptr error) noexcept;

private:
    static void close_with_loop(loop_guest& guest) noexcept;

    water_marks marks_;
    std::unique_ptr<receive_pump> pump_;

protected:
    stream_sink* sink_ = nullptr;

    // From here on, and on into what a stream adds, lies what every read and write needs: few lines of the cache.
    loop_state* loop_;
    std::uint32_t refs_ = 1;
    bool paused_ = false;
    bool closing_ = false;
    bool closed_ = false;
    bool eof_asked_ = false;
    std::exception_ptr error_;
    std::exception_ptr reader_error_;
    std::size_t since_turn_ = 0;
};

}  // namespace bide::detail
