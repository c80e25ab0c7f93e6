// bide/net: TLS settings for clients and servers, over OpenSSL.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "net/tls_state.hpp"

namespace bide {

namespace detail {

void free_tls_context::operator()(ssl_ctx_st* what) const noexcept { ::SSL_CTX_free(what); }
void tls_context_state::change_rules() noexcept {
    sessions.clear();
    ++rules;
    if (side == tls_side::client) return;
    unsigned char mark[sizeof rules];
    std::memcpy(mark, &rules, sizeof rules);
    ::SSL_CTX_set_session_id_context(native.get(), mark, sizeof mark);
}
void free_tls_session::operator()(ssl_session_st* what) const noexcept { ::SSL_SESSION_free(what); }

std::string last_tls_error() {
    const unsigned long code = ::ERR_get_error();
    ::ERR_clear_error();
    if (code == 0) return "unknown reason";
    if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
    const char* const reason = ::ERR_reason_error_string(code);
    return reason == nullptr ? "OpenSSL error " + std::to_string(code) : reason;
}

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(make_error_code(tls_errc::configuration), what + ": " + last_tls_error());
}

// One line for each secret, in the format that packet analysers read.
void log_key(const SSL*, const char* line) {
    const char* const path = ::secure_getenv("SSLKEYLOGFILE");
    if (path == nullptr) return;
    std::FILE* const file = std::fopen(path, "ae");
    if (file == nullptr) return;
    std::fprintf(file, "%s\n", line);
    std::fclose(file);
}

bool logs_keys() noexcept {
    const char* const path = ::secure_getenv("SSLKEYLOGFILE");
    return path != nullptr && *path != '\0';
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void* context) {
    const std::string& ours = static_cast<const tls_context_state*>(context)->alpn;
    unsigned char* chosen = nullptr;
    const int result =
        ::SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                static_cast<unsigned>(ours.size()), in, in_size);
    if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// OpenSSL would ask the terminal.
int give_password(char* into, int room, int, void* context) {
    const auto* const password = static_cast<const std::string*>(context);
    if (password == nullptr || password->empty()) return -1;
    const std::size_t size = std::min(password->size(), static_cast<std::size_t>(room));
    std::memcpy(into, password->data(), size);
    return static_cast<int>(size);
}

int native_version(tls_version version) noexcept {
    return version == tls_version::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

void set_verify(tls_context_state& state) {
    const int insist = state.side == tls_side::server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    ::SSL_CTX_set_verify(state.native.get(), state.verify ? SSL_VERIFY_PEER | insist : SSL_VERIFY_NONE,
                         note_certificate_problem);
    state.change_rules();
}

// A client keeps the sessions per host itself; a server's are in its tickets, so it keeps none.
void set_resumption(tls_context_state& state) {
    SSL_CTX* const native = state.native.get();
    const bool client = state.side == tls_side::client;
    ::SSL_CTX_set_session_cache_mode(native, client && state.resume
                                                 ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
                                                 : SSL_SESS_CACHE_OFF);
    if (client) return;
    ::SSL_CTX_set_num_tickets(native, state.resume ? 2 : 0);
    if (state.resume) {
        ::SSL_CTX_clear_options(native, SSL_OP_NO_TICKET);
    } else {
        ::SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
    }
}

std::shared_ptr<tls_context_state> make_state(tls_side side) {
    ::ERR_clear_error();
    auto state = std::make_shared<tls_context_state>();
    state->side = side;
    state->verify = side == tls_side::client;
    state->native.reset(
        ::SSL_CTX_new(side == tls_side::client ? ::TLS_client_method() : ::TLS_server_method()));
    if (!state->native) fail("SSL_CTX_new");
    SSL_CTX* const native = state->native.get();
    ::SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    ::SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    ::SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    ::SSL_CTX_set_default_passwd_cb(native, give_password);
    if (logs_keys()) ::SSL_CTX_set_keylog_callback(native, log_key);
    set_verify(*state);
    if (side == tls_side::client) {
        ::SSL_CTX_sess_set_new_cb(native, keep_tls_session);
    } else {
        ::SSL_CTX_set_dh_auto(native, 1);
    }
    set_resumption(*state);
    return state;
}

void load_pair(SSL_CTX* native, const std::string& certificate, const std::string& key,
               const std::string& password) {
    ::ERR_clear_error();
    if (::SSL_CTX_use_certificate_chain_file(native, certificate.c_str()) != 1) {
        fail("cannot use the certificate in '" + certificate + "'");
    }
    ::SSL_CTX_set_default_passwd_cb_userdata(native, const_cast<std::string*>(&password));
    const int loaded = ::SSL_CTX_use_PrivateKey_file(native, key.c_str(), SSL_FILETYPE_PEM);
    ::SSL_CTX_set_default_passwd_cb_userdata(native, nullptr);
    if (loaded != 1) {
        fail("cannot use the private key in '" + key + "' with the certificate in '" + certificate + "'");
    }
}

// Tells clients which certificates are welcome, for those who have several.
void name_authorities(SSL_CTX* native, const std::string& file) {
    STACK_OF(X509_NAME)* names = ::SSL_dup_CA_list(::SSL_CTX_get_client_CA_list(native));
    if (names == nullptr) names = sk_X509_NAME_new_null();
    ::SSL_add_file_cert_subjects_to_stack(names, file.c_str());
    ::SSL_CTX_set_client_CA_list(native, names);
    ::ERR_clear_error();
}

}  // namespace
}  // namespace detail

