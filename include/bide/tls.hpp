// bide/net: TLS settings for clients and servers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace bide {

namespace detail {
struct tls_context_state;
}

/// Codes of TLS failures; the message of the exception names the peer and the problem.
[[nodiscard]] const std::error_category& tls_category() noexcept;

enum class tls_errc {
    protocol = 1,           ///< the peer does not speak TLS, or there is no version or cipher in common
    certificate = 2,        ///< a certificate is not trusted, expired, revoked, missing, or for another name
    truncated = 3,          ///< the connection ended without the peer saying so (close_notify)
    handshake_timeout = 4,  ///< the handshake took longer than its limit; equal to std::errc::timed_out
    configuration = 5       ///< a file or setting of a tls_context cannot be used
};
[[nodiscard]] std::error_code make_error_code(tls_errc code) noexcept;

enum class tls_version : std::uint8_t { tls1_2, tls1_3 };

/// What one side of TLS connections is configured with. A shared handle: configure it before its first connection and
/// use it for many, so that sessions are resumed. TLS 1.2 is the oldest version; there is no renegotiation and no
/// compression. Keys are logged to the file that the environment variable SSLKEYLOGFILE names when it is made.
/// Every function that takes a file throws std::system_error (tls_category) that names the file and the problem.
/// Threads: one loop's; every loop has its own. Python: ssl.SSLContext.
class tls_context {
public:
    /// For connecting: the server must have a certificate for its name that the system's certificates vouch for.
    /// Python: ssl.create_default_context().
    static tls_context client();
    /// The same, but only the certificates in this PEM file are trusted.
    /// Python: ssl.create_default_context(cafile=...).
    static tls_context client(const std::string& trusted_file);
    /// For accepting: the certificate chain and private key in PEM files, which may be one; clients are not asked for a
    /// certificate. `password` is that of the key. Python: create_default_context(CLIENT_AUTH).load_cert_chain.
    static tls_context server(const std::string& certificate_file, const std::string& key_file,
                              const std::string& password = {});

    /// Trusts the certificates in a PEM file as well. Python: load_verify_locations.
    tls_context& trust(const std::string& file);
    /// Shows this certificate to peers that ask for one. Also later on, in place of the one before: connections that begin
    /// from then on show it. Python: load_cert_chain.
    tls_context& certificate(const std::string& certificate_file, const std::string& key_file,
                             const std::string& password = {});
    /// Refuses what the revocation lists in a PEM file name; there must be a list of the issuer of every peer.
    /// Python: load_verify_locations and verify_flags |= VERIFY_CRL_CHECK_LEAF.
    tls_context& revocation_list(const std::string& file);

    /// Clients (default: on): off accepts any certificate, for tests. Servers (default: off): on asks clients for a
    /// certificate and insists on a trusted one. Python: verify_mode.
    tls_context& verify_peer(bool on);
    /// Clients: off accepts a trusted certificate for any name. Default: on. Python: check_hostname.
    tls_context& check_hostname(bool on) noexcept;

    /// Application protocols in order of preference, such as "h2", "http/1.1". A server chooses its first one that the
    /// client has, too, and refuses a client that has none of them.
    /// Throws: std::invalid_argument for a name that is empty or longer than 255 bytes. Python: set_alpn_protocols.
    tls_context& alpn(const std::vector<std::string>& protocols);

    /// Python: minimum_version, maximum_version.
    tls_context& minimum_version(tls_version oldest);
    tls_context& maximum_version(tls_version newest);
    /// The ciphers of TLS 1.2 in OpenSSL's notation; those of TLS 1.3 are fixed. Python: set_ciphers.
    tls_context& ciphers(const std::string& list);
    /// Resumes earlier sessions with tickets, which saves most of the handshake. Default: on. Python: SSLSession, by hand.
    tls_context& resume_sessions(bool on);

    /// Made by server().
    [[nodiscard]] bool server_side() const noexcept;

    /// For bide's own layers.
    [[nodiscard]] detail::tls_context_state& state() const noexcept { return *state_; }

private:
    explicit tls_context(std::shared_ptr<detail::tls_context_state> state) noexcept
        : state_(std::move(state)) {}
    std::shared_ptr<detail::tls_context_state> state_;
};

}  // namespace bide

template <>
struct std::is_error_code_enum<bide::tls_errc> : std::true_type {};
