// bide-test: once
// bide/net: addresses are parsed, printed, compared and refused.
#include <bide/address.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <stdexcept>
#include <unordered_set>
#include <vector>

#include "support/expect.hpp"

namespace {

using bide::address;
using bide::address_family;
using bide_test::has;
using bide_test::thrown;

std::string refusal(std::string_view text) {
    return thrown<std::invalid_argument>([&] { return address::parse(text); });
}

TEST(address, parses_and_prints_ipv4) {
    // [parse]
    const bide::address a = bide::address::parse("127.0.0.1:8080");
    EXPECT_EQ(a.family(), bide::address_family::ipv4);
    EXPECT_EQ(a.host(), "127.0.0.1");
    EXPECT_EQ(a.port(), 8080);
    EXPECT_EQ(a.with_port(80).to_string(), "127.0.0.1:80");
    // [/parse]
}

TEST(address, parses_and_prints_ipv6_with_scope) {
    EXPECT_EQ(address::parse("[::1]:80").to_string(), "[::1]:80");
    const address scoped = address::parse("[fe80::1%lo]:7");
    EXPECT_EQ(scoped.host(), "fe80::1%lo");
    EXPECT_NE(scoped.scope_id(), 0U);
    EXPECT_EQ(address::parse(scoped.to_string()), scoped);
    EXPECT_EQ(address::ip("fe80::1%" + std::to_string(scoped.scope_id()), 7), scoped);
    EXPECT_NE(address::ip("fe80::1", 7), scoped);
    const address no_such_interface = address::ip("fe80::1%999999", 7);
    EXPECT_EQ(no_such_interface.to_string(), "[fe80::1%999999]:7");
    EXPECT_EQ(address::parse(no_such_interface.to_string()), no_such_interface);
}

// RFC 5952, section 4 and 5.
TEST(address, prints_ipv6_in_its_one_recommended_form) {
    const std::pair<const char*, const char*> cases[] = {
        {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {"2001:DB8::A", "2001:db8::a"},
        {"0:0:0:0:0:0:0:0", "::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // a single zero is not left out
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // the longest run is
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // of equal ones, the first
        {"0:0:1:2:3:4:0:0", "::1:2:3:4:0:0"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"::ffff:c000:201", "::ffff:192.0.2.1"},
        {"::102:304", "::102:304"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    for (const auto& [text, expected] : cases) {
        const address a = address::ip(text, 1);
        EXPECT_EQ(a.host(), expected);
        EXPECT_EQ(address::ip(expected, 1), a);
    }
}

TEST(address, refuses_what_is_no_address) {
    for (const char* const text : {"",
                                   ":",
                                   "127.0.0.1",
                                   "127.0.0.1:",
                                   "127.0.0.1:65536",
                                   "127.0.0.1:-1",
                                   "127.0.0.1:+1",
                                   "127.0.0.1: 1",
                                   "127.0.0.1:1 ",
                                   " 127.0.0.1:1",
                                   "1.2.3:4",
                                   "1.2.3.4.5:6",
                                   "01.2.3.4:5",
                                   "256.1.1.1:1",
                                   "::1:80",
                                   "[::1]",
                                   "[::1]80",
                                   "[127.0.0.1]:1",
                                   "[::1%]:1",
                                   "[::1%0]:1",
                                   "[::1%nosuchinterface]:1",
                                   "[1.2.3.4%lo]:1",
                                   "1.2.3.4%lo:1",
                                   "example.org:80",
                                   "[]:1",
                                   "[::1:80",
                                   "[:::1]:1",
                                   "[1:2:3:4:5:6:7:8:9]:1",
                                   "[g::]:1",
                                   "[[::1]]:1",
                                   "path",
                                   "unix:"}) {
        EXPECT_FALSE(address::try_parse(text)) << text;
        EXPECT_EQ(address::try_parse(text).error(), std::errc::invalid_argument) << text;
        EXPECT_THROW(address::parse(text), std::invalid_argument) << text;
    }
    EXPECT_FALSE(address::try_parse(std::string_view("127.0.0.1\0:80", 13)));
    EXPECT_FALSE(address::try_ip(std::string_view("127.0.0.1\0", 10), 80));
    EXPECT_FALSE(address::try_ip(std::string_view("fe80::1%lo\0x", 12), 80));
    EXPECT_FALSE(address::try_parse(std::string_view("[fe80::1%lo\0]:80", 16)));
    EXPECT_FALSE(address::try_parse(std::string(1000, '1') + ":80"));
}

TEST(address, says_which_piece_is_wrong_and_how) {
    EXPECT_EQ(refusal("localhost:80"),
              "'localhost:80': 'localhost' is no IPv4 or IPv6 address (getaddrinfo() looks names up)");
    EXPECT_EQ(refusal("10.0.0.1:99999"),
              "'10.0.0.1:99999': '99999' is no port: a number from 0 to 65535 belongs there");
    EXPECT_EQ(refusal("[fe80::1%eth77]:80"),
              "'[fe80::1%eth77]:80': 'eth77' is no network interface of this machine");
    EXPECT_EQ(refusal("::1:80"), "'::1:80' needs brackets around the IPv6 address: [::1]:80");
    EXPECT_EQ(refusal("10.0.0.1"), "'10.0.0.1' is no address with a port; write 127.0.0.1:80 or [::1]:80");
    EXPECT_TRUE(
        has(thrown<std::invalid_argument>([] { return address::ip("here", 1); }), "'here' is no IPv4"));
    EXPECT_TRUE(
        has(thrown<std::invalid_argument>([] { return address::local(""); }), "''", "a path or @name"));
    EXPECT_TRUE(has(refusal("/" + std::string(107, 'x')), "107 bytes"));
}

TEST(address, local_paths_and_abstract_names) {
    EXPECT_EQ(address::local("/tmp/x").family(), address_family::local);
    EXPECT_EQ(address::local("/tmp/x").host(), "/tmp/x");
    EXPECT_EQ(address::local("/tmp/x").port(), 0);
    EXPECT_EQ(address::local("@name").host(), "@name");
    EXPECT_EQ(address::local(std::string_view("\0name", 5)), address::local("@name"));
    EXPECT_NE(address::local("@name"), address::local("@nam"));
    EXPECT_NE(address::local("@name"), address::local("name"));
    EXPECT_EQ(address::local("@").host(), "@");
    EXPECT_NO_THROW(address::local(std::string(107, 'x')));
    EXPECT_THROW(address::local(std::string(108, 'x')), std::invalid_argument);
    EXPECT_THROW(address::local(std::string_view("a\0b", 3)), std::invalid_argument);
    const std::string odd("@a\0b", 4);  // an abstract name may hold any byte
    EXPECT_EQ(address::local(odd).host(), odd);
}

TEST(address, local_addresses_are_read_as_they_are_printed) {
    EXPECT_EQ(address::parse("/run/x.sock"), address::local("/run/x.sock"));
    EXPECT_EQ(address::parse("./x"), address::local("./x"));
    EXPECT_EQ(address::parse("@x"), address::local("@x"));
    EXPECT_EQ(address::parse("unix:x"), address::local("x"));
    EXPECT_EQ(address::parse("unix:@x"), address::local("@x"));
    EXPECT_EQ(address::local("x").to_string(), "unix:x");
    EXPECT_EQ(address::local("unix:x").to_string(), "unix:unix:x");
    for (const char* const path : {"/a", "./a", "../a", "a", "@a", "@", "unix:a", "127.0.0.1:80", "[::1]:80"})
        EXPECT_EQ(address::parse(address::local(path).to_string()), address::local(path)) << path;
}

TEST(address, compares_and_hashes) {
    const address a = address::parse("10.0.0.1:1");
    const address b = address::parse("10.0.0.1:2");
    EXPECT_EQ(a, address::ip("10.0.0.1", 1));
    EXPECT_NE(a, b);
    EXPECT_EQ(a.with_port(2), b);
    EXPECT_EQ(address::local("/x").with_port(2), address::local("/x"));
    EXPECT_EQ(address::parse("[::1]:1").with_port(2), address::parse("[::1]:2"));
    EXPECT_NE(address::ip("::ffff:10.0.0.1", 1), a);  // the same machine, but not the same address
    EXPECT_EQ((std::set<address>{a, b, a}).size(), 2U);
    EXPECT_EQ((std::unordered_set<address>{a, b, a}).size(), 2U);
}

TEST(address, is_ordered_as_people_expect) {
    const std::vector<address> sorted = {
        address(),
        address::parse("10.0.0.1:9"),
        address::parse("10.0.0.1:80"),
        address::parse("10.0.0.1:443"),
        address::parse("10.0.0.2:1"),
        address::parse("192.168.0.1:1"),
        address::parse("[::1]:500"),
        address::parse("[fe80::1]:500"),
        address::parse("[fe80::1%1]:80"),
        address::parse("[fe80::1%1]:500"),
        address::parse("[fe80::1%2]:80"),
        address::local("@a"),
        address::local("/a"),
        address::local("/b"),
    };
    std::vector<address> mixed(sorted.rbegin(), sorted.rend());
    std::sort(mixed.begin(), mixed.end());
    EXPECT_EQ(mixed, sorted);
    for (const address& each : sorted) EXPECT_EQ(each <=> each, std::strong_ordering::equal);
}

TEST(address, any_and_loopback) {
    EXPECT_EQ(address::any(address_family::ipv4, 5).to_string(), "0.0.0.0:5");
    EXPECT_EQ(address::any(address_family::ipv6, 5).to_string(), "[::]:5");
    EXPECT_EQ(address::loopback(address_family::ipv4, 5).to_string(), "127.0.0.1:5");
    EXPECT_EQ(address::loopback(address_family::ipv6, 5).to_string(), "[::1]:5");
    EXPECT_TRUE(address::parse("127.9.9.9:1").is_loopback());
    EXPECT_TRUE(address::parse("[::1]:1").is_loopback());
    EXPECT_TRUE(address::local("/x").is_loopback());
    EXPECT_FALSE(address::parse("128.0.0.1:1").is_loopback());
    EXPECT_FALSE(address::parse("[::2]:1").is_loopback());
    EXPECT_FALSE(address().is_loopback());
}

TEST(address, unspecified_has_nothing) {
    const address none;
    EXPECT_EQ(none.family(), address_family::unspecified);
    EXPECT_EQ(none.host(), "");
    EXPECT_EQ(none.port(), 0);
    EXPECT_EQ(none.scope_id(), 0U);
    EXPECT_EQ(none.with_port(5), none);
    EXPECT_EQ(none.to_string(), "unspecified");
    EXPECT_EQ(none, address::from_native("", 0));
}

// Systems leave some bytes of their structures open; equal addresses are equal all the same.
TEST(address, from_native_settles_what_the_system_leaves_open) {
    sockaddr_in v4{};
    std::memset(&v4, 0xee, sizeof v4);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(80);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(address::from_native(&v4, sizeof v4), address::parse("127.0.0.1:80"));

    sockaddr_storage storage{};
    std::memcpy(&storage, &v4, sizeof v4);
    EXPECT_EQ(address::from_native(&storage, sizeof storage), address::parse("127.0.0.1:80"));

    sockaddr_un local{};
    std::memset(&local, 'x', sizeof local);
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, "/a", 3);
    EXPECT_EQ(address::from_native(&local, sizeof local), address::local("/a"));
    EXPECT_EQ(address::from_native(&local, offsetof(sockaddr_un, sun_path) + 2).host(), "/a");
    EXPECT_EQ(address::from_native(&local, sizeof(sa_family_t)).to_string(), "unnamed");

    const std::string longest(sizeof local.sun_path, 'p');  // without the NUL at its end
    std::memcpy(local.sun_path, longest.data(), longest.size());
    EXPECT_EQ(address::from_native(&local, sizeof local).host(), longest);
}

}  // namespace
