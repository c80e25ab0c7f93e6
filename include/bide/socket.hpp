// bide/net: a socket, one method per operation, no buffering.
#pragma once

#include <bide/address.hpp>
#include <bide/coro.hpp>
#include <bide/descriptor.hpp>
#include <bide/detail/net/socket_ref.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bide {

enum class socket_type : std::uint8_t { stream, datagram, seqpacket };  ///< socket(2)

/// Which direction shutdown() ends.
enum class shutdown_how : std::uint8_t { read, write, both };

/// What sendfile() does with a file that the kernel cannot send by itself, such as one of /proc.
enum class sendfile_fallback : std::uint8_t { read_and_send, fail };

class accepted_socket;
class datagram;
class datagram_endpoint;
class datagram_info;
class received_fds;

/// Owns a socket descriptor; non-blocking, closed on exec and on destruction.
///
/// An operation suspends the calling task only. One task may receive while another sends; of several that receive at
/// the same time, each gets other bytes. The socket may be moved, closed or destroyed while operations are in flight:
/// they end with std::errc::operation_canceled ("recv: the socket was closed"). Bytes that are passed as a view must
/// stay until the await is over.
/// Throws: every operation and setting throws invalid_state_error when the socket is closed, and std::system_error that
/// names the call and the socket or address.
/// Cancellation: an operation that was cancelled after it completed still gives its result, and the cancellation fires
/// at the next await. So no bytes, datagrams or connections are lost; only sendall() and sendfile() may have done a part.
/// Threads: one loop at a time; use by a second one while the first runs throws invalid_state_error.
/// Python: socket.socket with loop.sock_recv, sock_recv_into, sock_recvfrom, sock_recvfrom_into, sock_sendall,
/// sock_sendto, sock_connect, sock_accept, sock_sendfile, and socket.send_fds, recv_fds.
class socket {
public:
    /// Throws: std::system_error; std::invalid_argument for the unspecified family. Source: socket(2).
    explicit socket(address_family family, socket_type type = socket_type::stream);
    /// Takes a socket that was made elsewhere and puts it into non-blocking mode. Throws: std::system_error, among
    /// others when it is no socket; the descriptor stays the caller's then.
    static socket adopt(int fd);
    socket(socket&&) noexcept = default;
    socket& operator=(socket&& other) noexcept;
    ~socket() { close(); }

    /// Throws: std::system_error that names the address ("bind 127.0.0.1:80: Permission denied"). Source: bind(2).
    void bind(const address& where);
    /// Source: listen(2).
    void listen(int backlog = 100);

    /// Connects a stream socket, or sets the peer of a datagram socket. Waits for a unix socket whose listener has no
    /// room. Throws: std::system_error that names the address ("connect 10.0.0.1:80: Connection refused").
    /// Cancellation: the attempt goes on in the kernel; connect again to wait for it, or close the socket.
    /// Python: sock_connect. Source: connect(2).
    [[nodiscard]] coro<void> connect(address to);
    /// The same to the first address that the name has in the socket's family; see open_connection() to try them all.
    [[nodiscard]] coro<void> connect(std::string host, std::uint16_t port);

    /// Waits for a connection. Python: sock_accept. Source: accept4(2).
    [[nodiscard]] coro<accepted_socket> accept();

    /// Receives up to `most` bytes, at least one; none at the end of the stream. Of a datagram, what is longer is lost.
    /// Python: sock_recv, sock_recv_into. Source: recv(2).
    [[nodiscard]] coro<std::string> recv(std::size_t most);
    [[nodiscard]] coro<std::size_t> recv_into(std::span<std::byte> room);

    /// Sends at least one byte of them. Returns: how many. Source: send(2).
    [[nodiscard]] coro<std::size_t> send(std::string_view bytes);
    /// Sends all of them. On failure or cancellation it is unknown how many were sent. Python: sock_sendall.
    [[nodiscard]] coro<void> sendall(std::string_view bytes);

    /// Receives one datagram; what is longer than `most` is cut, see datagram::truncated.
    /// Python: sock_recvfrom, sock_recvfrom_into. Source: recvmsg(2).
    [[nodiscard]] coro<datagram> recvfrom(std::size_t most = 65536);
    [[nodiscard]] coro<datagram_info> recvfrom_into(std::span<std::byte> room);
    /// Sends one datagram. Returns: its size. Throws: std::system_error that names the address.
    /// Python: sock_sendto. Source: sendmsg(2).
    [[nodiscard]] coro<std::size_t> sendto(std::string_view bytes, address to);

