// bide/loop: a loop inside another loop, which is a poll(2) here.
// bide-test: no-shuffle
#include "loop/loop_support.hpp"

#include <poll.h>

#include <atomic>
#include <optional>
#include <thread>

#include <bide/bide.hpp>

namespace loop_tests {

namespace {

constexpr auto long_enough = 60s;  // a test that works never waits that long

bool is_readable(int fd, int milliseconds = 0) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&one, 1, milliseconds) == 1;
}

bool is_due(bide::event_loop& loop) {
    const auto deadline = loop.next_deadline();
    return deadline && *deadline <= loop.time();
}

// The loop of somebody else: as little as it can be.
class poll_loop {
public:
    explicit poll_loop(bide::event_loop& guest) : guest_(guest), fd_(guest.poll_descriptor()) {}

    template <class Done>
    bool run_until(Done done) {
        const auto end = guest_.time() + long_enough;
        while (!done()) {
            if (guest_.time() > end) return false;
            int wait = 60'000;
            if (const auto deadline = guest_.next_deadline()) {
                const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - guest_.time());
                wait = left.count() < 0 ? 0 : static_cast<int>(left.count());
            }
            is_readable(fd_, wait);
            guest_.run_ready();
            ++turns;
        }
        return true;
    }
    [[nodiscard]] int fd() const { return fd_; }
    int turns = 0;

private:
    bide::event_loop& guest_;
    int fd_;
};

TEST(embedding, callbacks_and_timers_run_in_order) {
    bide::event_loop loop;
    poll_loop host(loop);
    log seen;
    loop.call_later(20ms, [&] { seen.push_back("later"); });
    loop.call_later(1ms, [&] { seen.push_back("sooner"); });
    loop.call_soon([&] { seen.push_back("soon"); });
    EXPECT_TRUE(host.run_until([&] { return seen.size() == 3; }));
    EXPECT_EQ(seen, (log{"soon", "sooner", "later"}));
    EXPECT_EQ(loop.next_deadline(), std::nullopt);
}

TEST(embedding, an_idle_loop_is_quiet) {
    bide::event_loop loop;
    const poll_loop host(loop);
    loop.run_ready();
    EXPECT_EQ(loop.next_deadline(), std::nullopt);
    EXPECT_FALSE(is_readable(host.fd()));
    EXPECT_FALSE(loop.is_running());
}

