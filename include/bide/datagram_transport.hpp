// bide/net: datagrams given to a protocol.
#pragma once

#include <bide/address.hpp>
#include <bide/coro.hpp>
#include <bide/protocol.hpp>
#include <bide/socket.hpp>
#include <bide/transport.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace bide {

class datagram_protocol;

namespace detail {

class datagram_state;

void retain(datagram_state& state) noexcept;
void release(datagram_state& state) noexcept;

}  // namespace detail

/// A socket for datagrams whose events are told to a protocol. A shared handle with the life of a transport: the loop
/// keeps it until connection_lost() has been called. Threads: the loop's. Python: asyncio.DatagramTransport.
class datagram_transport {
public:
    datagram_transport() noexcept = default;

    explicit operator bool() const noexcept { return static_cast<bool>(state_); }
    friend bool operator==(const datagram_transport&, const datagram_transport&) noexcept = default;

    /// Sends one datagram, which may be empty; queues a copy when the system has no room. To `to`, or to the remote
    /// address of the endpoint. A failure is told to error_received(), perhaps before this returns.
    /// Throws: std::invalid_argument without any address, or for another one than that of an endpoint that has one.
    /// Python: sendto.
    void sendto(std::string_view data, const std::optional<address>& to = {}) const;

    /// Stops receiving, sends what is queued, then closes; connection_lost() comes in a later turn. abort() drops the
    /// queue. Python: close, abort, is_closing.
    void close() const;
    void abort() const;
    [[nodiscard]] bool is_closing() const;

    /// As for transport; each queued datagram counts 8 bytes more than it has.
    void set_write_buffer_limits(std::optional<std::size_t> high = {},
                                 std::optional<std::size_t> low = {}) const;
    [[nodiscard]] write_buffer_limits get_write_buffer_limits() const;
    [[nodiscard]] std::size_t get_write_buffer_size() const;

    /// The addresses of both ends; unspecified where there is none. Python: get_extra_info("sockname"), ("peername").
    [[nodiscard]] address local_address() const;
    [[nodiscard]] address remote_address() const;
    /// "sockname", "peername" and "socket" as text. Python: get_extra_info.
    [[nodiscard]] std::string get_extra_info(std::string_view name, std::string otherwise = {}) const;

    /// Python: set_protocol, get_protocol.
    void set_protocol(std::shared_ptr<datagram_protocol> protocol) const;
    [[nodiscard]] std::shared_ptr<datagram_protocol> get_protocol() const;

    /// For bide's own layers.
    explicit datagram_transport(detail::datagram_state& adopted) noexcept : state_(&adopted) {}
    [[nodiscard]] detail::datagram_state& state() const;

private:
    detail::counted_ref<detail::datagram_state> state_;
};

/// Is given the datagrams that arrive. Python: asyncio.DatagramProtocol.
class datagram_protocol : public base_protocol {
public:
    /// The first call, once. What it throws is reported.
    virtual void connection_made(datagram_transport endpoint);
    /// One datagram, perhaps empty, valid during the call. What it throws is reported; the endpoint stays.
    virtual void datagram_received(std::string_view data, const address& from);
    /// Sending or receiving has failed, for example because the peer's machine says that nobody listens there
    /// (connection_refused). The endpoint stays open.
    virtual void error_received(const std::system_error& error);
};

/// Settings of create_datagram_endpoint(): at least one of local_address, remote_address and family.
class datagram_endpoint_options {
public:
    /// Where to receive. The file of a unix socket that is gone is replaced; a living one is address_in_use.
    datagram_endpoint_options& local_address(address where) noexcept {
        local_ = where;
        return *this;
    }
    /// Where sendto() sends when it names no address, and the only peer that is heard.
    datagram_endpoint_options& remote_address(address where) noexcept {
        remote_ = where;
        return *this;
    }
    /// Only needed without any address.
    datagram_endpoint_options& family(address_family wanted) noexcept {
        family_ = wanted;
        return *this;
    }
    /// Several endpoints share one port (SO_REUSEPORT). Default: false.
    datagram_endpoint_options& reuse_port(bool on) noexcept {
        reuse_port_ = on;
        return *this;
    }
    /// May send to broadcast addresses; with a remote address, others are heard as well. Default: false.
    datagram_endpoint_options& allow_broadcast(bool on) noexcept {
        allow_broadcast_ = on;
        return *this;
    }

    [[nodiscard]] const std::optional<address>& local_address() const noexcept { return local_; }
    [[nodiscard]] const std::optional<address>& remote_address() const noexcept { return remote_; }
    [[nodiscard]] address_family family() const noexcept { return family_; }
    [[nodiscard]] bool reuse_port() const noexcept { return reuse_port_; }
    [[nodiscard]] bool allow_broadcast() const noexcept { return allow_broadcast_; }

private:
    std::optional<address> local_;
    std::optional<address> remote_;
    address_family family_ = address_family::unspecified;
    bool reuse_port_ = false;
    bool allow_broadcast_ = false;
};

namespace detail {

template <class F>
using made_datagram_protocol = typename std::invoke_result_t<std::decay_t<F>&>::element_type;

template <class F>
concept datagram_protocol_factory =
    std::is_invocable_v<std::decay_t<F>&> && std::derived_from<made_datagram_protocol<F>, datagram_protocol>;

template <class F>
using datagram_endpoint = std::pair<datagram_transport, std::shared_ptr<made_datagram_protocol<F>>>;

class datagram_target {
public:
    datagram_target(socket s, std::optional<address> r, bool c)
        : endpoint(std::move(s)), remote(r), connected(c) {}
    socket endpoint;
    std::optional<address> remote;
    bool connected;  // the kernel knows the remote address
};

coro<datagram_target> open_datagram_target(datagram_endpoint_options options);
coro<datagram_transport> connect_datagrams(datagram_target target,
                                           std::shared_ptr<datagram_protocol> protocol);

template <class F>
coro<datagram_endpoint<F>> introduce_datagrams(F factory, datagram_target target) {
    std::shared_ptr<made_datagram_protocol<F>> made = factory();
    datagram_transport over = co_await connect_datagrams(std::move(target), made);
    co_return datagram_endpoint<F>(std::move(over), std::move(made));
}

}  // namespace detail

/// Opens a socket for datagrams and gives it to the protocol that `factory` makes.
/// Returns: the transport and the protocol, after connection_made() was called.
/// Throws: std::system_error that names the address; std::invalid_argument without any address and family, or for two
/// families. Cancellation: the socket is closed. Python: loop.create_datagram_endpoint.
template <detail::datagram_protocol_factory F>
[[nodiscard]] coro<detail::datagram_endpoint<F>> create_datagram_endpoint(F factory,
                                                                          datagram_endpoint_options options) {
    auto opening = detail::open_datagram_target(std::move(options));
    detail::datagram_target target = co_await std::move(opening);
    auto introducing = detail::introduce_datagrams(std::move(factory), std::move(target));
    co_return co_await std::move(introducing);
}
/// Over a datagram socket that was made elsewhere. Python: create_datagram_endpoint(sock=...).
template <detail::datagram_protocol_factory F>
[[nodiscard]] coro<detail::datagram_endpoint<F>> create_datagram_endpoint(F factory, socket made) {
    std::optional<address> peer;
    const address known = made.peer_address();
    const bool connected = known.family() != address_family::unspecified;
    if (connected) peer = known;
    auto introducing = detail::introduce_datagrams(std::move(factory),
                                                   detail::datagram_target(std::move(made), peer, connected));
    co_return co_await std::move(introducing);
}

}  // namespace bide