tls_context tls_context::client() {
    auto state = detail::make_state(detail::tls_side::client);
    ::SSL_CTX_set_default_verify_paths(state->native.get());
    return tls_context(std::move(state));
}

tls_context tls_context::client(const std::string& trusted_file) {
    tls_context made(detail::make_state(detail::tls_side::client));
    made.trust(trusted_file);
    return made;
}

tls_context tls_context::server(const std::string& certificate_file, const std::string& key_file,
                                const std::string& password) {
    tls_context made(detail::make_state(detail::tls_side::server));
    made.certificate(certificate_file, key_file, password);
    return made;
}

tls_context& tls_context::trust(const std::string& file) {
    SSL_CTX* const native = state_->native.get();
    ::ERR_clear_error();
    if (::SSL_CTX_load_verify_file(native, file.c_str()) != 1) {
        detail::fail("cannot trust the certificates in '" + file + "'");
    }
    if (server_side()) detail::name_authorities(native, file);
    return *this;
}

tls_context& tls_context::certificate(const std::string& certificate_file, const std::string& key_file,
                                      const std::string& password) {
    detail::load_pair(state_->native.get(), certificate_file, key_file, password);
    if (!server_side()) state_->change_rules();  // who resumes is still who it was
    return *this;
}

tls_context& tls_context::revocation_list(const std::string& file) {
    ::ERR_clear_error();
    X509_STORE* const store = ::SSL_CTX_get_cert_store(state_->native.get());
    X509_LOOKUP* const lookup = ::X509_STORE_add_lookup(store, ::X509_LOOKUP_file());
    if (lookup == nullptr || ::X509_load_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) <= 0) {
        detail::fail("cannot use the revocation list in '" + file + "'");
    }
    ::X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    state_->change_rules();
    return *this;
}

tls_context& tls_context::verify_peer(bool on) {
    state_->verify = on;
    detail::set_verify(*state_);
    return *this;
}

tls_context& tls_context::check_hostname(bool on) noexcept {
    state_->check_host = on;
    state_->change_rules();
    return *this;
}

tls_context& tls_context::alpn(const std::vector<std::string>& protocols) {
    std::string wire;
    for (const std::string& each : protocols) {
        if (each.empty() || each.size() > 255) {
            throw std::invalid_argument("alpn: the protocol name '" + each + "' has " +
                                        std::to_string(each.size()) + " bytes; 1 to 255 are possible");
        }
        wire += static_cast<char>(each.size());
        wire += each;
    }
    state_->alpn = std::move(wire);
    SSL_CTX* const native = state_->native.get();
    if (server_side()) {
        ::SSL_CTX_set_alpn_select_cb(native, state_->alpn.empty() ? nullptr : detail::choose_alpn,
                                     state_.get());
    } else {
        ::SSL_CTX_set_alpn_protos(native, reinterpret_cast<const unsigned char*>(state_->alpn.data()),
                                  static_cast<unsigned>(state_->alpn.size()));
    }
    return *this;
}

tls_context& tls_context::minimum_version(tls_version oldest) {
    ::SSL_CTX_set_min_proto_version(state_->native.get(), detail::native_version(oldest));
    return *this;
}

tls_context& tls_context::maximum_version(tls_version newest) {
    ::SSL_CTX_set_max_proto_version(state_->native.get(), detail::native_version(newest));
    return *this;
}

tls_context& tls_context::ciphers(const std::string& list) {
    ::ERR_clear_error();
    if (::SSL_CTX_set_cipher_list(state_->native.get(), list.c_str()) != 1) {
        detail::fail("cannot use the ciphers '" + list + "'");
    }
    return *this;
}

tls_context& tls_context::resume_sessions(bool on) {
    state_->resume = on;
    state_->change_rules();
    detail::set_resumption(*state_);
    return *this;
}

bool tls_context::server_side() const noexcept { return state_->side == detail::tls_side::server; }

}  // namespace bide
