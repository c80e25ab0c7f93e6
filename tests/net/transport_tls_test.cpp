// bide/net: transports over TLS, from the start or after a while.
#include <bide/create_connection.hpp>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/tls_certificates.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::certificates;
using bide_test::free_port;
using bide_test::hall;
using bide_test::has;
using bide_test::make_recorder;
using bide_test::outcome;
using bide_test::recorder;
using events = recorder::events;

bide::connection_options over_tls() {
    return bide::connection_options().tls(certificates::get().client()).server_hostname("localhost");
}
bide::start_tls_options to_localhost() { return bide::start_tls_options().server_hostname("localhost"); }

/// A server whose connections are encrypted from the start.
class safe_hall : public hall<> {
public:
    bide::coro<void> open_safely() {
        const auto factory = take_in();
        const auto options = bide::server_options().tls(certificates::get().server());
        auto opening = bide::create_server(factory, free_port(), options);
        server.emplace(co_await std::move(opening));
    }
};

BIDE_TEST(transport_tls, tells_both_ends_in_order) {
    safe_hall house;
    co_await house.open_safely();
    auto connecting = bide::create_connection(make_recorder, house.where(), over_tls());
    auto [over, client] = co_await std::move(connecting);
    auto guest = co_await house.first();
    over.write("one");
    co_await guest->arrived.wait();
    guest->over.write("two");
    co_await client->arrived.wait();
    EXPECT_FALSE(over.get_extra_info("cipher").empty());
    EXPECT_FALSE(over.can_write_eof());
    guest->stays_open = true;  // without effect
    over.close();
    EXPECT_EQ(client->calls.back(), "data two");
    co_await client->gone.wait();
    co_await guest->gone.wait();
    const events of_client{"made", "data two", "lost"};
    const events of_guest{"made", "data one", "eof", "lost"};
    EXPECT_EQ(client->calls, of_client);
    EXPECT_EQ(guest->calls, of_guest);
    co_await house.close();
}

BIDE_TEST(transport_tls, carries_much_in_both_directions_and_counts_what_is_unsent) {
    safe_hall house;
    co_await house.open_safely();
    auto connecting = bide::create_connection(make_recorder, house.where(), over_tls());
    auto [over, client] = co_await std::move(connecting);
    auto guest = co_await house.first();
    guest->over.pause_reading();
    const std::string much(20000000, 'x');
    over.write(much);
    EXPECT_EQ(client->calls.back(), "pause");
    guest->over.resume_reading();
    co_await client->resumed.wait();
    over.close();
    co_await guest->gone.wait();
    EXPECT_TRUE(guest->received == much);
    co_await client->gone.wait();
    co_await house.close();
}

BIDE_TEST(transport_tls, a_certificate_that_is_not_trusted_makes_no_protocol) {
    safe_hall house;
    co_await house.open_safely();
    bool made = false;
    const auto factory = [&made] {
        made = true;
        return std::make_shared<recorder>();
    };
    const auto options = over_tls().server_hostname("other.example");
    const std::string text = co_await outcome(bide::create_connection(factory, house.where(), options));
    EXPECT_TRUE(has(text, "other.example"));
    EXPECT_FALSE(made);
    EXPECT_TRUE(house.guests.empty());
    co_await house.close();
}

// --- after a while ---

// [starttls]
class mail_server : public recorder {
public:
    void data_received(std::string_view data) override {
        recorder::data_received(data);
        if (data != "STARTTLS") return;
        over.pause_reading();  // what comes next is ciphertext
        over.write("go ahead");
        bide::create_task(encrypt());
    }
    bide::coro<void> encrypt() {
        const bide::transport plain = over;
        over = co_await bide::start_tls(plain, certificates::get().server());
    }
};
// [/starttls]

bide::coro<void> talk(hall<mail_server>& house, std::shared_ptr<recorder>& client) {
    auto connecting = bide::create_connection(make_recorder, house.where());
    auto [plain, made] = co_await std::move(connecting);
    client = made;
    plain.write("STARTTLS");
    co_await client->arrived.wait();
    auto encrypting = bide::start_tls(plain, certificates::get().client(), to_localhost());
    const bide::transport over = co_await std::move(encrypting);
    EXPECT_THROW(plain.write("leak"), bide::invalid_state_error);
    EXPECT_TRUE(plain.is_closing());
    EXPECT_EQ(over.get_protocol(), client);
    over.write("secret");
    client->over = over;
}

