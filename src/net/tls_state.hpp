// bide/net: the OpenSSL objects behind a tls_context.
#pragma once

#include <bide/tls.hpp>

#include <map>
#include <memory>
#include <string>

#include "net/tls_engine.hpp"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;
struct x509_store_ctx_st;

namespace bide::detail {

struct free_tls_context {
    void operator()(ssl_ctx_st* what) const noexcept;
};
struct free_tls_session {
    void operator()(ssl_session_st* what) const noexcept;
};

struct tls_context_state {
    std::unique_ptr<ssl_ctx_st, free_tls_context> native;
    tls_side side = tls_side::client;
    bool verify = true;
    bool check_host = true;
    bool resume = true;
    std::string alpn;  // in the form that goes over the wire
    // Clients: the last session of each host, to be resumed. When there are `most_sessions`, all are forgotten.
    std::map<std::string, std::unique_ptr<ssl_session_st, free_tls_session>> sessions;
    static constexpr std::size_t most_sessions = 1000;
    // A resumed session is not verified again. So those made under other rules are not resumed: a client forgets them,
    // also those that connections bring which began under such rules; a server marks its tickets.
    unsigned rules = 0;
    void change_rules() noexcept;
};

// OpenSSL's callbacks. A new session of a client: 1, it is kept.
int keep_tls_session(ssl_st* connection, ssl_session_st* session);
// What is wrong with a certificate of the peer; notes it in the engine and returns `good`.
int note_certificate_problem(int good, x509_store_ctx_st* store);

// The oldest error that OpenSSL has noted, as text; clears them all.
std::string last_tls_error();

}  // namespace bide::detail
