// bide/net: what is wrong with the certificate of a peer, in words that help.
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "net/tls_names.hpp"
#include "net/tls_state.hpp"

namespace bide::detail {

namespace {

std::string take_text(BIO* from) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(from, &text);
    std::string copy(text, static_cast<std::size_t>(size));
    ::BIO_free(from);
    return copy;
}

std::string date_text(const ASN1_TIME* when) {
    BIO* const out = ::BIO_new(::BIO_s_mem());
    if (out == nullptr) return {};
    ::ASN1_TIME_print(out, when);
    return take_text(out);
}

// For whom it was issued: the names in it that servers are checked against.
std::string names_in(X509* certificate) {
    std::string all;
    auto* const names =
        static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && i < 10; ++i) {
        BIO* const out = ::BIO_new(::BIO_s_mem());
        if (out == nullptr) break;
        ::GENERAL_NAME_print(out, sk_GENERAL_NAME_value(names, i));
        all += (all.empty() ? "" : ", ") + take_text(out);
    }
    ::GENERAL_NAMES_free(names);
    return all.empty() ? tls_name_text(::X509_get_subject_name(certificate)) : all;
}

std::string describe(int error, int depth, X509* certificate, const std::string& host) {
    const std::string subject = tls_name_text(::X509_get_subject_name(certificate));
    const std::string issuer = tls_name_text(::X509_get_issuer_name(certificate));
    const std::string whose =
        depth == 0 ? "the certificate '" + subject + "'" : "the certificate of the issuer '" + subject + "'";
    switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return whose + " has expired on " + date_text(::X509_get0_notAfter(certificate));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return whose + " is not valid before " + date_text(::X509_get0_notBefore(certificate));
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return whose + " is self-signed and not trusted; tls_context::trust() takes it";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return "the certificate was issued by '" + subject +
                   "', an unknown CA; tls_context::trust() takes it";
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return whose + " was issued by '" + issuer + "', an unknown CA; tls_context::trust() takes it";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "wrong host name: the certificate is for " + names_in(certificate) + ", not for '" + host +
                   "'";
        case X509_V_ERR_CERT_REVOKED: return whose + " was revoked by '" + issuer + "'";
        case X509_V_ERR_UNABLE_TO_GET_CRL:
            return whose + " cannot be checked: there is no revocation list of '" + issuer + "'";
        default: return whose + ": " + ::X509_verify_cert_error_string(error);
    }
}

}  // namespace

std::string tls_name_text(const X509_name_st* name) {
    BIO* const out = ::BIO_new(::BIO_s_mem());
    if (out == nullptr) return {};
    ::X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ & ~ASN1_STRFLGS_ESC_MSB);
    return take_text(out);
}

int note_certificate_problem(int good, X509_STORE_CTX* store) {
    if (good == 1) return good;
    const auto* const connection =
        static_cast<const SSL*>(::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
    X509* const certificate = ::X509_STORE_CTX_get_current_cert(store);
    if (connection == nullptr || certificate == nullptr) return good;
    try {
        tls_engine& engine = tls_engine::of(connection);
        engine.note_problem(describe(::X509_STORE_CTX_get_error(store),
                                     ::X509_STORE_CTX_get_error_depth(store), certificate, engine.host()));
    } catch (const std::bad_alloc&) { return good; }  // no exception may pass through OpenSSL
    return good;
}

}  // namespace bide::detail