BIDE_TEST(section17, s83_start_tls_lets_no_ciphertext_through_to_the_protocol) {
    hall<mail_server> house;
    co_await house.open();
    std::shared_ptr<recorder> client;
    co_await talk(house, client);
    auto guest = co_await house.first();
    while (guest->calls.size() < 3) co_await bide::sleep(0s);
    client->over.close();
    co_await guest->gone.wait();
    co_await client->gone.wait();
    const events of_guest{"made", "data STARTTLS", "data secret", "eof", "lost"};
    const events of_client{"made", "data go ahead", "lost"};
    EXPECT_EQ(guest->calls, of_guest);
    EXPECT_EQ(client->calls, of_client);
    co_await house.close();
}

BIDE_TEST(section17, s83_what_has_arrived_before_the_switch_is_ciphertext) {
    hall house;
    co_await house.open();
    auto connecting = bide::create_connection(make_recorder, house.where());
    auto [plain, client] = co_await std::move(connecting);
    auto guest = co_await house.first();
    guest->over.pause_reading();
    auto encrypting = bide::create_task(bide::start_tls(plain, certificates::get().client(), to_localhost()));
    co_await bide::sleep(1s);  // the first message of the handshake waits at the other end
    const bide::transport safe_guest = co_await bide::start_tls(guest->over, certificates::get().server());
    const bide::transport safe_client = co_await encrypting;
    safe_guest.write("hello");
    co_await client->arrived.wait();
    EXPECT_EQ(client->received, "hello");
    EXPECT_EQ(guest->calls, events{"made"});
    safe_client.close();
    co_await client->gone.wait();
    co_await guest->gone.wait();
    co_await house.close();
}

BIDE_TEST(start_tls_transport, a_handshake_that_fails_ends_the_connection_and_says_why) {
    hall<mail_server> house;
    co_await house.open();
    const bide_test::report_log log(bide::get_running_loop());  // the server's task fails as well
    auto connecting = bide::create_connection(make_recorder, house.where());
    auto [plain, client] = co_await std::move(connecting);
    plain.write("STARTTLS");
    co_await client->arrived.wait();
    const auto elsewhere = bide::start_tls_options().server_hostname("other.example");
    const std::string text =
        co_await outcome(bide::start_tls(plain, certificates::get().client(), elsewhere));
    EXPECT_TRUE(has(text, "other.example"));
    co_await client->gone.wait();
    EXPECT_TRUE(has(client->calls.back(), "lost: ", "other.example"));
    auto guest = co_await house.first();
    co_await guest->gone.wait();
    EXPECT_EQ(guest->calls.size(), 3U);
    co_await house.close();
}

BIDE_TEST(start_tls_transport, refuses_a_client_without_a_name_and_a_connection_that_is_closed) {
    hall house;
    co_await house.open();
    auto connecting = bide::create_connection(make_recorder, house.where());
    auto [plain, client] = co_await std::move(connecting);
    const std::string nameless = co_await outcome(bide::start_tls(plain, certificates::get().client()));
    EXPECT_TRUE(has(nameless, "server_hostname"));
    EXPECT_FALSE(plain.is_closing());
    EXPECT_TRUE(plain.is_reading());
    plain.close();
    const std::string closed =
        co_await outcome(bide::start_tls(plain, certificates::get().client(), to_localhost()));
    EXPECT_TRUE(has(closed, "closed"));
    co_await house.close();
}

BIDE_TEST(start_tls_transport, cancelled_it_closes_the_connection) {
    hall house;
    co_await house.open();
    auto connecting = bide::create_connection(make_recorder, house.where());
    auto [plain, client] = co_await std::move(connecting);
    auto encrypting = bide::create_task(bide::start_tls(plain, certificates::get().client(), to_localhost()));
    co_await bide::sleep(1s);  // nobody answers
    EXPECT_FALSE(encrypting.done());
    encrypting.cancel();
    co_await client->gone.wait();
    const events all{"made", "lost"};
    EXPECT_EQ(client->calls, all);
    const std::vector<bide::any_task> ending(1, encrypting);
    co_await bide::wait(ending);
    EXPECT_TRUE(encrypting.cancelled());
    house.server->close();
    house.server->abort_clients();
    co_await house.close();
}

TEST(start_tls_transport, cancelled_at_every_point_leaks_nothing) {
    static_cast<void>(certificates::get());
    bide::testing::cancel_everywhere(
        []() -> bide::coro<void> {
            const bide_test::report_log log(bide::get_running_loop());
            hall<mail_server> house;
            co_await house.open();
            std::shared_ptr<recorder> client;
            co_await talk(house, client);
            client->over.close();
            co_await client->gone.wait();
            co_await house.close();
        },
        [](std::uint64_t) {}, bide::testing::test_options().allow_tasks());
}

}  // namespace
