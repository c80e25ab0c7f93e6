// bide/net: datagrams and the protocols that they are given to.
#include <bide/datagram_transport.hpp>

#include <bide/bide.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using bide::address;
using bide::address_family;
using bide::datagram_endpoint_options;
using bide_test::has;
using bide_test::outcome;

class listener : public bide::datagram_protocol {
public:
    void connection_made(bide::datagram_transport endpoint) override {
        over = std::move(endpoint);
        calls.emplace_back("made");
    }
    void datagram_received(std::string_view data, const address& from) override {
        calls.push_back("got " + std::string(data));
        sender = from;
        arrived.set();
    }
    void error_received(const std::system_error& error) override {
        calls.emplace_back("error");
        code = error.code();
        text = error.what();
        arrived.set();
    }
    void pause_writing() override { calls.emplace_back("pause"); }
    void resume_writing() override {
        calls.emplace_back("resume");
        resumed.set();
    }
    void connection_lost(std::exception_ptr error) override {
        calls.emplace_back(error ? "lost with an error" : "lost");
        gone.set();
    }

    bide::datagram_transport over;
    std::vector<std::string> calls;
    address sender;
    std::error_code code;
    std::string text;
    bide::event arrived;
    bide::event resumed;
    bide::event gone;
};

using calls = std::vector<std::string>;

std::shared_ptr<listener> make_listener() { return std::make_shared<listener>(); }
datagram_endpoint_options here() {
    return datagram_endpoint_options().local_address(address::loopback(address_family::ipv4, 0));
}

BIDE_TEST(datagram_transport, carries_datagrams_both_ways_one_call_each) {
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, here());
    const auto to_a = datagram_endpoint_options().remote_address(a.local_address());
    auto [b, at_b] = co_await bide::create_datagram_endpoint(make_listener, to_a);
    EXPECT_EQ(at_b->calls, calls{"made"});
    b.sendto("ping");
    co_await at_a->arrived.wait();
    EXPECT_EQ(at_a->sender, b.local_address());
    at_a->over.sendto("pong", at_a->sender);
    co_await at_b->arrived.wait();
    at_a->arrived.clear();
    b.sendto("");
    co_await at_a->arrived.wait();
    a.close();
    b.close();
    EXPECT_TRUE(a.is_closing());
    EXPECT_EQ(at_a->calls.back(), "got ");  // connection_lost() is never called by close()
    co_await at_a->gone.wait();
    co_await at_b->gone.wait();
    const calls of_a{"made", "got ping", "got ", "lost"};
    const calls of_b{"made", "got pong", "lost"};
    EXPECT_EQ(at_a->calls, of_a);
    EXPECT_EQ(at_b->calls, of_b);
    EXPECT_FALSE(a.get_protocol());
    a.sendto("dropped", b.local_address());
}

// [echo]
class echo : public bide::datagram_protocol {
public:
    void connection_made(bide::datagram_transport endpoint) override { endpoint_ = endpoint; }
    void datagram_received(std::string_view data, const bide::address& from) override {
        endpoint_.sendto(data, from);
    }

private:
    bide::datagram_transport endpoint_;
};

bide::coro<bide::datagram_transport> open_echo() {
    const auto options = bide::datagram_endpoint_options().local_address(bide::address::parse("127.0.0.1:0"));
    const auto make_echo = [] { return std::make_shared<echo>(); };
    auto [transport, protocol] = co_await bide::create_datagram_endpoint(make_echo, options);
    co_return transport;
}
// [/echo]

BIDE_TEST(datagram_transport, echoes) {
    const bide::datagram_transport server = co_await open_echo();
    const auto to_server = datagram_endpoint_options().remote_address(server.local_address());
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, to_server);
    a.sendto("hello");
    co_await at_a->arrived.wait();
    EXPECT_EQ(at_a->calls.back(), "got hello");
    a.close();
    co_await at_a->gone.wait();
}

BIDE_TEST(datagram_transport, keeps_many_datagrams_apart_and_in_order) {
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, here());
    auto [b, at_b] = co_await bide::create_datagram_endpoint(make_listener, here());
    for (int i = 0; i < 50; ++i) b.sendto(std::to_string(i), a.local_address());
    while (at_a->calls.size() < 51) co_await bide::sleep(0s);
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(at_a->calls[static_cast<std::size_t>(i) + 1], "got " + std::to_string(i));
    a.abort();
    b.abort();
    co_await at_a->gone.wait();
    co_await at_b->gone.wait();
}

