// bide/net: read and write a stream of bytes.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/coro.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/detail/net/reads.hpp>
#include <bide/detail/net/stream_ref.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bide {

/// How long a line, or a piece up to a separator, may be: 64 KiB, as in asyncio. Also what a reader fetches ahead.
inline constexpr std::size_t default_stream_limit = 64 * 1024;

/// The reading end of a stream. A handle: copies read from the same stream, and reads in progress keep what they need.
/// Bytes are fetched when somebody reads; an idle stream holds no large buffer, and a slow reader slows its peer.
/// One task at a time may read (checked). What a read takes is all or nothing: a cancelled one, or one that fails
/// because of its limit, leaves what has arrived for the next.
/// When the connection fails, that read and every later one throws the failure, and the connection is closed.
/// Suspends: every read only when what has arrived is not enough for it.
/// Limits: holds at most twice its limit, or what one read asks for.
/// Threads: the loop's. Python: asyncio.StreamReader.
class stream_reader {
public:
    /// A reader that is fed by hand, with feed_data() and feed_eof(). Throws: std::invalid_argument for a limit of 0.
    explicit stream_reader(std::size_t limit = default_stream_limit);
    /// For bide's own layers.
    stream_reader(detail::stream_ref source, std::size_t limit);

    /// Up to `most` bytes, as soon as there is one; empty at the end of the stream, and at once for 0.
    /// Throws: std::system_error, invalid_state_error when another task reads (as do all reads). Python: read(n).
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_some> read(std::size_t most) const {
        return {state_, {most}};
    }
    /// Everything up to the end of the stream; not bounded by the limit. Python: read(-1).
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_all> read() const {
        return {state_, {}};
    }

    /// Up to and with the next newline; what is left when the stream ends before one; empty at the end.
    /// Throws: limit_overrun_error when the line, without its newline, is longer than the limit; the line, or what has
    /// arrived of it, is dropped. Python: readline (there ValueError).
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_line> readline() const {
        return {state_, {}};
    }
    /// As readline(), but nothing at the end of the stream: `while (auto line = co_await reader.next_line())`.
    /// Python: async for line in reader.
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_next_line> next_line() const {
        return {state_, {}};
    }

    /// Exactly `count` bytes; not bounded by the limit.
    /// Throws: incomplete_read_error with what came when the stream ends first. Python: readexactly.
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_exactly>
    readexactly(std::size_t count) const {
        return {state_, {count}};
    }

    /// Up to and with the separator; of several, the one that ends first, and the shortest of those that end there.
    /// Throws: incomplete_read_error with what came when the stream ends first; limit_overrun_error when what precedes
    /// the separator is longer than the limit (the bytes stay; consumed() says how many of them hold no separator);
    /// std::invalid_argument for no separator or an empty one. Python: readuntil.
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_until>
    readuntil(std::string separator = "\n") const {
        return {state_, {std::move(separator)}};
    }
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_until_any>
    readuntil(std::vector<std::string> separators) const;
    /// readuntil("\r\n", "\n").
    template <std::convertible_to<std::string_view>... Separators>
        requires(sizeof...(Separators) > 1)
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_until_any>
    readuntil(const Separators&... separators) const {
        std::vector<std::string> all;
        all.reserve(sizeof...(separators));
        (all.emplace_back(std::string_view(separators)), ...);
        return readuntil(std::move(all));
    }

    /// Reads into the caller's memory, which must stay until the call is done.
    /// Returns: how many bytes, at least 1; 0 at the end, and at once for no room. Python: none (sock_recv_into).
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_into>
    read_into(std::span<std::byte> room) const {
        return {state_, {room}};
    }

    /// Up to `most` bytes in the reader's own memory, which are read by this: no copy. Valid until the next call on this
    /// reader; empty at the end. Python: none.
    [[nodiscard("co_await it")]] detail::read_awaitable<detail::read_view>
    read_view(std::size_t most = SIZE_MAX) const {
        return {state_, {most}};
    }

    /// The end of the stream was met and everything before it was read. Python: at_eof.
    [[nodiscard]] bool at_eof() const noexcept;

    /// Puts bytes (the end) into a reader that is fed by hand, without a bound. Throws: invalid_state_error after
    /// feed_eof() and for a reader of a connection. Python: feed_data, feed_eof.
    void feed_data(std::string_view data) const;
    void feed_eof() const;

    /// What every later read throws, before any byte that is buffered. A read in progress throws it at once, and so does
    /// drain() on the writer of the same connection. Python: exception, set_exception.
    [[nodiscard]] std::exception_ptr exception() const noexcept;
    void set_exception(std::exception_ptr error) const;

    /// For bide's own layers: what has arrived and was not read.
    [[nodiscard]] std::string take_buffered() const;

private:
    detail::reader_ref state_;
};

namespace detail {

class drain_awaitable : public awaitable_tag, private wait {
public:
    explicit drain_awaitable(stream_ref stream) noexcept;
    [[nodiscard]] bool await_ready() const;
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume();

private:
    friend struct stream_waits;
    stream_ref stream_;
    enum class pace : std::uint8_t { ready, one_turn, until_low } pace_ = pace::ready;
};

}  // namespace detail

