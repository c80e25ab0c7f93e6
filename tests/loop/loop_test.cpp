// bide/loop: the life of a loop, and when what it was given runs.
// bide-test: no-shuffle
#include "loop/loop_support.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace loop_tests {

namespace {

using bide::event_loop;
using bide::invalid_state_error;

// --- life ---

TEST(loop, begins_neither_running_nor_closed) {
    event_loop loop;
    EXPECT_FALSE(loop.is_running());
    EXPECT_FALSE(loop.is_closed());
    EXPECT_EQ(bide::running_loop(), nullptr);
    EXPECT_NE(std::string(loop.backend_name()), "");
    EXPECT_NE(loop.backend_reason(), "");
}

TEST(loop, is_the_running_one_while_it_runs) {
    event_loop loop;
    loop.call_soon([&] {
        EXPECT_TRUE(loop.is_running());
        EXPECT_EQ(bide::running_loop(), &loop);
        EXPECT_EQ(&bide::get_running_loop(), &loop);
        loop.stop();
    });
    loop.run_forever();
    EXPECT_FALSE(loop.is_running());
    EXPECT_TRUE(has(thrown<invalid_state_error>([] { return &bide::get_running_loop(); }),
                    "no event loop is running"));
}

TEST(loop, can_run_again) {
    event_loop loop;
    for (int i = 0; i < 3; ++i) {
        bool ran = false;
        loop.call_soon([&] {
            ran = true;
            loop.stop();
        });
        loop.run_forever();
        EXPECT_TRUE(ran);
    }
}

TEST(loop, does_not_run_inside_itself_or_another) {
    event_loop loop, other;
    std::string itself, the_other;
    loop.call_soon([&] {
        itself = thrown<invalid_state_error>([&] {
            loop.run_forever();
            return 0;
        });
        the_other = thrown<invalid_state_error>([&] {
            other.run_forever();
            return 0;
        });
        loop.stop();
    });
    loop.run_forever();
    EXPECT_TRUE(has(itself, "this event loop is already running"));
    EXPECT_TRUE(has(the_other, "another event loop is running in this thread"));
}

TEST(loop, cannot_be_closed_while_it_runs) {
    event_loop loop;
    std::string error;
    loop.call_soon([&] {
        error = thrown<invalid_state_error>([&] {
            loop.close();
            return 0;
        });
        loop.stop();
    });
    loop.run_forever();
    EXPECT_TRUE(has(error, "close: the event loop is running"));
    EXPECT_FALSE(loop.is_closed());
}

TEST(loop, takes_nothing_once_closed) {
    event_loop loop;
    loop.close();
    EXPECT_TRUE(loop.is_closed());
    const auto error = [](auto call) { return thrown<invalid_state_error>(call); };
    EXPECT_TRUE(has(error([&] { return loop.call_soon([] {}); }), "the event loop is closed"));
    EXPECT_TRUE(has(error([&] { return loop.call_later(1s, [] {}); }), "the event loop is closed"));
    EXPECT_TRUE(has(error([&] { return loop.call_at(loop.time(), [] {}); }), "the event loop is closed"));
    EXPECT_TRUE(has(error([&] { return loop.call_soon_threadsafe([] {}); }), "the event loop is closed"));
    EXPECT_TRUE(has(error([&] { return loop.add_reader(0, [] {}), 0; }), "the event loop is closed"));
    EXPECT_TRUE(has(error([&] { return loop.run_forever(), 0; }), "run_forever: the event loop is closed"));
    EXPECT_FALSE(loop.remove_reader(0));
    EXPECT_FALSE(loop.remove_writer(0));
    EXPECT_FALSE(loop.is_running());
}

TEST(loop, destruction_drops_callbacks_timers_and_watches) {
    log seen;
    fd_pair pair = make_sockets();
    {
        event_loop loop;
        loop.call_soon([kept = noted(seen, "soon")] {});
        loop.call_later(1h, [kept = noted(seen, "timer")] {});
        loop.call_at(bide::time_point::max(), [kept = noted(seen, "never")] {});
        loop.call_soon_threadsafe([kept = noted(seen, "threadsafe")] {});
        loop.add_reader(pair.a.get(), [kept = std::make_shared<noted>(seen, "reader")] {});
        loop.add_writer(pair.a.get(), [kept = std::make_shared<noted>(seen, "writer")] {});
        EXPECT_TRUE(seen.empty());
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (log{"never", "reader", "soon", "threadsafe", "timer", "writer"}));
}

TEST(loop, destruction_in_the_middle_of_everything) {
    log seen;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    {
        event_loop loop;
        loop.add_reader(pair.a.get(), [&, kept = std::make_shared<noted>(seen, "reader")] {
            loop.call_soon([kept = noted(seen, "soon")] {});
            loop.call_later(0s, [kept = noted(seen, "timer")] {});
            throw bide::keyboard_interrupt();
        });
        loop.call_soon([kept = noted(seen, "ran")] {});
        EXPECT_THROW(loop.run_forever(), bide::keyboard_interrupt);
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, (log{"ran", "reader", "soon", "timer"}));
}

TEST(loop, handles_may_outlive_it) {
    bide::handle soon;
    bide::timer_handle later;
    bide::handle threadsafe;
    {
        event_loop loop;
        soon = loop.call_soon([] {});
        later = loop.call_later(1h, [] {});
        threadsafe = loop.call_soon_threadsafe([] {});
    }
    for (bide::handle* const each : {&soon, static_cast<bide::handle*>(&later), &threadsafe}) {
        EXPECT_TRUE(each->cancelled());
        each->cancel();
    }
}

// --- threads ---

TEST(loop, may_be_made_here_run_there_and_dropped_here) {
    auto loop = std::make_unique<event_loop>();
    fd_pair pair = make_sockets();
    log seen;
    loop->add_reader(pair.a.get(), [kept = std::make_shared<noted>(seen, "released")] {});
    std::atomic<bool> ran{false};
    std::thread([&] {
        loop->call_later(1ms, [&] {
            ran = true;
            loop->stop();
        });
        loop->run_forever();
    }).join();
    EXPECT_TRUE(ran);
    loop.reset();
    EXPECT_EQ(seen, log{"released"});
}

TEST(loop, belongs_to_the_thread_that_ran_it_first) {
    event_loop loop;
    std::thread([&] {
        loop.call_soon([&] { loop.stop(); });
        loop.run_forever();
    }).join();
    EXPECT_TRUE(has(thrown<invalid_state_error>([&] {
                        loop.run_forever();
                        return 0;
                    }),
                    "belongs to the thread that ran it first"));
}

TEST(loop, cannot_be_closed_under_a_thread_that_may_run_it_again) {
    event_loop loop;
    fd_pair pair = make_sockets();
    loop.add_reader(pair.a.get(), [] {});
    std::atomic<bool> idle{false};
    std::atomic<bool> end{false};
    std::thread owner([&] {
        loop.call_soon([&] { loop.stop(); });
        loop.run_forever();
        idle = true;
        while (!end) std::this_thread::yield();
    });
    while (!idle) std::this_thread::yield();
    EXPECT_TRUE(has(thrown<invalid_state_error>([&] {
                        loop.close();
                        return 0;
                    }),
                    "operations are in flight"));
    end = true;
    owner.join();
    loop.close();
}

#if BIDE_CHECKED
constexpr bool checks_without_debug = true;
#else
constexpr bool checks_without_debug = false;
#endif

TEST(loop, use_from_the_wrong_thread_throws_in_debug_mode_and_checked_builds) {
    for (const bool debug : {true, false}) {
        if (!debug && !checks_without_debug) continue;
        event_loop loop(bide::loop_options().debug(debug));
        std::vector<std::string> errors;
        loop.call_soon([&] {
            std::thread([&] {
                const auto error = [&](auto call) { errors.push_back(thrown<invalid_state_error>(call)); };
                error([&] { return loop.call_soon([] {}); });
                error([&] { return loop.call_later(1s, [] {}); });
                error([&] { return loop.call_at(loop.time(), [] {}); });
                error([&] { return loop.add_reader(0, [] {}), 0; });
                error([&] { return loop.remove_writer(0); });
                loop.call_soon_threadsafe([&] { loop.stop(); });
            }).join();
        });
        loop.run_forever();
        EXPECT_EQ(errors.size(), 5U);
        for (const std::string& each : errors)
            EXPECT_TRUE(has(each, "runs in another thread", "call_soon_threadsafe"));
    }
}

TEST(loop, before_it_runs_any_thread_may_prepare_it) {
    event_loop loop(bide::loop_options().debug(true));
    bool ran = false;
    std::thread([&] {
        loop.call_soon([&] {
            ran = true;
            loop.stop();
        });
    }).join();
    loop.run_forever();
    EXPECT_TRUE(ran);
}

}  // namespace

}  // namespace loop_tests
