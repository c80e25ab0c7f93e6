// bide/net: TLS as bytes in and bytes out: no sockets, no awaits.
#include "net/tls_engine.hpp"

#include <bide/address.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

#include "net/tls_names.hpp"
#include "net/tls_state.hpp"

namespace bide::detail {

namespace {

// OpenSSL gives the alert number n that the peer sent as the reason 1000 + n.
constexpr int alert_reason = SSL_AD_REASON_OFFSET;

// A peer may change keys as often as it likes, and each change costs a thousand times what it costs to send. Between two
// records with data there is room for more tickets than any server sends.
constexpr std::size_t most_without_data = 128 * 1024;

bool is_about_certificates(int alert) noexcept {
    switch (alert) {
        case SSL_AD_NO_CERTIFICATE:
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_EXPIRED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
        case SSL_AD_CERTIFICATE_REQUIRED: return true;
        default: return false;
    }
}

}  // namespace

void free_tls::operator()(ssl_st* what) const noexcept { ::SSL_free(what); }

namespace {

// OpenSSL has no description of the newer ones, but a text for the error: "tlsv13 alert certificate required".
std::string name_of_alert(int alert, const std::string& error) {
    const std::string name = ::SSL_alert_desc_string_long(alert);
    constexpr std::string_view before = " alert ";
    const std::size_t at = error.find(before);
    return name != "unknown" || at == std::string::npos ? name : error.substr(at + before.size());
}

}  // namespace

// For as long as OpenSSL may write.
class tls_engine::call {
public:
    call(tls_engine& engine, std::string& output) noexcept : engine_(engine) {
        engine_.pipe_.output = &output;
        // What other users of OpenSSL left behind would be taken for ours.
        if (::ERR_peek_error() != 0) ::ERR_clear_error();
    }
    ~call() {
        engine_.pipe_.output = nullptr;
        engine_.pipe_.input.drop(0);  // what was taken goes, and an empty buffer with it
    }
    call(const call&) = delete;
    call& operator=(const call&) = delete;

private:
    tls_engine& engine_;
};

tls_engine& tls_engine::of(const ssl_st* connection) noexcept {
    return *static_cast<tls_engine*>(SSL_get_app_data(connection));
}

int keep_tls_session(ssl_st* connection, ssl_session_st* session) {
    const tls_engine& engine = tls_engine::of(connection);
    tls_context_state& context = engine.context();
    if (engine.host().empty() || !context.resume || engine.rules() != context.rules) return 0;
    try {
        if (context.sessions.size() >= tls_context_state::most_sessions) context.sessions.clear();
        context.sessions[engine.host()].reset(session);
    } catch (const std::bad_alloc&) { return 0; }  // no exception may pass through OpenSSL
    return 1;
}

tls_engine::tls_engine(tls_context_state& context, std::string host)
    : context_(context), rules_(context.rules), host_(std::move(host)) {
    ssl_.reset(::SSL_new(context.native.get()));
    if (!ssl_) throw std::system_error(make_error_code(tls_errc::protocol), "SSL_new: " + last_tls_error());
    SSL* const ssl = ssl_.get();
    SSL_set_app_data(ssl, this);
    BIO* const bio = make_tls_bio(pipe_);
    ::SSL_set_bio(ssl, bio, bio);
    if (context.side == tls_side::server) {
        ::SSL_set_accept_state(ssl);
        return;
    }
    ::SSL_set_connect_state(ssl);
    if (!host_.empty()) set_host();
}

tls_engine::~tls_engine() = default;

void tls_engine::set_host() {
    SSL* const ssl = ssl_.get();
    if (host_.back() == '.') host_.pop_back();  // the root of the DNS is no part of names in certificates
    int good = 1;
    if (host_.find('\0') != std::string::npos) {  // OpenSSL would check what is before it
        good = 0;
    } else if (address::try_ip(host_,
                               0)) {  // verified as an address; it is no server name (RFC 6066 section 3)
        const std::string unscoped = host_.substr(0, host_.find('%'));
        if (context_.check_host)
            good = ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), unscoped.c_str());
    } else {
        good = static_cast<int>(SSL_set_tlsext_host_name(ssl, host_.c_str()));
        ::SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (good == 1 && context_.check_host) good = ::SSL_set1_host(ssl, host_.c_str());
    }
    if (good != 1) {
        ::ERR_clear_error();
        throw std::system_error(make_error_code(tls_errc::configuration),
                                "'" + host_ + "' cannot be the name of a server");
    }
    const auto known = context_.sessions.find(host_);
    if (known != context_.sessions.end()) ::SSL_set_session(ssl, known->second.get());
}