TEST(embedding, a_descriptor_wakes_the_host) {
    bide::event_loop loop;
    poll_loop host(loop);
    fd_pair pair = make_sockets();
    std::string read;
    loop.add_reader(pair.a.get(), [&] { read += read_from(pair.a.get()); });
    loop.run_ready();
    EXPECT_EQ(loop.next_deadline(), std::nullopt);
    EXPECT_FALSE(is_readable(host.fd()));
    write_to(pair.b.get(), "abc");
    EXPECT_TRUE(is_readable(host.fd(), 60'000));
    EXPECT_TRUE(host.run_until([&] { return read == "abc"; }));
    loop.run_ready();
    loop.run_ready();
    EXPECT_EQ(loop.next_deadline(), std::nullopt);
    EXPECT_FALSE(is_readable(host.fd()));
    EXPECT_TRUE(loop.remove_reader(pair.a.get()));
}

TEST(embedding, another_thread_wakes_the_host) {
    bide::event_loop loop;
    poll_loop host(loop);
    bool called = false;
    loop.run_ready();
    EXPECT_EQ(loop.next_deadline(), std::nullopt);
    std::atomic<bool> waiting{false};
    std::thread other([&] {
        while (!waiting) std::this_thread::yield();
        for (int i = 0; i < 1000; ++i)
            std::this_thread::yield();  // so that the host sleeps already, most of the time
        loop.call_soon_threadsafe([&] { called = true; });
    });
    waiting = true;
    EXPECT_TRUE(is_readable(host.fd(), 60'000));
    EXPECT_TRUE(host.run_until([&] { return called; }));
    other.join();
    loop.run_ready();  // takes the wake-up back
    EXPECT_EQ(loop.next_deadline(), std::nullopt);
    EXPECT_FALSE(is_readable(host.fd()));
}

// What comes while the host sleeps ends its sleep; on some kernels a ring's descriptor would not (DEFER_TASKRUN).
TEST(embedding, what_comes_in_during_the_sleep_ends_it) {
    bide::event_loop loop;
    poll_loop host(loop);
    fd_pair pair = make_sockets();
    int rounds = 0;
    loop.add_reader(pair.a.get(), [&] { rounds += static_cast<int>(read_from(pair.a.get()).size()); });
    std::thread other([&] {
        for (int i = 0; i < 20; ++i) {
            std::this_thread::sleep_for(1ms);  // not to wait for anything, but to let the host fall asleep
            write_to(pair.b.get(), "x");
        }
    });
    EXPECT_TRUE(host.run_until([&] { return rounds == 20; }));
    other.join();
    EXPECT_TRUE(loop.remove_reader(pair.a.get()));
}

TEST(embedding, many_wake_ups_are_all_seen) {
    bide::event_loop loop;
    poll_loop host(loop);
    constexpr int calls = 20'000;
    int called = 0;
    std::thread other([&] {
        for (int i = 0; i < calls; ++i) loop.call_soon_threadsafe([&] { ++called; });
    });
    EXPECT_TRUE(host.run_until([&] { return called == calls; }));
    other.join();
}

TEST(embedding, what_is_ready_before_the_first_turn_is_seen) {
    bide::event_loop loop;
    bool called = false;
    loop.call_soon([&] { called = true; });
    const int fd = loop.poll_descriptor();
    EXPECT_TRUE(is_readable(fd));
    EXPECT_TRUE(is_due(loop));
    loop.run_ready();
    EXPECT_TRUE(called);
}

TEST(embedding, what_the_host_makes_ready_is_due_at_once) {
    bide::event_loop loop;
    const poll_loop host(loop);
    loop.run_ready();
    EXPECT_EQ(loop.next_deadline(), std::nullopt);
    loop.call_soon([] {});
    EXPECT_TRUE(is_due(loop));
    loop.run_ready();
    loop.call_later(1h, [] {});
    EXPECT_TRUE(loop.next_deadline().has_value());
}

TEST(embedding, one_turn_runs_what_was_ready_when_it_began) {
    bide::event_loop loop;
    log seen;
    loop.call_soon([&] {
        seen.push_back("first");
        loop.call_soon([&] { seen.push_back("second"); });
    });
    loop.run_ready();  // without poll_descriptor(): once a frame, say
    EXPECT_EQ(seen, log{"first"});
    loop.run_ready();
    EXPECT_EQ(seen, (log{"first", "second"}));
}

TEST(embedding, tasks_threads_and_sockets_work) {
    bide::event_loop loop;
    poll_loop host(loop);
    std::string reply;
    auto work = bide::create_task(loop, [&]() -> bide::coro<void> {
        const auto echo = [](bide::stream_reader reader, bide::stream_writer writer) -> bide::coro<void> {
            while (auto line = co_await reader.next_line()) {
                writer.write(*line);
                co_await writer.drain();
            }
        };
        auto server = co_await bide::start_server(echo, "127.0.0.1", 0);
        auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port());
        for (int i = 0; i < 100; ++i) {
            writer.write("line " + std::to_string(i) + "\n");
            co_await writer.drain();
            reply = co_await reader.readline();
        }
        const int answer = co_await bide::to_thread([] { return 42; });
        reply += std::to_string(answer);
        co_await bide::sleep(1ms);
        writer.close();
        co_await writer.wait_closed();
        server.close();
        co_await server.wait_closed();
    });
    EXPECT_TRUE(host.run_until([&] { return work.done(); }));
    work.result();
    EXPECT_EQ(reply, "line 99\n42");
}

// The host's own callback wakes a task: nothing the operating system could tell of.
TEST(embedding, a_future_set_by_the_host_wakes_its_task) {
    bide::event_loop loop;
    poll_loop host(loop);
    auto value = bide::create_future<int>(loop);
    int got = 0;
    auto work = bide::create_task(loop, [&]() -> bide::coro<void> { got = co_await value; });
    loop.run_ready();
    EXPECT_EQ(loop.next_deadline(), std::nullopt);
    value.set_result(7);
    EXPECT_TRUE(host.run_until([&] { return work.done(); }));
    EXPECT_EQ(got, 7);
}

TEST(embedding, may_be_run_to_an_end_afterwards) {
    bide::runner runner;
    bide::event_loop& loop = runner.get_loop();
    poll_loop host(loop);
    bool cancelled = false;
    bool began = false;
    auto work = bide::create_task(loop, [&]() -> bide::coro<void> {
        began = true;
        try {
            co_await bide::sleep(1h);
        } catch (const bide::cancelled_error&) {
            cancelled = true;
            throw;
        }
    });
    EXPECT_TRUE(host.run_until([&] { return began; }));
    runner.close();
    EXPECT_TRUE(cancelled);
    EXPECT_TRUE(work.cancelled());
}

TEST(embedding, stop_does_nothing_in_a_turn) {
    bide::event_loop loop;
    bool called = false;
    loop.call_soon([&] { loop.stop(); });
    loop.run_ready();
    loop.call_soon([&] { called = true; });
    loop.run_ready();
    EXPECT_TRUE(called);
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
}

TEST(embedding, a_task_that_nothing_can_wake_is_no_deadlock) {
    bide::event_loop loop;
    bide::event never;
    auto work = bide::create_task(loop, [&]() -> bide::coro<void> { co_await never.wait(); });
    for (int i = 0; i < 10; ++i) loop.run_ready();
    EXPECT_FALSE(work.done());
    never.set();
    loop.run_ready();
    EXPECT_TRUE(work.done());
}

TEST(embedding, misuse_says_what_is_wrong) {
    bide::event_loop loop;
    std::string inside;
    loop.call_soon([&] { inside = thrown<bide::invalid_state_error>([&] { loop.run_ready(); }); });
    loop.run_ready();
    EXPECT_EQ(inside, "run_ready: this event loop is already running");
    std::string elsewhere;
    std::thread([&] {
        elsewhere = thrown<bide::invalid_state_error>([&] { (void)loop.poll_descriptor(); });
    }).join();
    EXPECT_EQ(elsewhere, "poll_descriptor: this event loop belongs to the thread that ran it first; "
                         "make one loop for each thread");
    loop.close();
    EXPECT_EQ(thrown<bide::invalid_state_error>([&] { (void)loop.next_deadline(); }),
              "next_deadline: the event loop is closed; make a new one");
    virtual_loop simulated;
    EXPECT_EQ(thrown<bide::invalid_state_error>([&] { (void)simulated.poll_descriptor(); }),
              "poll_descriptor: this event loop has no descriptor to wait on, as one on virtual time; "
              "embed a loop that runs on the real clock");
}

}  // namespace

}  // namespace loop_tests
