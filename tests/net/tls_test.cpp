// bide/net: settings of TLS: what cannot be used is named.
// bide-test: once
#include <bide/tls.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

#include "support/expect.hpp"
#include "support/tls_certificates.hpp"

namespace {

using bide::tls_context;
using bide::tls_errc;
using bide_test::certificates;
using bide_test::has;
using bide_test::thrown;

std::string file(const char* name) { return certificates::get().file(name); }

TEST(tls, errors_name_the_file_and_the_problem) {
    EXPECT_TRUE(
        has(thrown<std::system_error>([] { return tls_context::server("/no/such.pem", file("server.key")); }),
            "'/no/such.pem'", "No such file"));
    EXPECT_TRUE(
        has(thrown<std::system_error>([] { return tls_context::server(file("server.pem"), "/no/such.key"); }),
            "'/no/such.key'", "No such file"));
    EXPECT_TRUE(
        has(thrown<std::system_error>([] { return tls_context::server(file("log"), file("server.key")); }),
            "certificate in", "log'"));
    EXPECT_TRUE(has(thrown<std::system_error>([] { return tls_context::client(file("log")); }),
                    "cannot trust", "log'"));
    EXPECT_TRUE(
        has(thrown<std::system_error>([] { return tls_context::client().revocation_list(file("ca.pem")); }),
            "revocation list", "ca.pem'"));
    EXPECT_TRUE(has(thrown<std::system_error>([] { return tls_context::client().ciphers("no-such-cipher"); }),
                    "'no-such-cipher'"));
    try {
        tls_context::client("/no/such");
    } catch (const std::system_error& e) { EXPECT_EQ(e.code(), tls_errc::configuration); }
}

TEST(tls, a_key_that_belongs_to_another_certificate_is_refused) {
    const std::string text =
        thrown<std::system_error>([] { return tls_context::server(file("server.pem"), file("client.key")); });
    EXPECT_TRUE(has(text, "client.key'", "server.pem'", "key values mismatch"));
}

TEST(tls, a_key_with_a_password_never_asks_the_terminal) {
    const std::string text =
        thrown<std::system_error>([] { return tls_context::server(file("server.pem"), file("locked.key")); });
    EXPECT_TRUE(has(text, "locked.key'"));
    EXPECT_NO_THROW(tls_context::server(file("server.pem"), file("locked.key"), "secret"));
    EXPECT_THROW(tls_context::server(file("server.pem"), file("locked.key"), "wrong"), std::system_error);
}

TEST(tls, alpn_names_have_1_to_255_bytes) {
    EXPECT_TRUE(has(thrown<std::invalid_argument>([] { return tls_context::client().alpn({"h2", ""}); }),
                    "alpn", "0 bytes"));
    EXPECT_THROW(tls_context::client().alpn({std::string(256, 'x')}), std::invalid_argument);
    EXPECT_NO_THROW(tls_context::client().alpn({std::string(255, 'x')}));
    EXPECT_NO_THROW(tls_context::client().alpn({}));
}

TEST(tls, knows_its_side) {
    EXPECT_FALSE(tls_context::client().server_side());
    EXPECT_TRUE(certificates::get().server().server_side());
}

TEST(tls, codes_belong_to_a_category_with_texts) {
    const std::error_code late = tls_errc::handshake_timeout;
    EXPECT_STREQ(late.category().name(), "tls");
    EXPECT_TRUE(late == std::errc::timed_out);
    for (int i = 1; i <= 5; ++i) EXPECT_TRUE(has(bide::tls_category().message(i), "TLS "));
    EXPECT_FALSE(make_error_code(tls_errc::truncated) == std::errc::timed_out);
}

}  // namespace
