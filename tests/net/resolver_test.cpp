// bide/net: names to addresses and back: what needs no name server, and what a name server may do.
#include <bide/resolver.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/gate.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"

#include <algorithm>

namespace {

using namespace std::chrono_literals;
using bide::address;
using bide::address_family;
using bide::resolver_errc;
using bide_test::has;
using bide_test::outcome;

using addresses = std::vector<address>;

BIDE_TEST(resolver, an_address_in_text_is_not_looked_up) {
    addresses found = co_await bide::getaddrinfo("127.0.0.1", 80);
    EXPECT_EQ(found, addresses{address::parse("127.0.0.1:80")});
    found = co_await bide::getaddrinfo("::1", 80);
    EXPECT_EQ(found, addresses{address::parse("[::1]:80")});
    found = co_await bide::getaddrinfo("fe80::1%lo", "80");
    EXPECT_EQ(found, addresses{address::parse("[fe80::1%lo]:80")});
    // No worker was asked: the answers came within this turn of the loop.
    auto looking = bide::create_task(bide::getaddrinfo("10.0.0.1", 1));
    co_await bide::sleep(0s);
    co_await bide::sleep(0s);
    EXPECT_TRUE(looking.done());
    EXPECT_EQ(bide_test::pending(), 0U);
}

BIDE_TEST(resolver, localhost_is_this_machine) {
    // [lookup]
    const auto found = co_await bide::getaddrinfo("localhost", 8080);
    for (const bide::address& each : found) {
        EXPECT_TRUE(each.is_loopback());
        EXPECT_EQ(each.port(), 8080);
    }
    // [/lookup]
    EXPECT_FALSE(found.empty());
    addresses once = found;
    std::sort(once.begin(), once.end());
    EXPECT_EQ(std::unique(once.begin(), once.end()), once.end());  // each address once
}

BIDE_TEST(resolver, gives_addresses_of_the_family_that_is_asked_for) {
    const auto v4 = bide::resolve_options().family(address_family::ipv4);
    const addresses found = co_await bide::getaddrinfo("localhost", 1, v4);
    EXPECT_EQ(found, addresses{address::parse("127.0.0.1:1")});
    const auto wrong = co_await bide::as_result(bide::getaddrinfo("::1", 1, v4));
    EXPECT_EQ(wrong.error(), resolver_errc::no_address_of_family);
    EXPECT_TRUE(has(bide::describe_exception(wrong.exception()), "look up '::1'"));
}

BIDE_TEST(resolver, services_have_names_too) {
    const auto v4 = bide::resolve_options().family(address_family::ipv4);
    addresses found = co_await bide::getaddrinfo("localhost", "http", v4);
    EXPECT_EQ(found, addresses{address::parse("127.0.0.1:80")});
    found = co_await bide::getaddrinfo("10.1.2.3", "https");
    EXPECT_EQ(found, addresses{address::parse("10.1.2.3:443")});
    const auto wrong = co_await bide::as_result(bide::getaddrinfo("localhost", "no-such-service"));
    EXPECT_EQ(wrong.error(), resolver_errc::service_not_found);
    EXPECT_TRUE(has(bide::describe_exception(wrong.exception()),
                    "look up 'localhost' for service 'no-such-service'"));
}

// The system's own resolver takes 65616 for port 80, and blanks and signs before a number.
BIDE_TEST(resolver, a_number_that_is_no_port_is_refused) {
    for (const char* const service : {"65536", "65616", "4294967376", "18446744073709551615", "-1", "-65456",
                                      "+80", " 80", "\t80", "0x50", "80 "}) {
        for (const char* const host : {"127.0.0.1", "localhost"}) {
            const auto wrong = co_await bide::as_result(bide::getaddrinfo(host, service));
            EXPECT_FALSE(wrong) << service;
            if (wrong) continue;
            EXPECT_EQ(wrong.error(), resolver_errc::service_not_found) << service;
            EXPECT_TRUE(has(bide::describe_exception(wrong.exception()), "look up '",
                            std::string("for service '") + service + "'"));
        }
    }
    const addresses found = co_await bide::getaddrinfo("127.0.0.1", "65535");
    EXPECT_EQ(found, addresses{address::parse("127.0.0.1:65535")});
    const std::string nul = bide_test::thrown<std::invalid_argument>(
        [] { return bide::getaddrinfo("127.0.0.1", std::string("80\0x", 4)); });
    EXPECT_TRUE(has(nul, "service", "NUL"));
}

BIDE_TEST(resolver, an_empty_host_is_this_machine_or_every_interface) {
    addresses found = co_await bide::getaddrinfo("", 5);
    for (const address& each : found) EXPECT_TRUE(each.is_loopback()) << each.to_string();
    EXPECT_FALSE(found.empty());
    found = co_await bide::getaddrinfo("", 5, bide::resolve_options().passive());
    EXPECT_NE(std::find(found.begin(), found.end(), address::parse("0.0.0.0:5")), found.end());
}

BIDE_TEST(resolver, a_name_that_does_not_exist_is_named) {
    const auto no_server = bide::resolve_options().numeric_host();
    const auto missing = co_await bide::as_result(bide::getaddrinfo("no-such-host.invalid", 80, no_server));
    EXPECT_EQ(missing.error(), resolver_errc::not_found);
    EXPECT_STREQ(missing.error().category().name(), "resolver");
    EXPECT_EQ(bide::describe_exception(missing.exception()),
              "look up 'no-such-host.invalid': Name or service not known");
    const auto odd = co_await bide::as_result(bide::getaddrinfo(std::string(300, 'x'), 80));
    EXPECT_EQ(&odd.error().category(), &bide::resolver_category());
    EXPECT_TRUE(has(bide::describe_exception(odd.exception()), "look up 'xxxxx"));
    const std::string nul = bide_test::thrown<std::invalid_argument>(
        [] { return bide::getaddrinfo(std::string("a\0b", 3), 80); });
    EXPECT_TRUE(has(nul, "NUL"));
}

TEST(resolver, errors_have_a_category_with_the_systems_messages) {
    const std::error_code code = resolver_errc::try_again;
    EXPECT_EQ(&code.category(), &bide::resolver_category());
    EXPECT_EQ(code.message(), "Temporary failure in name resolution");
    EXPECT_EQ(code, std::errc::resource_unavailable_try_again);
    EXPECT_EQ(std::error_code(resolver_errc::out_of_memory), std::errc::not_enough_memory);
    EXPECT_NE(code, std::error_code(resolver_errc::not_found));
}

BIDE_TEST(resolver, knows_no_addresses_of_unix_sockets) {
    const auto unix_sockets = bide::resolve_options().family(address_family::local);
    const auto wrong = co_await bide::as_result(bide::getaddrinfo("localhost", 80, unix_sockets));
    EXPECT_EQ(wrong.error(), resolver_errc::family_not_supported);
}

BIDE_TEST(resolver, addresses_have_names) {
    auto numbers = bide::name_options().numeric_host().numeric_service();
    auto name = co_await bide::getnameinfo(address::parse("127.0.0.1:80"), numbers);
    EXPECT_EQ(name.first, "127.0.0.1");
    EXPECT_EQ(name.second, "80");
    name = co_await bide::getnameinfo(address::parse("127.0.0.1:80"));
    EXPECT_EQ(name.first, "localhost");
    EXPECT_EQ(name.second, "http");
    const auto udp = bide::name_options().numeric_host().datagram();
    name = co_await bide::getnameinfo(address::parse("[::1]:69"), udp);
    EXPECT_EQ(name.first, "::1");
    EXPECT_EQ(name.second, "tftp");
    const auto wrong = co_await bide::as_result(bide::getnameinfo(address()));
    EXPECT_EQ(wrong.error(), resolver_errc::family_not_supported);
    EXPECT_TRUE(has(bide::describe_exception(wrong.exception()), "look up the name of unspecified"));
}

// --- look-ups that take long: the only thread that could perform them is busy ---

bide::coro<void> hold(bide_test::gate& until_open) {
    co_await bide::to_thread([&until_open] { until_open.wait(); });
}

template <class F>
bide::coro<void> with_busy_resolver(F body) {
    bide::thread_pool pool(1);
    bide::set_default_executor(pool);
    bide_test::gate end;
    auto busy = bide::create_task(hold(end));
    co_await bide::sleep(1ms);
    std::exception_ptr error;
    try {
        co_await body();
    } catch (...) { error = std::current_exception(); }
    end.open();
    co_await busy;
    if (error) std::rethrow_exception(error);
}

const auto real_time = bide::testing::test_options().real_time();

BIDE_TEST_WITH(section17, s26_a_cancelled_look_up_ends_at_once, real_time) {
    auto body = []() -> bide::coro<void> {
        auto looking = bide::create_task(bide::getaddrinfo("localhost", 1));
        auto naming = bide::create_task(bide::getnameinfo(address::parse("127.0.0.1:1")));
        co_await bide::sleep(1ms);
        looking.cancel();
        naming.cancel();
        const std::string first = co_await outcome(looking);
        const std::string second = co_await outcome(naming);
        EXPECT_EQ(first + " " + second, "cancelled cancelled");
    };
    co_await with_busy_resolver(body);
}

BIDE_TEST_WITH(resolver, a_look_up_that_takes_too_long_is_named, real_time) {
    auto body = []() -> bide::coro<void> {
        const auto soon = bide::resolve_options().timeout(5ms);
        std::string text = "(nothing was thrown)";
        try {
            co_await bide::getaddrinfo("localhost", 1, soon);
        } catch (const bide::timeout_error& e) { text = e.what(); }
        EXPECT_EQ(text, "look up 'localhost': no answer after 5 ms");
        const auto name_soon = bide::name_options().timeout(5ms);
        try {
            co_await bide::getnameinfo(address::parse("127.0.0.1:7"), name_soon);
        } catch (const bide::timeout_error& e) { text = e.what(); }
        EXPECT_EQ(text, "look up the name of 127.0.0.1:7: no answer after 5 ms");
        // Addresses in text need no thread.
        const addresses found = co_await bide::getaddrinfo("127.0.0.1", 1, soon);
        EXPECT_EQ(found.size(), 1U);
    };
    co_await with_busy_resolver(body);
}

BIDE_TEST_WITH(resolver, a_timeout_around_a_look_up_is_that_timeout, real_time) {
    auto body = []() -> bide::coro<void> {
        const auto late = bide::resolve_options().timeout(1h);
        std::string text = "(nothing was thrown)";
        try {
            co_await bide::wait_for(bide::getaddrinfo("localhost", 1, late), 5ms);
        } catch (const bide::timeout_error& e) { text = e.what(); }
        EXPECT_TRUE(has(text, "timed out after 5 ms"));
    };
    co_await with_busy_resolver(body);
}

TEST(resolver, cancelling_at_every_point_leaks_nothing) {
    bide::testing::cancel_everywhere(
        []() -> bide::coro<void> {
            const addresses found = co_await bide::getaddrinfo("localhost", 1);
            const auto name = co_await bide::getnameinfo(found.front());
            EXPECT_FALSE(name.first.empty());
        },
        [](std::uint64_t) {}, real_time);
}

}  // namespace