/// Where writing pauses and resumes, in bytes that are unsent.
class write_buffer_limits {
public:
    write_buffer_limits(std::size_t l, std::size_t h) noexcept : low(l), high(h) {}

    std::size_t low;
    std::size_t high;
};

/// The writing end of a stream. Not copyable: when it is destroyed, what was written is still sent, in the background,
/// and then the connection is closed.
/// Threads: the loop's. Python: asyncio.StreamWriter.
class stream_writer {
public:
    /// For bide's own layers.
    explicit stream_writer(detail::stream_ref stream) noexcept : stream_(std::move(stream)) {}
    stream_writer(const stream_writer&) = delete;
    stream_writer& operator=(const stream_writer&) = delete;
    stream_writer(stream_writer&&) noexcept = default;
    stream_writer& operator=(stream_writer&& other) noexcept;
    ~stream_writer();

    /// Sends what can be sent at once and buffers the rest; never waits, and does not throw for a peer that is gone. While
    /// other tasks are ready, up to 2 KiB may be held until eight connections have something to send, at most until the
    /// turn of the loop ends. `co_await drain()` after it keeps the buffer bounded. After close(), and on a connection
    /// that is lost, the bytes are dropped. Throws: invalid_state_error after write_eof(). Python: write.
    void write(std::string_view data) const;
    void write(std::span<const std::byte> data) const {
        write(std::string_view(reinterpret_cast<const char*>(data.data()), data.size()));
    }
    /// All of them, in order. Python: writelines.
    void writelines(std::span<const std::string> pieces) const;
    void writelines(std::span<const std::string_view> pieces) const;
    void writelines(std::initializer_list<std::string_view> pieces) const {
        writelines(std::span<const std::string_view>(pieces.begin(), pieces.size()));
    }

    /// Waits while writing is paused: from the moment that more than the high-water mark (64 KiB) is unsent until the
    /// low-water mark (16 KiB) is reached. It does not mean that everything was sent. Any number of tasks may wait.
    /// Suspends: also for one turn of the loop when the stream is being closed, and after each 256 KiB written, so that a
    /// loop of write() and drain() lets others run.
    /// Throws: the failure that ended the connection or that the reader was given; std::system_error (connection reset)
    /// once the connection is closed. One that is closed without a failure meanwhile ends this wait normally.
    /// Cancellation: what was written stays written. Python: drain.
    [[nodiscard("drain does nothing until it is awaited")]] detail::drain_awaitable drain() const {
        return detail::drain_awaitable(stream_);
    }

    /// Half-closes the stream once everything is sent: the peer sees its end, and this side can still read. Idempotent.
    /// Throws: invalid_state_error where the kind of stream has no half-close (TLS). Python: write_eof, can_write_eof.
    void write_eof() const;
    [[nodiscard]] bool can_write_eof() const noexcept;

    /// Sends what is unsent in the background, then closes; the reader of the connection meets its end. After a write,
    /// up to 256 KiB that nobody has read are dropped: a reset could cost the peer what was sent. abort() leaves them
    /// to others that have the socket. Idempotent. Python: close.
    void close() const;
    /// Closes at once; what is unsent is dropped. Python: transport.abort.
    void abort() const noexcept;
    /// Waits until the connection is closed. Throws: the failure that closed it. Any number of tasks may wait.
    /// Python: wait_closed.
    [[nodiscard]] coro<void> wait_closed() const;
    /// Closed or being closed, by this side or a failure. The end of what the peer sends does not make it so.
    /// Python: is_closing.
    [[nodiscard]] bool is_closing() const noexcept;

    /// "peername", "sockname", "socket", for pipes "pipe", for TLS "cipher" and more, as text; `otherwise` where it is
    /// not known. Python: get_extra_info.
    [[nodiscard]] std::string get_extra_info(std::string_view name, std::string otherwise = {}) const;

    /// Bytes that are unsent. Python: transport.get_write_buffer_size.
    [[nodiscard]] std::size_t get_write_buffer_size() const noexcept;
    /// Moves the water marks: writing pauses above `high` and resumes at or below `low`, a quarter of it by default.
    /// Throws: std::invalid_argument when low is above high. Python: transport.set_write_buffer_limits.
    void set_write_buffer_limits(std::size_t high, std::size_t low) const;
    void set_write_buffer_limits(std::size_t high) const { set_write_buffer_limits(high, high / 4); }
    /// Python: transport.get_write_buffer_limits.
    [[nodiscard]] write_buffer_limits get_write_buffer_limits() const noexcept;

    /// For bide's own layers.
    [[nodiscard]] const detail::stream_ref& stream() const noexcept { return stream_; }
    [[nodiscard]] detail::stream_ref release() noexcept { return std::move(stream_); }

private:
    detail::stream_ref stream_;
};

/// What open_connection() gives: `auto [reader, writer] = co_await bide::open_connection(host, port);`
class connection {
public:
    connection(stream_reader r, stream_writer w) noexcept : reader(std::move(r)), writer(std::move(w)) {}

    stream_reader reader;
    stream_writer writer;
};

}  // namespace bide
