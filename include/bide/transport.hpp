// bide/net: a connection as a protocol sees it: write, pause, close.
#pragma once

#include <bide/detail/base/counted_ref.hpp>
#include <bide/stream.hpp>

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bide {

class stream_protocol;

namespace detail {

class transport_state;

void retain(transport_state& transport) noexcept;
void release(transport_state& transport) noexcept;

}  // namespace detail

/// One connection whose events are told to a protocol. A shared handle, which may be kept, copied and dropped at any
/// time: the loop keeps the connection, and the connection its protocol, until connection_lost() has been called.
/// A default-constructed handle is empty; every call on it throws invalid_state_error.
/// Threads: the loop's. Python: asyncio.Transport, ReadTransport, WriteTransport, BaseTransport.
class transport {
public:
    transport() noexcept = default;

    explicit operator bool() const noexcept { return static_cast<bool>(state_); }
    friend bool operator==(const transport&, const transport&) noexcept = default;

    /// Sends what can be sent at once and buffers the rest; never waits and does not throw for a peer that is gone. A
    /// little may be held for others to join it, as stream_writer::write() says, until the turn of the loop ends.
    /// May call pause_writing() before it returns. Dropped after close() and abort(), and when the connection is lost.
    /// Throws: invalid_state_error after write_eof() and when start_tls() took the connection over. Python: write.
    void write(std::string_view data) const;
    void write(std::span<const std::byte> data) const {
        write(std::string_view(reinterpret_cast<const char*>(data.data()), data.size()));
    }
    /// Python: writelines.
    void writelines(std::span<const std::string> pieces) const;
    void writelines(std::initializer_list<std::string_view> pieces) const;
    /// Half-closes the connection once everything is sent; repeated calls do nothing.
    /// Throws: invalid_state_error where the kind of stream has no half-close (TLS). Python: write_eof, can_write_eof.
    void write_eof() const;
    [[nodiscard]] bool can_write_eof() const;

    /// No data_received() and no eof_received() until resume_reading(); the peer is slowed down. Both may be called at any
    /// time, and again. Python: pause_reading, resume_reading.
    void pause_reading() const;
    void resume_reading() const;
    /// False while paused, after the peer's end, and from close() on. Python: is_reading.
    [[nodiscard]] bool is_reading() const;

    /// Stops reading, sends what is buffered in the background, then closes. connection_lost() comes in a later turn.
    /// Python: close.
    void close() const;
    /// Closes at once; what is buffered is dropped. Python: abort.
    void abort() const;
    /// Closed or being closed. Python: is_closing.
    [[nodiscard]] bool is_closing() const;

    /// Where pause_writing() and resume_writing() are called, checked against what is buffered now. Without `low` it is a
    /// quarter of `high`; without `high` it is four times `low`; without both they are 64 KiB and 16 KiB.
    /// Throws: std::invalid_argument when low is above high. Python: set_write_buffer_limits, get_write_buffer_limits.
    void set_write_buffer_limits(std::optional<std::size_t> high = {},
                                 std::optional<std::size_t> low = {}) const;
    [[nodiscard]] write_buffer_limits get_write_buffer_limits() const;
    /// Bytes that wait to be sent. Python: get_write_buffer_size.
    [[nodiscard]] std::size_t get_write_buffer_size() const;

    /// "peername" (also after the end), "sockname", "socket", for TLS "cipher" and more, as text; `otherwise` where it is
    /// not known. Python: get_extra_info.
    [[nodiscard]] std::string get_extra_info(std::string_view name, std::string otherwise = {}) const;

    /// The next event goes to this one; connection_made() is not called on it. May be called by the protocol that is
    /// replaced, which lives until its call has returned. Throws: std::invalid_argument for null.
    void set_protocol(std::shared_ptr<stream_protocol> protocol) const;
    /// Null after connection_lost(). Python: set_protocol, get_protocol.
    [[nodiscard]] std::shared_ptr<stream_protocol> get_protocol() const;

    /// For bide's own layers.
    explicit transport(detail::transport_state& adopted) noexcept : state_(&adopted) {}
    [[nodiscard]] detail::transport_state& state() const;

private:
    detail::counted_ref<detail::transport_state> state_;
};

}  // namespace bide
