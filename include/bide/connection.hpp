// bide/net: connect to a server.
#pragma once

#include <bide/address.hpp>
#include <bide/coro.hpp>
#include <bide/socket.hpp>
#include <bide/stream.hpp>
#include <bide/time.hpp>
#include <bide/tls.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bide {

/// Settings of open_connection() and open_unix_connection().
class connection_options {
public:
    /// Of the reader. Default: 64 KiB.
    connection_options& limit(std::size_t bytes) noexcept {
        limit_ = bytes;
        return *this;
    }
    /// Gives up, with timeout_error, when finding the host, connecting and the TLS handshake together take longer.
    /// Default: none; the kernel gives up on an address that does not answer after about two minutes.
    connection_options& timeout(duration limit) noexcept {
        timeout_ = limit;
        return *this;
    }
    /// Only addresses of this family. Default: any.
    connection_options& family(address_family wanted) noexcept {
        family_ = wanted;
        return *this;
    }
    /// The address to connect from; its port may be 0. Addresses of another family are not tried. Default: the system's
    /// choice. Python: local_addr.
    connection_options& local_address(address from) noexcept {
        local_ = from;
        return *this;
    }
    /// How long one attempt has before the next address is tried beside it (RFC 8305); an attempt that fails starts the
    /// next one at once. Nothing: one after another, as asyncio does. Default: 250 ms.
    connection_options& happy_eyeballs_delay(std::optional<duration> delay) noexcept {
        delay_ = delay;
        return *this;
    }
    /// Families take turns, after this many addresses of the family that comes first; 0 keeps the resolver's order.
    /// Default: 1.
    connection_options& interleave(std::size_t first_family_count) noexcept {
        interleave_ = first_family_count;
        return *this;
    }
    /// When no address answers, throws an exception_group of all failures in place of one error that names them all.
    /// Default: false.
    connection_options& all_errors(bool on) noexcept {
        all_errors_ = on;
        return *this;
    }
    /// Encrypts the connection; the certificate is verified against the host unless server_hostname() says otherwise.
    /// Python: ssl.
    connection_options& tls(tls_context context) {
        tls_ = std::make_shared<tls_context>(std::move(context));
        return *this;
    }
    /// The name in the certificate; an empty one turns the check of the name off.
    connection_options& server_hostname(std::string name) {
        server_hostname_ = std::move(name);
        return *this;
    }
    /// Limits of the TLS handshake (60 s) and of the end of a TLS connection (30 s).
    connection_options& tls_limits(duration handshake, duration shutdown) noexcept {
        handshake_ = handshake;
        shutdown_ = shutdown;
        return *this;
    }

    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    [[nodiscard]] std::optional<duration> timeout() const noexcept { return timeout_; }
    [[nodiscard]] address_family family() const noexcept { return family_; }
    [[nodiscard]] const std::optional<address>& local_address() const noexcept { return local_; }
    [[nodiscard]] std::optional<duration> happy_eyeballs_delay() const noexcept { return delay_; }
    [[nodiscard]] std::size_t interleave() const noexcept { return interleave_; }
    [[nodiscard]] bool all_errors() const noexcept { return all_errors_; }
    /// Null without TLS.
    [[nodiscard]] const tls_context* tls() const noexcept { return tls_.get(); }
    [[nodiscard]] const std::optional<std::string>& server_hostname() const noexcept {
        return server_hostname_;
    }
    [[nodiscard]] duration handshake_limit() const noexcept { return handshake_; }
    [[nodiscard]] duration shutdown_limit() const noexcept { return shutdown_; }

private:
    std::size_t limit_ = default_stream_limit;
    std::optional<duration> timeout_;
    address_family family_ = address_family::unspecified;
    std::optional<address> local_;
    std::optional<duration> delay_ = std::chrono::milliseconds(250);
    std::size_t interleave_ = 1;
    bool all_errors_ = false;
    std::shared_ptr<const tls_context> tls_;
    std::optional<std::string> server_hostname_;
    duration handshake_ = std::chrono::seconds(60);
    duration shutdown_ = std::chrono::seconds(30);
};

/// Connects to a host, trying its addresses until one answers. TCP_NODELAY is set.
/// Returns: a reader and a writer. Throws: std::system_error that names the address, or every address that was tried
/// (resolver_category for the host, tls_category for TLS); timeout_error; std::invalid_argument for a port out of range.
/// Cancellation: everything that was made is closed. Python: asyncio.open_connection.
[[nodiscard]] coro<connection> open_connection(std::string host, int port, connection_options options = {});
/// Connects to an address, or to the first of several that answers.
[[nodiscard]] coro<connection> open_connection(address to, connection_options options = {});
[[nodiscard]] coro<connection> open_connection(std::vector<address> to, connection_options options = {});
/// Reads and writes a stream socket that is connected already. Of the options, limit and those of TLS count.
/// Throws: std::system_error when it is not connected; std::invalid_argument when it is no stream socket.
/// Python: open_connection(sock=).
[[nodiscard]] coro<connection> open_connection(socket connected, connection_options options = {});
/// Connects to a unix socket: a path, or an abstract name that begins with '@'.
/// Throws: also std::invalid_argument for TLS without server_hostname(). Python: asyncio.open_unix_connection.
[[nodiscard]] coro<connection> open_unix_connection(std::string path, connection_options options = {});

namespace detail {

// The same for whoever is called otherwise: errors begin with `call`.
coro<connection> open_for(const char* call, std::string host, int port, connection_options options);
coro<connection> open_for(const char* call, address to, connection_options options);
coro<connection> open_for(const char* call, socket connected, connection_options options);
coro<connection> open_unix_for(const char* call, std::string path, connection_options options);

}  // namespace detail

}  // namespace bide
