// bide/net: the handle of a connection: writing, limits, lifetime.
// bide-test: no-shuffle
#include <bide/transport.hpp>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::free_port;
using bide_test::hall;
using bide_test::has;
using bide_test::make_recorder;
using bide_test::recorder;
using events = recorder::events;

TEST(transport, an_empty_handle_says_so) {
    const bide::transport none;
    EXPECT_FALSE(none);
    EXPECT_TRUE(
        has(bide_test::thrown<bide::invalid_state_error>([&] { none.write("x"); }), "connection_made"));
}

BIDE_TEST(transport, limits_follow_asyncios_rules) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    EXPECT_EQ(over.get_write_buffer_limits().high, 64U * 1024);
    EXPECT_EQ(over.get_write_buffer_limits().low, 16U * 1024);
    over.set_write_buffer_limits(100);
    EXPECT_EQ(over.get_write_buffer_limits().low, 25U);
    over.set_write_buffer_limits({}, 100);
    EXPECT_EQ(over.get_write_buffer_limits().high, 400U);
    over.set_write_buffer_limits(0);
    EXPECT_EQ(over.get_write_buffer_limits().low, 0U);
    EXPECT_THROW(over.set_write_buffer_limits(10, 11), std::invalid_argument);
    over.set_write_buffer_limits();
    EXPECT_EQ(over.get_write_buffer_limits().high, 64U * 1024);
    auto guest = co_await house.first();
    co_await bide_test::fill(over, guest->over);
    over.set_write_buffer_limits(over.get_write_buffer_size() - 1);  // checked at once
    EXPECT_EQ(client->calls.back(), "pause");
    over.abort();
    guest->over.abort();
    co_await client->gone.wait();
    co_await house.close();
}

BIDE_TEST(transport, names_its_peer_also_when_the_connection_is_lost) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    const std::string peer = house.where().to_string();
    EXPECT_EQ(over.get_extra_info("peername"), peer);
    auto guest = co_await house.first();
    EXPECT_EQ(guest->over.get_extra_info("peername"), over.get_extra_info("sockname"));
    EXPECT_EQ(over.get_extra_info("no such thing", "none"), "none");
    over.abort();
    co_await client->gone.wait();
    EXPECT_EQ(over.get_extra_info("peername"), peer);
    co_await house.close();
}

BIDE_TEST(transport, lives_without_a_handle_until_the_connection_ends) {
    hall house;
    co_await house.open();
    std::weak_ptr<recorder> watched;
    auto [reader, writer] = co_await bide::open_connection(house.where());
    {
        auto guest = co_await house.first();
        house.guests.clear();
        guest->over = bide::transport();
        watched = guest;
    }
    writer.write("hello");
    co_await bide::sleep(1s);
    {
        const auto guest = watched.lock();
        EXPECT_TRUE(guest);
        if (guest) { EXPECT_EQ(guest->received, "hello"); }
    }
    writer.close();
    co_await house.close();
    co_await bide::sleep(1s);
    EXPECT_TRUE(watched.expired());
}

// A protocol that keeps its transport is a ring; connection_lost() opens it.
BIDE_TEST(transport, lets_go_of_its_protocol_after_the_end) {
    hall house;
    co_await house.open();
    std::weak_ptr<recorder> watched;
    {
        auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
        watched = client;
        over.close();
        co_await client->gone.wait();
        co_await bide::sleep(0s);
    }
    EXPECT_TRUE(watched.expired());
    co_await house.close();
}

class second : public recorder {};

class first : public recorder {
public:
    explicit first(std::shared_ptr<recorder> next) : next_(std::move(next)) {}
    ~first() override { *destroyed = true; }
    void data_received(std::string_view) override {
        over.set_protocol(next_);
        EXPECT_FALSE(*destroyed);  // until its call has returned
    }
    std::shared_ptr<bool> destroyed = std::make_shared<bool>(false);

private:
    std::shared_ptr<recorder> next_;
};

BIDE_TEST(transport, set_protocol_takes_effect_for_the_next_event) {
    const auto next = make_recorder();
    std::shared_ptr<bool> destroyed;
    auto factory = [&] {
        auto made = std::make_shared<first>(next);
        destroyed = made->destroyed;
        return made;
    };
    auto serving = bide::create_server(factory, free_port());
    const bide::server server = co_await std::move(serving);
    auto [reader, writer] = co_await bide::open_connection(server.sockets().front());
    writer.write("one");
    while (!destroyed || !*destroyed) co_await bide::sleep(0s);
    writer.write("two");
    co_await next->arrived.wait();
    writer.close();
    co_await next->gone.wait();
    const events all{"data two", "eof", "lost"};
    EXPECT_EQ(next->calls, all);
    server.close();
    co_await server.wait_closed();
}

