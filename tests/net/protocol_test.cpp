// bide/net: what protocols are told, in which order, and what happens when they throw.
// bide-test: no-shuffle
#include <bide/protocol.hpp>

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

BIDE_TEST(protocol, is_told_of_a_connection_its_data_and_its_end_in_order) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    EXPECT_EQ(client->calls, events{"made"});
    EXPECT_EQ(over, client->over);
    auto guest = co_await house.first();
    over.write("one");
    co_await guest->arrived.wait();
    guest->over.write("two");
    co_await client->arrived.wait();
    over.write_eof();
    co_await client->gone.wait();
    co_await guest->gone.wait();
    const events server_side{"made", "data one", "eof", "lost"};
    const events client_side{"made", "data two", "eof", "lost"};
    EXPECT_EQ(guest->calls, server_side);
    EXPECT_EQ(client->calls, client_side);
    EXPECT_FALSE(over.get_protocol());
    EXPECT_TRUE(over.is_closing());
    co_await house.close();
}

BIDE_TEST(section17, s72_pause_writing_comes_inside_write_on_strictly_greater_and_resume_at_or_below_low) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    events all{"made"};
    for (int round = 0; round < 2; ++round) {
        co_await bide_test::fill(over, guest->over);
        EXPECT_EQ(client->calls, all);
        const std::size_t high = over.get_write_buffer_size() + 100;
        over.set_write_buffer_limits(high, 1000);
        over.write(std::string(100, 'x'));
        EXPECT_EQ(client->calls, all);  // as much as high is not too much
        over.write("y");
        all.emplace_back("pause");
        EXPECT_EQ(client->calls, all);
        over.write("z");
        EXPECT_EQ(client->calls, all);  // once
        client->resumed.clear();
        guest->over.resume_reading();
        co_await client->resumed.wait();
        EXPECT_LE(over.get_write_buffer_size(), 1000U);
        all.emplace_back("resume");
        EXPECT_EQ(client->calls, all);
    }
    over.close();
    co_await client->gone.wait();
    co_await house.close();
}

BIDE_TEST(section17, s72_a_slow_reader_pauses_the_writer_and_its_reading_resumes_it) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    guest->over.pause_reading();
    std::size_t written = 0;
    const std::string piece(64 * 1024, 'x');
    // A busy system may be late to take what it has room for, and writing resumes once more.
    do {
        while (client->calls.back() != "pause") {
            over.write(piece);
            written += piece.size();
            co_await bide::sleep(0s);
        }
        co_await bide::sleep(1s);
    } while (client->calls.back() != "pause");
    events all{"made"};
    while (all.size() < client->calls.size()) all.insert(all.end(), {"pause", "resume"});
    all.push_back("lost");
    client->resumed.clear();
    guest->over.resume_reading();
    co_await client->resumed.wait();
    over.close();
    co_await guest->gone.wait();
    EXPECT_EQ(guest->received.size(), written);
    EXPECT_EQ(client->calls, all);
    co_await house.close();
}

BIDE_TEST(section17, s73_a_true_result_of_eof_received_leaves_the_write_side_open) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    guest->stays_open = true;
    over.write("question");
    over.write_eof();
    EXPECT_THROW(over.write("more"), bide::invalid_state_error);
    over.write_eof();  // again: nothing
    co_await guest->ended.wait();
    co_await bide::sleep(1s);
    EXPECT_FALSE(guest->over.is_closing());
    EXPECT_FALSE(guest->over.is_reading());
    guest->over.write("answer");
    guest->over.close();
    co_await client->gone.wait();
    const events server_side{"made", "data question", "eof", "lost"};
    const events client_side{"made", "data answer", "eof", "lost"};
    EXPECT_EQ(guest->calls, server_side);
    EXPECT_EQ(client->calls, client_side);
    co_await house.close();
}

