// bide/net: what stands in for TLS where bide was built without OpenSSL.
#include <stdexcept>

#include "net/tls_stream.hpp"

namespace bide {

namespace {

[[noreturn]] void missing() {
    throw std::runtime_error("bide was built without TLS: build it with BIDE_TLS=ON and OpenSSL");
}

}  // namespace

// No context can be made, so that nothing else is ever called.
tls_context tls_context::client() { missing(); }
tls_context tls_context::client(const std::string&) { missing(); }
tls_context tls_context::server(const std::string&, const std::string&, const std::string&) { missing(); }
tls_context& tls_context::trust(const std::string&) { missing(); }
tls_context& tls_context::certificate(const std::string&, const std::string&, const std::string&) {
    missing();
}
tls_context& tls_context::revocation_list(const std::string&) { missing(); }
tls_context& tls_context::verify_peer(bool) { missing(); }
tls_context& tls_context::check_hostname(bool) noexcept { return *this; }
tls_context& tls_context::alpn(const std::vector<std::string>&) { missing(); }
tls_context& tls_context::minimum_version(tls_version) { missing(); }
tls_context& tls_context::maximum_version(tls_version) { missing(); }
tls_context& tls_context::ciphers(const std::string&) { missing(); }
tls_context& tls_context::resume_sessions(bool) { missing(); }
bool tls_context::server_side() const noexcept { return false; }

namespace detail {

coro<stream_ref> start_tls_over(stream_ref, tls_context, tls_side, std::string, std::string, duration,
                                duration) {
    missing();
}

}  // namespace detail

}  // namespace bide
