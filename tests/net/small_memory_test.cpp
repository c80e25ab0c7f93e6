// bide/net: buffered protocols whose memory holds less than what arrives at once.
#include <bide/create_connection.hpp>
#include <bide/start_tls.hpp>

#include "support/async_test.hpp"
#include "support/tls_ends.hpp"
#include "transport_support.hpp"

#include <array>
#include <functional>

namespace {

using namespace std::chrono_literals;
using bide_test::certificates;
using bide_test::hall;
using bide_test::recorder;

class four_bytes : public bide::buffered_protocol {
public:
    void connection_made(bide::transport connection) override { over = std::move(connection); }
    std::span<std::byte> get_buffer(std::size_t) override {
        EXPECT_TRUE(over.is_reading());
        return memory;
    }
    void buffer_updated(std::size_t count) override {
        received.append(reinterpret_cast<const char*>(memory.data()), count);
        if (then) then();
    }
    bool eof_received() override {
        ended.set();
        return false;
    }
    void connection_lost(std::exception_ptr) override { gone.set(); }

    bide::transport over;
    std::array<std::byte, 4> memory{};
    std::string received;
    std::function<void()> then;
    bide::event ended;
    bide::event gone;
};

bide::coro<void> next_turns() {
    for (int i = 0; i < 10; ++i) co_await bide::sleep(1ms);
}

BIDE_TEST(small_memory, a_pause_holds_what_has_arrived_already) {
    hall<four_bytes> all;
    co_await all.open();
    auto peer = co_await bide::open_connection(all.where());
    const std::shared_ptr<four_bytes> guest = co_await all.first();
    guest->then = [p = guest.get()] { p->over.pause_reading(); };
    peer.writer.write("0123456789");
    peer.writer.close();
    for (const char* const expected : {"0123", "01234567", "0123456789"}) {
        co_await next_turns();
        EXPECT_EQ(guest->received, expected);
        EXPECT_FALSE(guest->ended.is_set());
        guest->over.resume_reading();
        EXPECT_EQ(guest->received, expected);  // not inside the call
    }
    co_await guest->gone.wait();
    EXPECT_TRUE(guest->ended.is_set());
    co_await all.close();
}

BIDE_TEST(small_memory, what_is_left_goes_to_the_next_protocol) {
    hall<four_bytes> all;
    co_await all.open();
    auto peer = co_await bide::open_connection(all.where());
    const std::shared_ptr<four_bytes> guest = co_await all.first();
    const auto next = std::make_shared<recorder>();
    guest->then = [p = guest.get(), next] { p->over.set_protocol(next); };
    peer.writer.write("0123456789");
    peer.writer.close();
    co_await next->gone.wait();
    EXPECT_EQ(guest->received, "0123");
    EXPECT_EQ(next->received, "456789");
    guest->then = nullptr;
    co_await all.close();
}

BIDE_TEST(small_memory, may_be_paused_when_the_connection_is_closed_or_the_loop_ends) {
    hall<four_bytes> all;
    co_await all.open();
    auto peer = co_await bide::open_connection(all.where());
    auto other = co_await bide::open_connection(all.where());
    const std::shared_ptr<four_bytes> guest = co_await all.first();
    while (all.guests.size() < 2 || !all.guests.back()->over) co_await bide::sleep(0s);
    for (const auto& each : all.guests) each->then = [p = each.get()] { p->over.pause_reading(); };
    peer.writer.write("0123456789");
    other.writer.write("0123456789");
    co_await next_turns();
    for (const auto& each : all.guests) each->over.resume_reading();
    guest->over.close();
    co_await guest->gone.wait();
    EXPECT_EQ(guest->received, "0123");
}

// The client says "TLS\n" and begins at once; both are received together.
BIDE_TEST(small_memory, what_is_left_belongs_to_the_handshake) {
    hall<four_bytes> all;
    co_await all.open();
    auto plain = co_await bide::open_connection(all.where());
    const std::shared_ptr<four_bytes> guest = co_await all.first();
    guest->then = [p = guest.get()] {
        if (p->received.ends_with('\n')) p->over.pause_reading();
    };
    guest->over.pause_reading();
    plain.writer.write("say\n");
    co_await next_turns();
    plain.writer.write("TLS\n");
    auto client = bide::create_task(
        bide::start_tls(std::move(plain), certificates::get().client(), bide_test::to_localhost()));
    for (const char* const expected : {"say\n", "say\nTLS\n"}) {
        co_await next_turns();
        guest->over.resume_reading();
        co_await next_turns();
        EXPECT_EQ(guest->received, expected);
    }
    bide::transport over = co_await bide::start_tls(guest->over, certificates::get().server());
    guest->over = over;
    auto secure = co_await client;
    over.resume_reading();
    secure.writer.write("first");
    secure.writer.close();
    co_await guest->gone.wait();
    EXPECT_EQ(guest->received, "say\nTLS\nfirst");
    co_await all.close();
}

}  // namespace