BIDE_TEST(section17, s74_connection_lost_comes_once_in_a_later_turn_and_is_the_last_call) {
    hall house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    over.close();
    EXPECT_TRUE(over.is_closing());
    EXPECT_EQ(client->calls, events{"made"});
    over.abort();
    over.close();
    EXPECT_EQ(client->calls, events{"made"});
    co_await client->gone.wait();
    co_await guest->gone.wait();
    guest->over.abort();
    co_await bide::sleep(1s);
    const events all{"made", "lost"};
    const events with_end{"made", "eof", "lost"};
    EXPECT_EQ(client->calls, all);
    EXPECT_EQ(guest->calls, with_end);
    over.write("dropped");
    over.resume_reading();
    co_await house.close();
}

// What the kernel holds already when the protocol is made.
BIDE_TEST(section17, s75_connection_made_precedes_data_that_has_arrived) {
    bide::socket listener(bide::address_family::ipv4);
    listener.bind(free_port());
    listener.listen();
    bide::socket peer(bide::address_family::ipv4);
    co_await peer.connect(listener.local_address());
    co_await peer.sendall("early");
    auto accepted = co_await listener.accept();
    auto connecting = bide::connect_accepted_socket(make_recorder, std::move(accepted.connection));
    auto [over, guest] = co_await std::move(connecting);
    EXPECT_EQ(guest->calls, events{"made"});
    co_await guest->arrived.wait();
    const events all{"made", "data early"};
    EXPECT_EQ(guest->calls, all);
    over.abort();
    co_await guest->gone.wait();
}

class shy : public recorder {
public:
    void connection_made(bide::transport connection) override {
        connection.pause_reading();
        recorder::connection_made(std::move(connection));
    }
};

BIDE_TEST(section17, s75_reading_that_is_paused_in_connection_made_does_not_begin) {
    hall<shy> house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    over.write("early");
    auto guest = co_await house.first();
    EXPECT_FALSE(guest->over.is_reading());
    co_await bide::sleep(1s);
    EXPECT_EQ(guest->calls, events{"made"});
    guest->over.resume_reading();
    EXPECT_EQ(guest->calls, events{"made"});  // not inside the call
    co_await guest->arrived.wait();
    over.abort();
    co_await guest->gone.wait();
    co_await house.close();
}

class sizes : public recorder {
public:
    void data_received(std::string_view data) override {
        per_call.push_back(data.size());
        total += data.size();
        ++calls_in_turn;
        arrived.set();
    }
    std::vector<std::size_t> per_call;
    std::size_t total = 0;
    int calls_in_turn = 0;
};

BIDE_TEST(section17, s79_one_read_of_at_most_256_kib_in_a_turn) {
    hall<sizes> house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    const std::size_t all = 8 * 1024 * 1024;
    over.write(std::string(all, 'x'));
    int most = 0;
    while (guest->total < all) {
        guest->calls_in_turn = 0;
        co_await bide::sleep(0s);
        most = std::max(most, guest->calls_in_turn);
    }
    EXPECT_LE(most, 1);
    EXPECT_LE(*std::max_element(guest->per_call.begin(), guest->per_call.end()), 256U * 1024);
    EXPECT_GT(*std::max_element(guest->per_call.begin(), guest->per_call.end()), 512U);
    over.close();
    co_await guest->gone.wait();
    co_await house.close();
}

// --- as the documentation has it ---

// [wait]
class slow_echo : public bide::protocol {
public:
    void connection_made(bide::transport transport) override { transport_ = transport; }
    void data_received(std::string_view data) override {
        bide::create_task(answer(transport_, std::string(data)));
    }

private:
    static bide::coro<void> answer(bide::transport transport, std::string data) {
        co_await bide::sleep(1s);
        transport.write(data);  // silently dropped if the connection is gone by now
    }

    bide::transport transport_;
};
// [/wait]

// [flow]
class counter : public bide::protocol {
public:
    void connection_made(bide::transport transport) override {
        transport_ = transport;
        write_on();
    }
    void pause_writing() override { paused_ = true; }
    void resume_writing() override {
        paused_ = false;
        write_on();
    }

private:
    void write_on() {
        while (!paused_ && next_ <= 1000000) transport_.write(std::to_string(next_++) + "\n");
        if (next_ > 1000000) transport_.close();
    }

