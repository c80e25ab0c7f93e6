// bide/net: classes to derive from, whose functions the loop calls for what happens on a connection.
#pragma once

#include <bide/transport.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <string_view>

namespace bide {

/// What every protocol is told. The functions are called by the loop, not by a task: they must not block, and what has to
/// wait is given to create_task(). Python: asyncio.BaseProtocol.
class base_protocol {
public:
    base_protocol() = default;
    base_protocol(const base_protocol&) = delete;
    base_protocol& operator=(const base_protocol&) = delete;
    virtual ~base_protocol();

    /// The last call, exactly once, in a turn of its own. Null after close(), abort() and the peer's regular end; else
    /// what ended the connection. The transport forgets the protocol then.
    virtual void connection_lost(std::exception_ptr error);

    /// More than the high-water mark waits to be sent: called inside the write() that exceeded it. Then, when it is down
    /// to the low-water mark, resume_writing(); the two alternate. What they throw is reported, nothing else.
    virtual void pause_writing();
    virtual void resume_writing();
};

/// A protocol of a connection. One that derives from this class itself is never read from.
class stream_protocol : public base_protocol {
public:
    /// The first call, once, before any data. What it throws is reported; the connection stays.
    virtual void connection_made(transport connection);

    /// The peer sends no more; at most once. Returns: true to go on writing, where the stream can be open in one
    /// direction (TLS cannot); false, as this one does, to close. What it throws closes the connection.
    virtual bool eof_received();
};

/// Is given the bytes that arrive. Python: asyncio.Protocol.
class protocol : public stream_protocol {
public:
    /// At least one byte, in order, cut anywhere, at most 256 KiB, valid during the call. At most one call in a turn of
    /// the loop, so that a busy connection starves nobody. What it throws is reported and closes the connection.
    virtual void data_received(std::string_view data);
};

/// Has the bytes that arrive put into its own memory. Python: asyncio.BufferedProtocol.
class buffered_protocol : public stream_protocol {
public:
    /// Memory for what arrives next, which must stay until buffer_updated() or the next call. `size_hint` is how many
    /// bytes are known to be there; any size above 0 will do. Empty memory is an error that closes the connection.
    virtual std::span<std::byte> get_buffer(std::size_t size_hint) = 0;
    /// That many bytes were put there. What it throws is reported and closes the connection.
    virtual void buffer_updated(std::size_t count) = 0;
};

}  // namespace bide