BIDE_TEST(datagram_transport, an_error_is_told_and_the_endpoint_stays_open) {
    bide::socket nobody(address_family::ipv4, bide::socket_type::datagram);
    nobody.bind(address::loopback(address_family::ipv4, 0));
    const address where = nobody.local_address();
    nobody.close();
    const auto to_nobody = datagram_endpoint_options().remote_address(where);
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, to_nobody);
    a.sendto("hello?");
    co_await at_a->arrived.wait();
    const calls told{"made", "error"};
    EXPECT_EQ(at_a->calls, told);
    EXPECT_EQ(at_a->code, std::errc::connection_refused);
    EXPECT_TRUE(has(at_a->text, a.local_address().to_string()));
    EXPECT_FALSE(a.is_closing());
    at_a->arrived.clear();
    bide::socket somebody(address_family::ipv4, bide::socket_type::datagram);
    somebody.bind(where);
    a.sendto("hello");
    const auto got = co_await somebody.recvfrom();
    EXPECT_EQ(got.data, "hello");
    a.close();
    co_await at_a->gone.wait();
}

BIDE_TEST(datagram_transport, checks_the_addresses) {
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, here());
    EXPECT_THROW(a.sendto("x"), std::invalid_argument);
    const auto to_a = datagram_endpoint_options().remote_address(a.local_address());
    auto [b, at_b] = co_await bide::create_datagram_endpoint(make_listener, to_a);
    b.sendto("x", a.local_address());
    EXPECT_THROW(b.sendto("x", b.local_address()), std::invalid_argument);
    EXPECT_EQ(b.get_extra_info("peername"), a.get_extra_info("sockname"));
    const datagram_endpoint_options none;
    const std::string nothing = co_await outcome(bide::create_datagram_endpoint(make_listener, none));
    EXPECT_TRUE(has(nothing, "a local address, a remote address or a family"));
    const auto two = here().remote_address(address::loopback(address_family::ipv6, 1));
    const std::string families = co_await outcome(bide::create_datagram_endpoint(make_listener, two));
    EXPECT_TRUE(has(families, "another family"));
    a.abort();
    b.abort();
    co_await at_a->gone.wait();
    co_await at_b->gone.wait();
}

// Unix datagrams are the ones that wait when the receiver is slow.
BIDE_TEST(datagram_transport, a_slow_receiver_pauses_the_sender) {
    const std::string name =
        "@bide-datagrams-" + std::to_string(reinterpret_cast<std::uintptr_t>(&make_listener));
    bide::socket slow(address_family::local, bide::socket_type::datagram);
    slow.bind(address::local(name));
    const auto to_slow = datagram_endpoint_options().remote_address(address::local(name));
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, to_slow);
    a.set_write_buffer_limits(1000, 100);
    int sent = 0;
    while (at_a->calls.back() != "pause" && sent < 100000) {
        a.sendto(std::to_string(sent++));
        co_await bide::sleep(0s);
    }
    EXPECT_EQ(at_a->calls.back(), "pause");
    EXPECT_GT(a.get_write_buffer_size(), 1000U);
    a.close();  // sends what is queued first
    for (int i = 0; i < sent; ++i) {
        const auto got = co_await slow.recvfrom();
        EXPECT_EQ(got.data, std::to_string(i));
    }
    co_await at_a->gone.wait();
    const calls all{"made", "pause", "resume", "lost"};
    EXPECT_EQ(at_a->calls, all);
}

// The receiver of a socket that is not connected has no room, and the system offers no way to wait for that.
BIDE_TEST(datagram_transport, a_slow_receiver_that_is_named_each_time_gets_all) {
    const std::string name = "@bide-datagrams3-" + std::to_string(::getpid());
    bide::socket slow(address_family::local, bide::socket_type::datagram);
    slow.bind(address::local(name));
    const auto unnamed = datagram_endpoint_options().family(address_family::local);
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, unnamed);
    a.set_write_buffer_limits(1000, 100);
    int sent = 0;
    while (at_a->calls.back() == "made" && sent < 100000) {
        a.sendto(std::to_string(sent++), address::local(name));
        co_await bide::sleep(0s);
    }
    EXPECT_EQ(at_a->calls.back(), "pause") << at_a->text;
    a.close();  // sends what is queued first
    for (int i = 0; i < sent && at_a->calls.back() != "error"; ++i) {
        const auto got = co_await slow.recvfrom();
        EXPECT_EQ(got.data, std::to_string(i));
    }
    co_await at_a->gone.wait();
    const calls all{"made", "pause", "resume", "lost"};
    EXPECT_EQ(at_a->calls, all);
}

// It waits for room that never comes, and is dropped while it does.
BIDE_TEST(datagram_transport, may_be_aborted_while_a_receiver_has_no_room) {
    const std::string name = "@bide-datagrams4-" + std::to_string(::getpid());
    bide::socket slow(address_family::local, bide::socket_type::datagram);
    slow.bind(address::local(name));
    const auto unnamed = datagram_endpoint_options().family(address_family::local);
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, unnamed);
    for (int i = 0; i < 1000; ++i) a.sendto("more than fits", address::local(name));
    co_await bide::sleep(1s);
    EXPECT_GT(a.get_write_buffer_size(), 0U);
    a.close();
    co_await bide::sleep(1s);
    EXPECT_TRUE(at_a->over);
    a.abort();
    co_await at_a->gone.wait();
    const calls all{"made", "lost"};
    EXPECT_EQ(at_a->calls, all);
    a.sendto("too late", address::local(name));
}

