// bide/net: datagrams: UDP and unix-domain, received and sent by coroutines.
#pragma once

#include <bide/address.hpp>
#include <bide/coro.hpp>
#include <bide/socket.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bide {

/// Settings of open_datagram_endpoint(). Python: the arguments of loop.create_datagram_endpoint.
class datagram_options {
public:
    /// Where to receive. Default: a free port of every interface, chosen at the first send. A name is looked up.
    datagram_options& local(std::string host, std::uint16_t port) {
        local_ = place(std::move(host), port);
        return *this;
    }
    datagram_options& local(address where) {
        local_ = place(where);
        return *this;
    }
    /// The peer: datagrams of others are not received, and its refusals become errors. Default: none, everybody may send.
    datagram_options& remote(std::string host, std::uint16_t port) {
        remote_ = place(std::move(host), port);
        return *this;
    }
    datagram_options& remote(address where) {
        remote_ = place(where);
        return *this;
    }
    /// Only addresses of this family; alone, without local and remote, it makes an endpoint that sends first.
    datagram_options& family(address_family only) noexcept {
        family_ = only;
        return *this;
    }
    /// Several sockets, also of other processes, may receive at one address; the kernel spreads the senders over them.
    datagram_options& reuse_port(bool on = true) noexcept {
        reuse_port_ = on;
        return *this;
    }
    /// May send to broadcast addresses. The remote is then only where send() goes: anybody may answer.
    datagram_options& allow_broadcast(bool on = true) noexcept {
        allow_broadcast_ = on;
        return *this;
    }
    /// The longest datagram that is received whole. Default: 65536, more than UDP can carry.
    datagram_options& max_size(std::size_t bytes) noexcept {
        max_size_ = bytes;
        return *this;
    }

    /// A host with its port, or an address.
    class place {
    public:
        place(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}
        explicit place(address where) : where_(where) {}

        [[nodiscard]] const std::string& host() const noexcept { return host_; }
        [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
        [[nodiscard]] const std::optional<address>& where() const noexcept { return where_; }

    private:
        std::string host_;
        std::uint16_t port_ = 0;
        std::optional<address> where_;
    };

    [[nodiscard]] const std::optional<place>& local() const noexcept { return local_; }
    [[nodiscard]] const std::optional<place>& remote() const noexcept { return remote_; }
    [[nodiscard]] address_family family() const noexcept { return family_; }
    [[nodiscard]] bool reuse_port() const noexcept { return reuse_port_; }
    [[nodiscard]] bool allow_broadcast() const noexcept { return allow_broadcast_; }
    [[nodiscard]] std::size_t max_size() const noexcept { return max_size_; }

private:
    std::optional<place> local_;
    std::optional<place> remote_;
    address_family family_ = address_family::unspecified;
    bool reuse_port_ = false;
    bool allow_broadcast_ = false;
    std::size_t max_size_ = 65536;
};

/// One end of datagram traffic. Nothing is buffered here: what nobody receives waits in the kernel, which drops what its
/// buffer cannot hold, and a send waits while there is no room. It may be moved, closed or destroyed while operations
/// are in flight. Threads: the loop's. Python: the transport and protocol of loop.create_datagram_endpoint.
class datagram_endpoint {
public:
    /// Takes a datagram socket, bound or connected as its owner wishes. Throws: std::invalid_argument for another one.
    explicit datagram_endpoint(socket from, std::size_t max_size = 65536);
    datagram_endpoint(datagram_endpoint&&) noexcept = default;
    datagram_endpoint& operator=(datagram_endpoint&&) noexcept = default;

    /// The next datagram: `data`, `sender`, and whether it was `truncated` to max_size. It may be empty.
    /// Throws: std::system_error, with errc::connection_refused when the remote has said that nobody listens there, after
    /// which the endpoint goes on; errc::operation_canceled when it is closed meanwhile; invalid_state_error when it
    /// was closed before. Cancellation: no datagram is lost. Several tasks may wait; each gets another datagram.
    /// Python: DatagramProtocol.datagram_received, error_received.
    [[nodiscard]] coro<datagram> recv();
    /// The same for loops: empty once the endpoint is closed. `while (auto got = co_await endpoint.next()) ...`
    [[nodiscard]] coro<std::optional<datagram>> next();

    /// Sends one datagram to the remote. Suspends: while the kernel has no room. Returns: its size.
    /// Throws: invalid_state_error without a remote; std::system_error, with errc::message_size for one that is too
    /// long and errc::connection_refused when the remote has refused one before. Python: DatagramTransport.sendto.
    [[nodiscard]] coro<std::size_t> send(std::string_view bytes);
    /// Sends one datagram to an address. Throws: std::invalid_argument when there is another remote; std::system_error
    /// that names the address. Python: DatagramTransport.sendto(data, addr).
    [[nodiscard]] coro<std::size_t> send_to(std::string_view bytes, address to);

    /// Ends operations in flight. Idempotent. Python: close, abort, connection_lost.
    void close() noexcept { socket_.close(); }
    [[nodiscard]] bool is_closing() const noexcept { return socket_.fileno() < 0; }

    /// Python: get_extra_info("sockname"), ("peername").
    [[nodiscard]] address local_address() const { return socket_.local_address(); }
    [[nodiscard]] const std::optional<address>& remote_address() const noexcept { return remote_; }
    /// 0 for a unix address. Python: get_extra_info("sockname")[1].
    [[nodiscard]] std::uint16_t port() const { return local_address().port(); }
    /// For its options. Python: get_extra_info("socket").
    [[nodiscard]] socket& get_socket() noexcept { return socket_; }

private:
    friend coro<datagram_endpoint> open_datagram_endpoint(datagram_options options);

    socket socket_;
    std::optional<address> remote_;
    bool connected_ = false;
    std::size_t max_size_;
};

/// Opens an endpoint. Names are looked up; of several addresses the first that can be bound and connected is taken. A
/// unix socket that nobody lives behind is replaced; where somebody receives, that is address_in_use.
/// Throws: std::invalid_argument without local, remote and family; std::system_error that names what failed.
/// Python: loop.create_datagram_endpoint. Difference: asyncio calls a protocol back; here the caller awaits.
/// Source: udp(7), unix(7).
[[nodiscard]] coro<datagram_endpoint> open_datagram_endpoint(datagram_options options);

}  // namespace bide