    /// Sends `count` bytes of a file from `offset` on, or all that follows; fewer where the file ends. The position of
    /// the descriptor is neither used nor changed, and the descriptor stays the caller's and open.
    /// Returns: how many bytes were sent. Throws: std::invalid_argument for a datagram socket; std::system_error, with
    /// std::errc::invalid_argument for a file that cannot be sent and sendfile_fallback::fail.
    /// Limits: what is not in the page cache is brought there on a worker thread, 256 KiB at a time; so does the fallback.
    /// Python: sock_sendfile, which moves the position. Source: sendfile(2).
    [[nodiscard]] coro<std::uint64_t> sendfile(int file, std::uint64_t offset = 0,
                                               std::optional<std::uint64_t> count = std::nullopt,
                                               sendfile_fallback fallback = sendfile_fallback::read_and_send);

    /// Sends all of the bytes, one at least, and with the first of them copies of descriptors: the receiver has the same open
    /// files, whatever becomes of these. They must stay open until the await is over. Unix sockets only.
    /// Throws: std::invalid_argument for no bytes, more than 253 descriptors, another family.
    /// Python: socket.send_fds, which gives the number of bytes. Source: sendmsg(2), unix(7).
    [[nodiscard]] coro<void> send_fds(std::string_view bytes, std::vector<int> fds);
    /// Receives up to `most` bytes, one at least, as recv() does, and the descriptors that came with them, closed on exec.
    /// Throws: std::errc::message_size when more than `max_fds` came; those that did are closed then. They are closed, too,
    /// when the task is gone. A plain recv() at such a place of the stream drops them. std::invalid_argument: `most` is 0.
    /// Python: socket.recv_fds. Source: recvmsg(2), unix(7).
    [[nodiscard]] coro<received_fds> recv_fds(std::size_t most, std::size_t max_fds = 16);

    /// Source: shutdown(2).
    void shutdown(shutdown_how how);
    /// Ends operations in flight on it, with an error, and closes it. Idempotent. Source: close(2).
    void close() noexcept;
    /// Gives the descriptor away; -1 when closed. Whoever closes it calls event_loop::forget() first. Python: detach.
    int release() noexcept;

    /// The descriptor; -1 when closed.
    [[nodiscard]] int fileno() const noexcept;
    /// Unspecified when closed; peer_address() also when not connected. Python: getsockname, getpeername.
    [[nodiscard]] address local_address() const;
    [[nodiscard]] address peer_address() const;

    /// Any option whose value is a number, with the system's names. Source: setsockopt(2), socket(7), tcp(7), ip(7).
    void setsockopt(int level, int name, int value);
    [[nodiscard]] int getsockopt(int level, int name) const;
    /// The common ones: TCP_NODELAY, SO_KEEPALIVE, SO_REUSEADDR, SO_REUSEPORT, SO_BROADCAST, IPV6_V6ONLY.
    void set_no_delay(bool on);
    void set_keep_alive(bool on);
    void set_reuse_address(bool on);
    void set_reuse_port(bool on);
    void set_broadcast(bool on);
    void set_v6_only(bool on);

private:
    friend std::pair<socket, socket> socketpair(socket_type type);
    friend datagram_endpoint;

    socket(int fd, bool messages);
    static coro<accepted_socket> accept_from(detail::socket_ref core);

    detail::socket_ref core_;
};

/// Two connected unix sockets. Python: socket.socketpair. Source: socketpair(2).
[[nodiscard]] std::pair<socket, socket> socketpair(socket_type type = socket_type::stream);

/// What accept() gives: `auto [connection, peer] = co_await listener.accept();`
class accepted_socket {
public:
    accepted_socket(socket s, address a) noexcept : connection(std::move(s)), peer(a) {}

    socket connection;
    address peer;
};

/// What recvfrom() gives.
class datagram {
public:
    datagram(std::string d, address a, bool t) noexcept : data(std::move(d)), sender(a), truncated(t) {}

    std::string data;
    address sender;
    bool truncated;  ///< it was longer than there was room for
};

/// What recv_fds() gives: `auto [data, fds, cut] = co_await peer.recv_fds(64);`
class received_fds {
public:
    received_fds(std::string d, std::vector<descriptor> f, bool t) noexcept
        : data(std::move(d)), fds(std::move(f)), truncated(t) {}

    std::string data;  ///< empty at the end of the stream
    std::vector<descriptor> fds;
    bool truncated;  ///< of a datagram: it was longer than there was room for
};

/// What recvfrom_into() gives.
class datagram_info {
public:
    datagram_info(std::size_t s, address a, bool t) noexcept : size(s), sender(a), truncated(t) {}

    std::size_t size;
    address sender;
    bool truncated;  ///< it was longer than there was room for
};

}  // namespace bide