BIDE_TEST(transport, pausing_keeps_what_arrives_and_both_calls_may_be_repeated) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    EXPECT_TRUE(guest->over.is_reading());
    guest->over.pause_reading();
    guest->over.pause_reading();
    EXPECT_FALSE(guest->over.is_reading());
    const std::string much(100000, 'x');
    over.write(much);
    over.write_eof();
    co_await bide::sleep(1s);
    EXPECT_EQ(guest->calls, events{"made"});
    guest->over.resume_reading();
    guest->over.resume_reading();
    co_await guest->gone.wait();
    EXPECT_TRUE(guest->received == much);
    EXPECT_EQ(guest->calls.back(), "lost");
    guest->over.pause_reading();  // harmless after the end
    guest->over.resume_reading();
    co_await house.close();
}

BIDE_TEST(transport, close_sends_what_is_buffered_and_abort_does_not) {
    hall house;
    co_await house.open();
    const std::string much(30000000, 'x');
    {
        auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
        auto guest = co_await house.first();
        over.write(much);
        over.close();
        over.write("dropped");
        co_await guest->gone.wait();
        EXPECT_TRUE(guest->received == much);
        co_await client->gone.wait();
    }
    house.guests.clear();
    {
        auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
        auto guest = co_await house.first();
        guest->over.pause_reading();
        over.write(much);
        over.abort();
        co_await client->gone.wait();
        EXPECT_FALSE(client->why);
        guest->over.resume_reading();
        co_await guest->gone.wait();
        EXPECT_LT(guest->received.size(), much.size());
    }
    co_await house.close();
}

BIDE_TEST(transport, a_reset_by_the_peer_is_the_reason_of_the_loss) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    over.write("unread");
    co_await bide::sleep(0s);
    guest->over.pause_reading();
    guest->over.abort();  // with unread bytes: the system resets the connection
    for (int i = 0; i < 100 && !over.is_closing(); ++i) {
        over.write("anybody there?");
        co_await bide::sleep(1ms);
    }
    co_await client->gone.wait();
    if (client->why) { EXPECT_TRUE(has(client->calls.back(), "lost: ")); }
    co_await house.close();
}

class restless : public recorder {
public:
    void data_received(std::string_view data) override {
        over.pause_reading();
        over.resume_reading();
        recorder::data_received(data);  // what it looks at must not have been overwritten
    }
};

BIDE_TEST(transport, resuming_inside_data_received_leaves_the_data_alone) {
    hall<restless> house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    std::string sent;
    for (int i = 0; i < 3000; ++i) sent += std::to_string(i);
    over.write(sent);
    over.close();
    co_await guest->gone.wait();
    EXPECT_EQ(guest->received, sent);
    co_await house.close();
}

bide::context_var<std::string> who(std::string("nobody"));

class asker : public recorder {
public:
    void data_received(std::string_view data) override {
        seen = who.get();
        in_a_task = static_cast<bool>(bide::current_task());
        recorder::data_received(data);
    }
    std::string seen;
    bool in_a_task = true;
};

BIDE_TEST(transport, callbacks_are_no_task_and_see_the_context_of_their_making) {
    hall house;
    co_await house.open();
    who.set("the maker");
    auto factory = [] { return std::make_shared<asker>(); };
    auto [over, client] = co_await bide::create_connection(factory, house.where());
    who.set("somebody else");
    auto guest = co_await house.first();
    guest->over.write("hello");
    co_await client->arrived.wait();
    EXPECT_EQ(client->seen, "the maker");
    EXPECT_FALSE(client->in_a_task);
    over.close();
    co_await house.close();
}

BIDE_TEST(transport, is_no_task_and_may_be_open_when_the_loop_ends) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    co_await bide::sleep(1s);                 // the task that accepted it has ended
    EXPECT_EQ(bide::all_tasks().size(), 2U);  // this one, and that of the test
    guest->over.pause_reading();
    over.write(std::string(20000000, 'x'));  // what cannot be sent must not keep the loop from closing either
    co_return;
}

}  // namespace
