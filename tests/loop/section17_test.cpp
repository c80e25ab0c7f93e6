// bide/loop: the statements about the loop that implementers of asyncio get wrong, by number.
// bide-test: no-shuffle
#include "loop/loop_support.hpp"

#include <sys/wait.h>

#include <atomic>
#include <thread>

#include <bide/bide.hpp>

namespace loop_tests {

namespace {

TEST(section17, s01_call_soon_never_runs_inside_the_call_that_scheduled_it) {
    virtual_loop loop;
    log seen;
    loop.call_soon([&] {
        loop.call_soon([&] { seen.push_back("inner"); });
        seen.push_back("outer");
        loop.call_soon([&] { loop.stop(); });
    });
    EXPECT_TRUE(seen.empty());
    loop.run_forever();
    EXPECT_EQ(seen, (log{"outer", "inner"}));
}

TEST(section17, s01_what_a_batch_schedules_runs_after_another_look_at_the_system) {
    virtual_loop loop;
    log seen;
    fd_pair pair = make_sockets();
    loop.add_reader(pair.a.get(), [&] {
        seen.push_back("reader");
        loop.stop();
    });
    loop.call_soon([&] {
        write_to(pair.b.get(), "x");
        loop.call_soon([&] { seen.push_back("next turn"); });
        seen.push_back("first turn");
    });
    loop.run_forever();
    EXPECT_EQ(seen, (log{"first turn", "next turn", "reader"}));  // the reader was found by that look
    loop.remove_reader(pair.a.get());
}

TEST(section17, s01_a_callback_that_schedules_itself_does_not_starve_readers_and_timers) {
    for (const std::uint32_t interval : {1U, 61U}) {
        bide::event_loop loop(bide::loop_options().poll_interval(interval));
        fd_pair pair = make_sockets();
        std::function<void()> again = [&] { loop.call_soon(again); };
        bool read = false;
        bool timed = false;
        const auto end_when_both = [&] {
            if (read && timed) loop.stop();
        };
        loop.call_soon(again);
        loop.add_reader(pair.a.get(), [&] {
            read = true;
            loop.remove_reader(pair.a.get());
            end_when_both();
        });
        loop.call_later(1ms, [&] {
            timed = true;
            write_to(pair.b.get(), "x");
            end_when_both();
        });
        loop.run_forever();
        EXPECT_TRUE(read && timed);
    }
}

TEST(section17, s02_ready_then_readers_then_timers) {
    virtual_loop loop;
    log seen;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    loop.add_reader(pair.a.get(), [&] {
        seen.push_back("reader");
        loop.remove_reader(pair.a.get());
    });
    loop.call_later(0ms, [&] {
        seen.push_back("timer");
        loop.stop();
    });
    for (const char* const name : {"ready 1", "ready 2", "ready 3"}) {
        loop.call_soon([&seen, name] { seen.push_back(name); });
    }
    loop.run_forever();
    EXPECT_EQ(seen, (log{"ready 1", "ready 2", "ready 3", "reader", "timer"}));
}

TEST(section17, s02_ready_callbacks_are_first_in_first_out) {
    virtual_loop loop;
    std::vector<int> seen;
    for (int i = 0; i < 500; ++i) loop.call_soon([&seen, i] { seen.push_back(i); });
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
    ASSERT_EQ(seen.size(), 500U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

// Python leaves the order open; here it is promised.
TEST(section17, s03_timers_with_equal_deadlines_run_in_the_order_they_were_set) {
    for (const bide::duration span : {bide::duration(0), bide::duration(5ms), bide::duration(70h)}) {
        virtual_loop loop;
        std::vector<int> seen;
        const auto when = loop.time() + span;
        for (int i = 0; i < 100; ++i) loop.call_at(when, [&seen, i] { seen.push_back(i); });
        loop.call_at(when, [&] { loop.stop(); });
        loop.run_forever();
        ASSERT_EQ(seen.size(), 100U);
        EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    }
}

// Python's may be early by a tick of its clock.
TEST(section17, s04_a_timer_is_never_early_and_waiting_for_it_does_not_spin) {
    scripted_loop on;
    const auto when = on.loop.time() + 1234567ns;
    bide::time_point ran;
    on.loop.call_at(when, [&] {
        ran = on.loop.time();
        on.loop.stop();
    });
    on.loop.run_forever();
    EXPECT_EQ(ran, when);
    EXPECT_LE(on.os.polls.size(), 5U);
}

TEST(section17, s04_in_real_time_neither) {
    bide::event_loop loop;
    for (const bide::duration span : {bide::duration(100us), bide::duration(1ms), bide::duration(3ms)}) {
        const auto when = loop.time() + span;
        bide::time_point ran;
        loop.call_at(when, [&] {
            ran = loop.time();
            loop.stop();
        });
        loop.run_forever();
        EXPECT_GE(ran, when);
        EXPECT_LT(ran, when + 5s);
    }
}

TEST(section17, s05_a_cancelled_timer_is_gone_at_once_with_all_it_held) {
    virtual_loop loop;
    log seen;
    auto far = loop.call_later(1000h, [kept = noted(seen, "released")] {});
    EXPECT_EQ(loop.core().timers.size(), 1U);
    far.cancel();
    EXPECT_EQ(seen, log{"released"});
    EXPECT_EQ(loop.core().timers.size(), 0U);
}

TEST(section17, s05_no_sweep_is_needed_for_timers_that_are_always_cancelled) {
    virtual_loop loop;
    std::vector<bide::timer_handle> live;
    for (int i = 0; i < 1000; ++i) live.push_back(loop.call_later(std::chrono::milliseconds(i), [] {}));
    for (int i = 0; i < 100'000; ++i) {
        auto extra = loop.call_later(std::chrono::microseconds(i * 7), [] {});
        extra.cancel();
        ASSERT_EQ(loop.core().timers.size(), 1000U);
    }
    for (auto& each : live) each.cancel();
    EXPECT_EQ(loop.core().timers.size(), 0U);
    loop.run_for(1h);
}

TEST(section17, s06_sleep_zero_alternates) {
    virtual_loop loop;
    log seen;
    const auto turns = [](log& into, std::string name) -> bide::coro<void> {
        for (int i = 0; i < 3; ++i) {
            into.push_back(name);
            co_await bide::sleep(0s);
        }
    };
    auto a = bide::create_task(loop, turns(seen, "a"));
    auto b = bide::create_task(loop, turns(seen, "b"));
    loop.run_until_complete(b);
    EXPECT_EQ(seen, (log{"a", "b", "a", "b", "a", "b"}));
    EXPECT_EQ(loop.core().timers.size(), 0U);
}

TEST(section17, s08_stop_lets_the_batch_finish_and_keeps_later_callbacks) {
    virtual_loop loop;
    log seen;
    loop.call_soon([&] {
        loop.stop();
        seen.push_back("stops");
        loop.call_soon([&] { seen.push_back("later"); });
    });
    loop.call_soon([&] { seen.push_back("same batch"); });
    loop.run_forever();
    EXPECT_EQ(seen, (log{"stops", "same batch"}));
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
    EXPECT_EQ(seen, (log{"stops", "same batch", "later"}));
}

TEST(section17, s08_stop_before_a_run_is_one_look_that_does_not_wait_and_one_batch) {
    scripted_loop on;
    log seen;
    on.loop.call_soon([&] {
        seen.push_back("ready");
        on.loop.call_soon([&] { seen.push_back("not in this run"); });
    });
    on.loop.call_later(0s, [&] { seen.push_back("due timer"); });
    on.loop.call_later(1h, [&] { seen.push_back("later timer"); });
    on.loop.stop();
    on.loop.run_forever();
    EXPECT_EQ(seen, (log{"ready", "due timer"}));
    for (const std::int64_t deadline : on.os.polls) EXPECT_EQ(deadline, 0);
}

TEST(section17, s08_stop_before_a_run_finds_readers_that_are_ready) {
    virtual_loop loop;
    fd_pair pair = make_sockets();
    write_to(pair.b.get(), "x");
    int calls = 0;
    loop.add_reader(pair.a.get(), [&] { ++calls; });
    loop.stop();
    loop.run_forever();
    loop.stop();
    loop.run_forever();
    EXPECT_GE(calls, 1);
    EXPECT_FALSE(loop.is_running());
    loop.remove_reader(pair.a.get());
}

TEST(section17, s09_close_drops_what_is_queued_and_cancels_no_task) {
    log seen;
    bool cancelled = false;
    {
        virtual_loop loop;
        report_log reports(loop);
        loop.call_soon([&, kept = noted(seen, "soon")] { seen.push_back("ran"); });
        loop.call_later(1h, [&, kept = noted(seen, "timer")] { seen.push_back("ran"); });
        auto task = bide::create_task(loop, [](bool& was) -> bide::coro<void> {
            try {
                co_await bide::sleep(1h);
            } catch (const bide::cancelled_error&) {
                was = true;
                throw;
            }
        }(cancelled));
        loop.run_for(0s);
        loop.call_soon([&, kept = noted(seen, "second")] { seen.push_back("ran"); });
        loop.close();
        EXPECT_TRUE(has(reports.text(), "Task was destroyed but it is pending"));
        loop.close();  // again: nothing
        EXPECT_TRUE(loop.is_closed());
    }
    EXPECT_FALSE(cancelled);
    EXPECT_EQ(seen, (log{"ran", "soon", "second", "timer"}));
}

TEST(section17, s10_call_soon_threadsafe_on_a_closed_loop_throws) {
    virtual_loop loop;
    loop.close();
    log seen;
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>(
                        [&] { return loop.call_soon_threadsafe([kept = noted(seen, "released")] {}); }),
                    "call_soon_threadsafe: the event loop is closed"));
    EXPECT_EQ(seen, log{"released"});
}

TEST(section17, s10_a_call_that_races_with_close_is_refused_or_dropped) {
    for (int round = 0; round < 50; ++round) {
        auto loop = std::make_unique<bide::event_loop>();
        std::atomic<int> made{0};
        std::atomic<int> gone{0};
        std::atomic<bool> refused{false};
        struct counted {
            explicit counted(std::atomic<int>& in, std::atomic<int>& out) : ends(&out) { ++in; }
            counted(counted&& other) noexcept : ends(std::exchange(other.ends, nullptr)) {}
            counted& operator=(counted&&) = delete;
            ~counted() {
                if (ends != nullptr) ++*ends;
            }
            std::atomic<int>* ends;
        };
        std::thread producer([&] {
            try {
                for (;;) loop->call_soon_threadsafe([held = counted(made, gone)] {});
            } catch (const bide::invalid_state_error&) { refused = true; }
        });
        loop->call_later(std::chrono::microseconds(50 * round), [&] { loop->stop(); });
        loop->run_forever();
        loop->close();
        producer.join();
        EXPECT_TRUE(refused);
        loop.reset();
        EXPECT_EQ(made, gone);
    }
}

TEST(section17, s11_an_exception_in_a_callback_does_not_stop_the_loop) {
    virtual_loop loop;
    report_log reports(loop);
    bool after = false;
    loop.call_soon([] { throw std::runtime_error("in call_soon"); });
    loop.call_later(1s, [] { throw 17; });
    loop.call_soon_threadsafe([] { throw bide::cancelled_error("in threadsafe"); });
    loop.call_soon([&] { after = true; });
    loop.run_for(1min);
    EXPECT_TRUE(after);
    EXPECT_EQ(reports.size(), 3U);
    EXPECT_TRUE(has(reports.text(), "Exception in a callback", "in call_soon", "in threadsafe", "type int"));
}

TEST(section17, s11_keyboard_interrupt_and_system_exit_do) {
    virtual_loop loop;
    report_log reports(loop);
    log seen;
    loop.call_soon([] { throw bide::keyboard_interrupt(); });
    loop.call_soon([&] { seen.push_back("of the same batch"); });
    EXPECT_THROW(loop.run_forever(), bide::keyboard_interrupt);
    EXPECT_FALSE(loop.is_running());
    EXPECT_EQ(bide::running_loop(), nullptr);
    loop.call_soon([] { throw bide::system_exit(3); });
    try {
        loop.run_forever();
        ADD_FAILURE();
    } catch (const bide::system_exit& e) { EXPECT_EQ(e.code(), 3); }
    EXPECT_EQ(seen, log{"of the same batch"});
    EXPECT_EQ(reports.size(), 0U);
    loop.run_for(1s);  // and the loop is as good as before
}

template <class F>
int in_child(F body) {
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = body();
        } catch (...) {}
        ::_exit(code);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(section17, s12_the_child_of_a_fork_sees_no_running_loop) {
    bide::event_loop loop;
    int code = -1;
    loop.call_soon([&] {
        code = in_child([&] {
            if (bide::running_loop() != nullptr) return 1;
            try {
                static_cast<void>(bide::get_running_loop());
                return 2;
            } catch (const bide::invalid_state_error&) {}
            const int answer = bide::run([]() -> bide::coro<int> {  // it may run one of its own
                co_await bide::sleep(1ms);
                co_return 42;
            }());
            return answer == 42 ? 0 : 3;
        });
        EXPECT_EQ(bide::running_loop(), &loop);
        loop.stop();
    });
    loop.run_forever();
    EXPECT_EQ(code, 0);
}

TEST(section17, s12_the_child_cannot_run_its_parents_loop_but_may_drop_it) {
    auto loop = std::make_unique<bide::event_loop>();
    fd_pair pair = make_sockets();
    int reads = 0;
    loop->add_reader(pair.a.get(), [&] {
        ++reads;
        read_from(pair.a.get());
        loop->stop();
    });
    loop->call_soon([&] { loop->stop(); });
    loop->run_forever();
    EXPECT_EQ(in_child([&] {
                  const std::string text = thrown<bide::invalid_state_error>([&] {
                      loop->run_forever();
                      return 0;
                  });
                  if (text.find("made before fork()") == std::string::npos) return 1;
                  loop->forget(pair.a.get());
                  loop.reset();
                  return 0;
              }),
              0);
    write_to(pair.b.get(), "x");
    loop->run_forever();
    EXPECT_EQ(reads, 1);
    loop->remove_reader(pair.a.get());
}

}  // namespace

}  // namespace loop_tests