    bide::transport transport_;
    bool paused_ = false;
    int next_ = 1;
};
// [/flow]

BIDE_TEST(protocol, may_create_a_task_for_what_has_to_wait) {
    hall<slow_echo> house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    over.write("hello");
    co_await client->arrived.wait();
    EXPECT_EQ(client->received, "hello");
    over.close();
    co_await house.close();
}

BIDE_TEST(protocol, that_stops_when_it_is_told_to_writes_any_amount_in_little_memory) {
    auto factory = [] { return std::make_shared<counter>(); };
    auto serving = bide::create_server(factory, free_port());
    const bide::server server = co_await std::move(serving);
    auto [reader, writer] = co_await bide::open_connection(server.sockets().front());
    co_await bide::sleep(1s);
    const std::string all = co_await reader.read();
    EXPECT_EQ(all.size(), 6888896U);
    EXPECT_TRUE(all.ends_with("\n999999\n1000000\n"));
    server.close();
    co_await server.wait_closed();
}

// --- what they throw ---

enum class place { made, data, eof, pause, resume, lost };

template <place where>
class thrower : public recorder {
public:
    void connection_made(bide::transport connection) override {
        recorder::connection_made(std::move(connection));
        fail_at(place::made);
    }
    void data_received(std::string_view data) override {
        recorder::data_received(data);
        fail_at(place::data);
    }
    bool eof_received() override {
        recorder::eof_received();
        fail_at(place::eof);
        return false;
    }
    void pause_writing() override {
        recorder::pause_writing();
        fail_at(place::pause);
    }
    void resume_writing() override {
        recorder::resume_writing();
        fail_at(place::resume);
    }
    void connection_lost(std::exception_ptr error) override {
        recorder::connection_lost(error);
        fail_at(place::lost);
    }

private:
    static void fail_at(place here) {
        if (here == where) throw std::runtime_error("mine");
    }
};

template <place where>
bide::coro<events> calls_of_a_thrower(std::string& reported) {
    const bide_test::report_log log(bide::get_running_loop());
    hall<thrower<where>> house;
    co_await house.open();
    auto [over, client] = co_await bide::create_connection(make_recorder, house.where());
    auto guest = co_await house.first();
    over.write("hello");
    co_await guest->arrived.wait();
    if (!guest->over.is_closing()) {
        co_await bide_test::fill(guest->over, over);
        guest->over.set_write_buffer_limits(0);
        over.resume_reading();
        co_await guest->resumed.wait();
    }
    over.write_eof();
    co_await guest->gone.wait();
    reported = log.text();
    co_await house.close();
    co_return guest->calls;
}

BIDE_TEST(protocol, what_connection_made_throws_is_reported_and_the_connection_stays) {
    std::string reported;
    const events calls = co_await calls_of_a_thrower<place::made>(reported);
    const events all{"made", "data hello", "pause", "resume", "eof", "lost"};
    EXPECT_EQ(calls, all);
    EXPECT_TRUE(has(reported, "connection_made()", "mine"));
}

BIDE_TEST(protocol, what_data_received_throws_is_reported_and_closes_the_connection) {
    std::string reported;
    const events calls = co_await calls_of_a_thrower<place::data>(reported);
    EXPECT_EQ(calls.size(), 3U);
    EXPECT_TRUE(has(calls.back(), "lost: ", "mine"));
    EXPECT_TRUE(has(reported, "data_received()", "closed", "mine"));
}

BIDE_TEST(protocol, what_eof_received_throws_is_reported_and_closes_the_connection) {
    std::string reported;
    const events calls = co_await calls_of_a_thrower<place::eof>(reported);
    EXPECT_EQ(calls.size(), 6U);
    EXPECT_TRUE(has(calls.back(), "lost: ", "mine"));
    EXPECT_TRUE(has(reported, "eof_received()", "closed", "mine"));
}