class thrower : public listener {
public:
    void datagram_received(std::string_view data, const address& from) override {
        listener::datagram_received(data, from);
        throw std::runtime_error("mine");
    }
};

BIDE_TEST(datagram_transport, what_datagram_received_throws_is_reported_and_the_endpoint_stays) {
    const bide_test::report_log log(bide::get_running_loop());
    auto factory = [] { return std::make_shared<thrower>(); };
    auto [a, at_a] = co_await bide::create_datagram_endpoint(factory, here());
    auto [b, at_b] = co_await bide::create_datagram_endpoint(make_listener, here());
    b.sendto("one", a.local_address());
    b.sendto("two", a.local_address());
    while (at_a->calls.size() < 3) co_await bide::sleep(0s);
    EXPECT_TRUE(has(log.text(), "datagram_received()", "mine", "mine"));
    EXPECT_FALSE(a.is_closing());
    a.abort();
    b.abort();
    co_await at_a->gone.wait();
    co_await at_b->gone.wait();
}

BIDE_TEST(datagram_transport, over_a_socket_that_was_made_elsewhere) {
    bide::socket made(address_family::ipv4, bide::socket_type::datagram);
    made.bind(address::loopback(address_family::ipv4, 0));
    auto opening = bide::create_datagram_endpoint(make_listener, std::move(made));
    auto [a, at_a] = co_await std::move(opening);
    a.sendto("myself", a.local_address());
    co_await at_a->arrived.wait();
    EXPECT_EQ(at_a->calls.back(), "got myself");
    a.close();
    co_await at_a->gone.wait();
}

BIDE_TEST(datagram_transport, leaves_the_path_to_who_receives_there_and_replaces_a_file_that_nobody_owns) {
    const bide_test::temp_folder folder;
    const address path = address::local(folder.file("a"));
    const auto there = datagram_endpoint_options().local_address(path);
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, there);
    const std::string text = co_await outcome(bide::create_datagram_endpoint(make_listener, there));
    EXPECT_TRUE(has(text, "bind " + path.host() + ": Address already in use")) << text;
    const auto to_a = datagram_endpoint_options().remote_address(path);
    auto [b, at_b] = co_await bide::create_datagram_endpoint(make_listener, to_a);
    b.sendto("still there?");
    co_await bide::sleep(1s);
    EXPECT_EQ(at_a->calls.back(), "got still there?");
    a.close();
    co_await at_a->gone.wait();
    auto [c, at_c] = co_await bide::create_datagram_endpoint(make_listener, there);
    b.close();
    c.close();
    co_await at_b->gone.wait();
    co_await at_c->gone.wait();
}

BIDE_TEST(datagram_transport, may_be_open_when_the_loop_ends) {
    const std::string name =
        "@bide-datagrams2-" + std::to_string(reinterpret_cast<std::uintptr_t>(&make_listener));
    bide::socket slow(address_family::local, bide::socket_type::datagram);
    slow.bind(address::local(name));
    const auto to_slow = datagram_endpoint_options().remote_address(address::local(name));
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, to_slow);
    for (int i = 0; i < 10000; ++i) a.sendto("more than fits");
    co_await bide::sleep(0s);
    EXPECT_GT(a.get_write_buffer_size(), 0U);
}

BIDE_TEST(datagram_transport, may_wait_for_a_receiver_when_the_loop_ends) {
    const std::string name = "@bide-datagrams5-" + std::to_string(::getpid());
    bide::socket slow(address_family::local, bide::socket_type::datagram);
    slow.bind(address::local(name));
    const auto unnamed = datagram_endpoint_options().family(address_family::local);
    auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, unnamed);
    for (int i = 0; i < 1000; ++i) a.sendto("more than fits", address::local(name));
    co_await bide::sleep(1s);
    EXPECT_GT(a.get_write_buffer_size(), 0U);
}

TEST(datagram_transport, cancelled_at_every_point_leaks_nothing) {
    bide::testing::cancel_everywhere(
        []() -> bide::coro<void> {
            auto [a, at_a] = co_await bide::create_datagram_endpoint(make_listener, here());
            const auto to_a = datagram_endpoint_options().remote_address(a.local_address());
            auto [b, at_b] = co_await bide::create_datagram_endpoint(make_listener, to_a);
            b.sendto("ping");
            co_await at_a->arrived.wait();
            a.close();
            b.close();
            co_await at_a->gone.wait();
            co_await at_b->gone.wait();
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
}

}  // namespace
