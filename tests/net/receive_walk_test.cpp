// bide/net: random walks over connections: pauses, timeouts, an upgrade to TLS, descriptors that are used again.
#include <bide/create_connection.hpp>
#include <bide/timeout.hpp>

#include <random>

#include "net/transport_support.hpp"
#include "support/async_test.hpp"
#include "support/tls_certificates.hpp"
#include "support/tls_ends.hpp"

namespace {

using namespace std::chrono_literals;
using bide_test::certificates;
using bide_test::free_port;
using bide_test::hall;
using bide_test::make_recorder;
using bide_test::recorder;

// What a walk sends: no two places look alike.
class source {
public:
    explicit source(std::uint64_t seed) : random_(seed), id_(seed) {}

    std::size_t below(std::size_t limit) { return random_() % limit; }
    std::chrono::milliseconds pause() { return std::chrono::milliseconds(below(4)); }
    std::string next() {
        constexpr std::size_t most[] = {10, 10, 500, 600, 2000, 20'000};
        std::string piece(1 + below(most[below(std::size(most))]), '\0');
        for (char& each : piece) {
            each = static_cast<char>('a' + ((sent.size() + id_) * 2'654'435'761U >> 13U) % 26);
            sent += each;
        }
        return piece;
    }

    std::string sent;

private:
    std::mt19937_64 random_;
    std::uint64_t id_;
};

// Goes over to TLS at a '!'.
class reading : public recorder {
public:
    void data_received(std::string_view data) override {
        const bool last = data.ends_with('!');
        received += data.substr(0, data.size() - (last ? 1 : 0));
        if (!last) return;
        over.pause_reading();
        over.write("go ahead");
        bide::create_task(encrypt());
    }
    bide::coro<void> encrypt() {
        const bide::transport plain = over;
        over = co_await bide::start_tls(plain, certificates::get().server());
        arrived.set();
    }
};

void pause_or_resume(const bide::transport& over) {
    if (over.is_reading()) {
        over.pause_reading();
    } else {
        over.resume_reading();
    }
}

bide::coro<void> send(source& from, bide::transport over, bide::transport to) {
    const std::size_t pieces = from.below(30);
    for (std::size_t i = 0; i < pieces; ++i) {
        over.write(from.next());
        if (from.below(3) == 0) pause_or_resume(to);
        if (from.below(2) == 0) co_await bide::sleep(from.pause());
    }
    to.resume_reading();
}

bide::coro<void> walk(hall<reading>& house, source& from) {
    auto connecting = bide::create_connection(make_recorder, house.where());
    auto [plain, client] = co_await std::move(connecting);
    auto guest = co_await house.first();
    co_await send(from, plain, guest->over);
    bide::transport over = plain;
    if (from.below(3) != 0) {
        plain.write("!");
        co_await client->arrived.wait();
        auto options = bide_test::to_localhost();
        auto encrypting = bide::start_tls(plain, certificates::get().client(), options);
        over = co_await std::move(encrypting);
        co_await guest->arrived.wait();
        co_await send(from, over, guest->over);
    }
    over.close();
    co_await guest->gone.wait();
    co_await client->gone.wait();
    EXPECT_TRUE(guest->received == from.sent) << guest->received.size() << " of " << from.sent.size();
    house.guests.clear();
}

BIDE_TEST(receive_walk, of_a_transport_gets_every_byte_in_order) {
    hall<reading> house;
    co_await house.open();
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const ::testing::ScopedTrace trace(__FILE__, __LINE__, "seed " + std::to_string(seed));
        source from(seed);
        co_await walk(house, from);
    }
    co_await house.close();
}

bide::coro<void> dribble(source& from, bide::stream_writer& writer) {
    for (int i = 0; i < 60; ++i) {
        writer.write(from.next());
        co_await bide::sleep(from.pause());
    }
    co_await writer.drain();
    writer.close();
}

// Gives up again and again.
bide::coro<std::string> impatient(bide::stream_reader& reader, source& random, int& timeouts) {
    std::string all;
    std::string piece;
    for (;;) {
        try {
            const auto limit = random.pause();
            const std::size_t most = 1 + random.below(random.below(2) == 0 ? 30 : 3000);
            piece = co_await bide::wait_for(reader.read(most), limit);
        } catch (const bide::timeout_error&) {
            ++timeouts;
            continue;
        }
        if (piece.empty()) break;
        all += piece;
    }
    co_return all;
}

bide::coro<void> dribbling(bide_test::connection_ends ends, std::uint64_t seed) {
    source from(seed);
    source random(seed + 1000);
    int timeouts = 0;
    auto writing = bide::create_task(dribble(from, ends.client.writer));
    const std::string all = co_await impatient(ends.server.reader, random, timeouts);
    co_await writing;
    EXPECT_TRUE(all == from.sent) << all.size() << " of " << from.sent.size() << ", seed " << seed;
    EXPECT_GT(timeouts, 0);
    ends.server.writer.close();
    co_await ends.server.writer.wait_closed();
}

BIDE_TEST(receive_walk, with_timeouts_gets_every_byte_in_order) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        auto plain = dribbling(bide_test::plain_ends(), seed);
        co_await std::move(plain);
    }
}

BIDE_TEST(receive_walk, with_timeouts_over_tls_gets_every_byte_in_order) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        auto ends = co_await bide_test::tls_ends();
        auto encrypted = dribbling(std::move(ends), seed);
        co_await std::move(encrypted);
    }
}

}  // namespace
