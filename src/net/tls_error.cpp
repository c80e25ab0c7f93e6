// bide/net: the codes of TLS failures.
#include <bide/tls.hpp>

namespace bide {

namespace {

class category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "tls"; }
    [[nodiscard]] std::string message(int code) const override {
        switch (static_cast<tls_errc>(code)) {
            case tls_errc::protocol: return "TLS protocol error";
            case tls_errc::certificate: return "TLS certificate not accepted";
            case tls_errc::truncated: return "TLS connection ended without close_notify";
            case tls_errc::handshake_timeout: return "TLS handshake took too long";
            case tls_errc::configuration: return "TLS setting cannot be used";
        }
        return "TLS error";
    }
    [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
        if (static_cast<tls_errc>(code) == tls_errc::handshake_timeout) return std::errc::timed_out;
        return {code, *this};
    }
};

}  // namespace

const std::error_category& tls_category() noexcept {
    static const category the;
    return the;
}

std::error_code make_error_code(tls_errc code) noexcept { return {static_cast<int>(code), tls_category()}; }

}  // namespace bide