// What a call that did not succeed means. It never wants to write: output takes everything.
tls_status tls_engine::judge(int result) {
    switch (::SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ: return tls_status::want_bytes;
        case SSL_ERROR_ZERO_RETURN: return tls_status::ended;
        default: fail(); return tls_status::failed;
    }
}

void tls_engine::fail() {
    const unsigned long code = ::ERR_peek_error();
    const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
    const std::string text = last_tls_error();
    failure_ = make_error_code(tls_errc::protocol);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        failure_ = make_error_code(tls_errc::certificate);
        failure_text_ = problem_.empty() ? text : std::move(problem_);
    } else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        failure_ = make_error_code(tls_errc::certificate);
        failure_text_ = "the client showed no certificate";
    } else if (reason >= alert_reason) {
        const int alert = reason - alert_reason;
        const bool about_us = is_about_certificates(alert);
        if (about_us) failure_ = make_error_code(tls_errc::certificate);
        failure_text_ = std::string(about_us ? "the peer does not accept our certificate (alert: "
                                             : "the peer refuses (alert: ") +
                        name_of_alert(alert, text) + ")";
    } else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
               reason == SSL_R_PACKET_LENGTH_TOO_LONG) {
        failure_text_ = "the peer does not speak TLS (" + text + ")";
    } else {
        failure_text_ = text;
    }
}

void tls_engine::refuse(std::string why) {
    failure_ = make_error_code(tls_errc::protocol);
    failure_text_ = std::move(why);
}

tls_status tls_engine::handshake(std::string& output) {
    if (failure_) return tls_status::failed;
    const call here(*this, output);
    const int result = ::SSL_do_handshake(ssl_.get());
    pipe_.without_data = 0;
    return result == 1 ? tls_status::done : judge(result);
}

// Without asking OpenSSL, which takes a while to find out.
bool tls_engine::has_nothing_to_read() const noexcept {
    return pipe_.input.size() == 0 && ::SSL_pending(ssl_.get()) == 0 &&
           (::SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) == 0;
}

tls_status tls_engine::read(char* into, std::size_t room, std::size_t& count, std::string& output) {
    count = 0;
    if (failure_) return tls_status::failed;
    if (has_nothing_to_read()) return tls_status::want_bytes;
    const call here(*this, output);
    do {
        std::size_t got = 0;
        if (::SSL_read_ex(ssl_.get(), into + count, room - count, &got) != 1) {
            // What was read comes first; the next call tells the rest.
            const tls_status status = judge(0);
            if (count > 0) return tls_status::done;
            if (status != tls_status::want_bytes || pipe_.without_data <= most_without_data) return status;
            refuse("the peer has sent " + std::to_string(pipe_.without_data) +
                   " bytes of TLS without any data");
            return tls_status::failed;
        }
        pipe_.without_data = 0;
        count += got;
    } while (count < room && !has_nothing_to_read());
    return tls_status::done;
}

tls_status tls_engine::write(std::string_view plain, std::string& output) {
    if (failure_) return tls_status::failed;
    if (plain.empty()) return tls_status::done;
    const call here(*this, output);
    std::size_t count = 0;
    if (::SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &count) == 1) return tls_status::done;
    fail();  // before the handshake, after shut_down(), or without memory
    return tls_status::failed;
}

void tls_engine::shut_down(std::string& output) noexcept {
    if (failure_ || ::SSL_in_init(ssl_.get()) != 0) return;  // OpenSSL forbids it there
    const call here(*this, output);
    ::SSL_shutdown(ssl_.get());
}

std::string tls_engine::version() const { return ::SSL_get_version(ssl_.get()); }

std::string tls_engine::cipher() const {
    const SSL_CIPHER* const cipher = ::SSL_get_current_cipher(ssl_.get());
    return cipher == nullptr ? std::string() : ::SSL_CIPHER_get_name(cipher);
}

std::string tls_engine::alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return name == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(name), size);
}

std::string tls_engine::peer_certificate() const {
    X509* const certificate = ::SSL_get0_peer_certificate(ssl_.get());
    return certificate == nullptr ? std::string() : tls_name_text(::X509_get_subject_name(certificate));
}

std::string tls_engine::server_name() const {
    const char* const name = ::SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? std::string() : name;
}

bool tls_engine::resumed() const { return ::SSL_session_reused(ssl_.get()) == 1; }

}  // namespace bide::detail
