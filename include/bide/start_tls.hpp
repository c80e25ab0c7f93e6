// bide/net: encrypt a connection that is open already.
#pragma once

#include <bide/coro.hpp>
#include <bide/stream.hpp>
#include <bide/time.hpp>
#include <bide/tls.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace bide {

/// Settings of start_tls().
class start_tls_options {
public:
    /// Clients must say it: the name in the certificate. An empty one turns its check off. Python: server_hostname.
    start_tls_options& server_hostname(std::string name) {
        server_hostname_ = std::move(name);
        return *this;
    }
    /// Limits of the handshake (60 s) and of the end of the connection (30 s).
    /// Python: ssl_handshake_timeout, ssl_shutdown_timeout.
    start_tls_options& tls_limits(duration handshake, duration shutdown) noexcept {
        handshake_ = handshake;
        shutdown_ = shutdown;
        return *this;
    }
    /// Of the reader it gives. Default: 64 KiB.
    start_tls_options& limit(std::size_t bytes) noexcept {
        limit_ = bytes;
        return *this;
    }

    [[nodiscard]] const std::optional<std::string>& server_hostname() const noexcept {
        return server_hostname_;
    }
    [[nodiscard]] duration handshake_limit() const noexcept { return handshake_; }
    [[nodiscard]] duration shutdown_limit() const noexcept { return shutdown_; }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

private:
    std::optional<std::string> server_hostname_;
    duration handshake_ = std::chrono::seconds(60);
    duration shutdown_ = std::chrono::seconds(30);
    std::size_t limit_ = default_stream_limit;
};

/// Encrypts a connection that is open already, such as after STARTTLS; both ends must switch at the same point. Which end
/// this is, the context says. What was written before is sent before; bytes that the reader holds are taken for
/// ciphertext, never for text that TLS protected. The connection may itself be encrypted.
/// Returns: a new reader and writer; copies of the old reader throw from then on.
/// Suspends: until the handshake is done.
/// Throws: std::system_error (tls_category, or the connection's own), which names the peer and the problem;
/// invalid_state_error when another task reads from the connection; std::invalid_argument for a client without
/// server_hostname(). The connection is closed then.
/// Cancellation: the connection is aborted.
/// Python: StreamWriter.start_tls, loop.start_tls.
[[nodiscard]] coro<connection> start_tls(connection plain, tls_context context,
                                         start_tls_options options = {});
/// The same for the two handles that the function of a server gets.
[[nodiscard]] coro<connection> start_tls(stream_reader reader, stream_writer writer, tls_context context,
                                         start_tls_options options = {});

}  // namespace bide
