// bide/net: a protocol with little memory that wants no more while a part of what has arrived is still to come.
#include <bide/create_connection.hpp>
#include <bide/testing/memory_stream.hpp>

#include <algorithm>
#include <functional>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/tls_certificates.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::certificates;
using bide_test::hall;
using bide_test::make_recorder;
using bide_test::recorder;
using events = recorder::events;

/// Memory for two bytes; `then` is what it does with each piece.
class narrow : public bide::buffered_protocol {
public:
    void connection_made(bide::transport connection) override { over = std::move(connection); }
    std::span<std::byte> get_buffer(std::size_t) override {
        EXPECT_TRUE(!over || over.is_reading());
        return memory;
    }
    void buffer_updated(std::size_t count) override {
        calls.push_back("data " + std::string(reinterpret_cast<const char*>(memory.data()), count));
        if (then) then();
    }
    bool eof_received() override {
        calls.emplace_back("eof");
        return false;
    }
    void connection_lost(std::exception_ptr) override {
        calls.emplace_back("lost");
        gone.set();
    }
    bide::transport over;
    std::vector<std::byte> memory = std::vector<std::byte>(2);
    events calls;
    std::function<void()> then;
    bide::event gone;
};

/// Meets a `narrow` over a connection, or over a stream that a task of the library's own receives from.
class visit {
public:
    bide::coro<void> open() {
        auto opening = house_.open();
        co_await std::move(opening);
        auto connecting = bide::open_connection(house_.where());
        bide::connection made = co_await std::move(connecting);
        peer.emplace(std::move(made.writer));
        guest = co_await house_.first();
    }
    bide::coro<void> open_in_memory() {
        auto [first, second, link] = bide::testing::memory_streams({}, {});
        peer.emplace(std::move(first.writer));
        guest = std::make_shared<narrow>();
        auto connecting = bide::detail::connect_protocol(second.writer.release(), guest);
        co_await std::move(connecting);
    }
    bide::coro<void> close() {
        co_await guest->gone.wait();
        if (house_.server) co_await house_.close();
    }
    std::optional<bide::stream_writer> peer;
    std::shared_ptr<narrow> guest;

private:
    hall<narrow> house_;
};

bide::coro<void> pauses_and_resumes(visit& it) {
    narrow& guest = *it.guest;
    guest.then = [&guest] { guest.over.pause_reading(); };
    it.peer->write("abcde");
    it.peer->close();
    co_await bide::sleep(1s);
    EXPECT_EQ(guest.calls, events{"data ab"});
    guest.over.resume_reading();
    EXPECT_EQ(guest.calls, events{"data ab"});  // not inside the call
    co_await bide::sleep(1s);
    const events two{"data ab", "data cd"};
    EXPECT_EQ(guest.calls, two);
    guest.then = {};
    guest.over.resume_reading();
    guest.over.pause_reading();
    co_await bide::sleep(1s);
    EXPECT_EQ(guest.calls, two);
    guest.over.resume_reading();
    guest.over.resume_reading();
    auto closing = it.close();
    co_await std::move(closing);
    const events all{"data ab", "data cd", "data e", "eof", "lost"};
    EXPECT_EQ(guest.calls, all);
}

/// Gives way to another one as soon as it is asked for memory.
class gives_way : public narrow {
public:
    std::span<std::byte> get_buffer(std::size_t) override {
        over.set_protocol(next);
        return memory;
    }
    std::shared_ptr<narrow> next = std::make_shared<narrow>();
};

BIDE_TEST(buffered_protocol, that_gives_way_when_it_is_asked_for_memory_is_given_nothing) {
    auto [first, second, link] = bide::testing::memory_streams({}, {});
    const auto guest = std::make_shared<gives_way>();
    const std::shared_ptr<narrow> next = guest->next;
    auto connecting = bide::detail::connect_protocol(second.writer.release(), guest);
    co_await std::move(connecting);
    first.writer.write("abc");
    first.writer.close();
    co_await next->gone.wait();
    EXPECT_EQ(guest->calls, events{});
    const events all{"data ab", "data c", "eof", "lost"};
    EXPECT_EQ(next->calls, all);
}

BIDE_TEST(buffered_protocol, that_pauses_is_given_nothing_until_it_resumes) {
    visit it;
    co_await it.open();
    co_await pauses_and_resumes(it);
}