BIDE_TEST(protocol, what_pause_and_resume_writing_throw_is_reported_and_changes_nothing) {
    const events all{"made", "data hello", "pause", "resume", "eof", "lost"};
    std::string reported;
    const events paused = co_await calls_of_a_thrower<place::pause>(reported);
    EXPECT_EQ(paused, all);
    EXPECT_TRUE(has(reported, "pause_writing()", "mine"));
    const events resumed = co_await calls_of_a_thrower<place::resume>(reported);
    EXPECT_EQ(resumed, all);
    EXPECT_TRUE(has(reported, "resume_writing()", "mine"));
}

BIDE_TEST(protocol, what_connection_lost_throws_is_reported) {
    std::string reported;
    const events calls = co_await calls_of_a_thrower<place::lost>(reported);
    EXPECT_EQ(calls.back(), "lost");
    EXPECT_TRUE(has(reported, "connection_lost()", "mine"));
}

// --- memory of their own ---

class collector : public bide::buffered_protocol {
public:
    explicit collector(std::size_t room) : memory(room) {}
    void connection_made(bide::transport connection) override { over = std::move(connection); }
    std::span<std::byte> get_buffer(std::size_t) override { return memory; }
    void buffer_updated(std::size_t count) override {
        EXPECT_GT(count, 0U);
        EXPECT_LE(count, memory.size());
        largest = std::max(largest, count);
        received.append(reinterpret_cast<const char*>(memory.data()), count);
    }
    void connection_lost(std::exception_ptr error) override {
        why = error;
        gone.set();
    }
    bide::transport over;
    std::vector<std::byte> memory;
    std::string received;
    std::size_t largest = 0;
    std::exception_ptr why;
    bide::event gone;
};

bide::coro<std::size_t> collect(std::size_t room, std::size_t size) {
    std::shared_ptr<collector> guest;
    auto factory = [&guest, room] { return guest = std::make_shared<collector>(room); };
    auto serving = bide::create_server(factory, free_port());
    const bide::server server = co_await std::move(serving);
    auto [reader, writer] = co_await bide::open_connection(server.sockets().front());
    std::string sent(size, '\0');
    for (std::size_t i = 0; i < size; ++i) sent[i] = static_cast<char>('a' + i % 23);
    writer.write(sent);
    writer.close();
    while (!guest) co_await bide::sleep(0s);
    co_await guest->gone.wait();
    EXPECT_TRUE(guest->received == sent) << room << " " << size;
    server.close();
    co_await server.wait_closed();
    co_return guest->largest;
}

BIDE_TEST(buffered_protocol, gets_every_byte_whatever_the_size_of_its_memory) {
    for (const std::size_t room : {1U, 100U, 512U, 513U, 65536U, 1000000U}) {
        for (const std::size_t size : {1U, 511U, 512U, 513U, 5000U, 300000U}) {
            if (room == 1 && size > 5000) continue;
            co_await collect(room, size);
        }
    }
}

BIDE_TEST(buffered_protocol, large_memory_is_filled_by_few_calls) {
    const std::size_t largest = co_await collect(1000000, 4000000);
    EXPECT_GT(largest, 16U * 1024);
    EXPECT_LE(largest, 256U * 1024);
}

BIDE_TEST(buffered_protocol, empty_memory_is_an_error_that_closes_the_connection) {
    const bide_test::report_log log(bide::get_running_loop());
    std::shared_ptr<collector> guest;
    auto factory = [&guest] { return guest = std::make_shared<collector>(0); };
    auto serving = bide::create_server(factory, free_port());
    const bide::server server = co_await std::move(serving);
    auto [reader, writer] = co_await bide::open_connection(server.sockets().front());
    writer.write("hello");
    while (!guest) co_await bide::sleep(0s);
    co_await guest->gone.wait();
    EXPECT_TRUE(has(bide::describe_exception(guest->why), "get_buffer", "empty"));
    EXPECT_TRUE(has(log.text(), "get_buffer()"));
    server.close();
    co_await server.wait_closed();
}

}  // namespace