BIDE_TEST(buffered_protocol, that_pauses_is_given_nothing_until_it_resumes_over_any_stream) {
    visit it;
    co_await it.open_in_memory();
    co_await pauses_and_resumes(it);
}

BIDE_TEST(buffered_protocol, that_gives_way_to_a_protocol_without_memory_leaves_it_the_rest) {
    visit it;
    co_await it.open();
    const auto next = std::make_shared<recorder>();
    const auto guest = it.guest;
    guest->then = [&] { guest->over.set_protocol(next); };
    it.peer->write("abcde");
    it.peer->close();
    co_await next->gone.wait();
    EXPECT_EQ(guest->calls, events{"data ab"});
    const events rest{"data cde", "eof", "lost"};
    EXPECT_EQ(next->calls, rest);
    guest->gone.set();
    co_await it.close();
}

BIDE_TEST(protocol, that_is_never_read_from_leaves_what_has_arrived_to_the_next) {
    visit it;
    co_await it.open();
    const auto next = std::make_shared<recorder>();
    const auto guest = it.guest;
    guest->over.set_protocol(std::make_shared<bide::stream_protocol>());
    it.peer->write("abcde");
    it.peer->close();
    co_await bide::sleep(1s);
    EXPECT_TRUE(guest->over.is_reading());
    guest->over.set_protocol(next);
    co_await next->gone.wait();
    const events all{"data abcde", "eof", "lost"};
    EXPECT_EQ(next->calls, all);
    guest->gone.set();
    co_await it.close();
}

BIDE_TEST(buffered_protocol, closes_with_the_rest_not_given) {
    visit it;
    co_await it.open();
    const auto guest = it.guest;
    guest->then = [&] { guest->over.pause_reading(); };
    it.peer->write("abcde");
    co_await bide::sleep(1s);
    guest->over.resume_reading();
    guest->over.abort();
    co_await it.close();
    const events all{"data ab", "lost"};
    EXPECT_EQ(guest->calls, all);
}

BIDE_TEST(buffered_protocol, may_be_paused_when_the_connection_is_closed_or_the_loop_ends) {
    hall<narrow> all;
    co_await all.open();
    auto peer = co_await bide::open_connection(all.where());
    auto other = co_await bide::open_connection(all.where());
    const std::shared_ptr<narrow> guest = co_await all.first();
    while (all.guests.size() < 2 || !all.guests.back()->over) co_await bide::sleep(0s);
    for (const auto& each : all.guests) each->then = [p = each.get()] { p->over.pause_reading(); };
    peer.writer.write("abcde");
    other.writer.write("abcde");
    co_await bide::sleep(1s);
    for (const auto& each : all.guests) each->over.resume_reading();
    guest->over.close();
    co_await guest->gone.wait();
    const events only{"data ab", "lost"};
    EXPECT_EQ(guest->calls, only);
}

// What a protocol that has paused for the switch was not given is ciphertext.
BIDE_TEST(buffered_protocol, starts_tls_with_what_it_was_not_given) {
    hall<narrow> house;
    co_await house.open();
    auto connecting = bide::create_connection(make_recorder, house.where());
    auto [plain, client] = co_await std::move(connecting);
    auto guest = co_await house.first();
    guest->over.pause_reading();
    plain.write("1");
    co_await bide::sleep(1s);
    plain.write("go");
    const auto host = bide::start_tls_options().server_hostname("localhost");
    auto encrypting = bide::create_task(bide::start_tls(plain, certificates::get().client(), host));
    co_await bide::sleep(1s);  // the first message of the handshake waits behind the text, and comes with it
    guest->then = [&guest] {
        if (guest->calls.back() == "data go") guest->over.pause_reading();
    };
    guest->over.resume_reading();
    co_await bide::sleep(1s);
    const events text{"data 1", "data go"};
    EXPECT_EQ(guest->calls, text);
    guest->then = {};
    const bide::transport safe_guest = co_await bide::start_tls(guest->over, certificates::get().server());
    const bide::transport safe_client = co_await encrypting;
    guest->over = safe_guest;
    safe_guest.write("hello");
    co_await client->arrived.wait();
    EXPECT_EQ(client->received, "hello");
    safe_client.write("abc");
    safe_client.close();
    co_await client->gone.wait();
    co_await guest->gone.wait();
    const events all{"data 1", "data go", "data ab", "data c", "eof", "lost"};
    EXPECT_EQ(guest->calls, all);
    co_await house.close();
}

}  // namespace
