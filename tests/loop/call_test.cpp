// bide/loop: when callbacks and timers run, and what of their arguments.
// bide-test: no-shuffle
#include "loop/loop_support.hpp"

#include <algorithm>
#include <cstdlib>
#include <thread>

namespace loop_tests {

namespace {

using bide::event_loop;

// --- callbacks ---

TEST(call, reads_like_this) {
    virtual_loop loop;
    log seen;
    const auto print = [&](const char* text) { seen.push_back(text); };
    // [calls]
    loop.call_later(2s, print, "two seconds later");
    loop.call_soon(print, "soon, but not now");
    print("now");
    loop.call_later(3s, [&] { loop.stop(); });
    loop.run_forever();
    // [/calls]
    EXPECT_EQ(seen, (log{"now", "soon, but not now", "two seconds later"}));
}

TEST(call, call_soon_takes_arguments_and_what_only_moves) {
    virtual_loop loop;
    log seen;
    const auto add = [&](const std::string& text, int n) { seen.push_back(text + std::to_string(n)); };
    loop.call_soon(add, "a", 1);
    loop.call_soon([&](std::unique_ptr<int> p) { seen.push_back(std::to_string(*p)); },
                   std::make_unique<int>(2));
    loop.call_soon([&, p = std::make_unique<int>(3)] { seen.push_back(std::to_string(*p)); });
    loop.call_soon([](int& n, log& into) { into.push_back(std::to_string(++n)); }, 3, std::ref(seen));
    loop.call_soon(&event_loop::stop, &loop);
    loop.run_forever();
    EXPECT_EQ(seen, (log{"a1", "2", "3", "4"}));
}

TEST(call, arguments_are_copied_at_the_call) {
    virtual_loop loop;
    std::string text = "then";
    std::string seen;
    loop.call_soon([&](const std::string& given) { seen = given; }, text);
    text = "now";
    loop.run_for(0s);
    EXPECT_EQ(seen, "then");
}

TEST(call, a_callback_whose_copy_throws_leaves_nothing_behind) {
    struct fails {
        fails() = default;
        fails(const fails&) { throw std::runtime_error("copy"); }
        void operator()() const {}
    };
    virtual_loop loop;
    const fails original;
    EXPECT_THROW(loop.call_soon(original), std::runtime_error);
    EXPECT_THROW(loop.call_later(1s, original), std::runtime_error);
    loop.run_for(2s);
}

TEST(call, what_a_callback_held_is_released_after_it_ran_and_before_the_next) {
    virtual_loop loop;
    log seen;
    loop.call_soon([&, kept = noted(seen, "released")] { seen.push_back("ran"); });
    loop.call_soon([&] { seen.push_back("next"); });
    loop.run_for(0s);
    EXPECT_EQ(seen, (log{"ran", "released", "next"}));
}

TEST(call, a_destructor_of_a_callback_may_schedule) {
    virtual_loop loop;
    bool ran = false;
    struct scheduler {
        scheduler(event_loop& in, bool& flag) : loop(&in), out(&flag) {}
        scheduler(scheduler&& other) noexcept : loop(std::exchange(other.loop, nullptr)), out(other.out) {}
        scheduler& operator=(scheduler&&) = delete;
        ~scheduler() {
            if (loop != nullptr) loop->call_soon([out = out] { *out = true; });
        }
        event_loop* loop;
        bool* out;
    };
    loop.call_soon([held = scheduler(loop, ran)] {});
    loop.run_for(0s);
    EXPECT_TRUE(ran);
}

// --- timers ---

TEST(call, call_later_runs_in_the_order_of_deadlines) {
    virtual_loop loop;
    log seen;
    const auto note = [&](const char* name) { seen.push_back(name); };
    loop.call_later(3h, note, "c");
    loop.call_later(2s, note, "b");
    loop.call_later(1ms, note, "a");
    loop.call_later(4000h, note, "d");
    loop.run_for(5000h);
    EXPECT_EQ(seen, (log{"a", "b", "c", "d"}));
}

TEST(call, a_delay_of_zero_or_less_runs_in_a_later_turn) {
    virtual_loop loop;
    log seen;
    loop.call_soon([&] {
        loop.call_later(0s, [&] { seen.push_back("zero"); });
        loop.call_later(-1s, [&] { seen.push_back("past"); });
        loop.call_later(bide::duration::min(), [&] { seen.push_back("long past"); });
        loop.call_at(bide::time_point::min(), [&] { seen.push_back("before all time"); });
        seen.push_back("now");
    });
    loop.run_for(1s);
    EXPECT_EQ(seen, (log{"now", "long past", "before all time", "past", "zero"}));
}

TEST(call, a_deadline_in_the_far_past_does_not_wait_in_real_time_either) {
    event_loop loop;
    loop.call_at(bide::time_point::min(), [&] { loop.stop(); });
    loop.run_forever();
    loop.call_later(bide::duration::min(), [&] { loop.stop(); });
    loop.run_forever();
}

TEST(call, a_deadline_beyond_the_clock_is_never) {
    virtual_loop loop;
    bool ran = false;
    loop.call_later(bide::duration::max(), [&] { ran = true; });
    loop.call_later(std::chrono::hours::max(), [&] { ran = true; });
    loop.call_at(bide::time_point::max(), [&] { ran = true; });
    loop.call_later(std::chrono::duration<double>(1e30), [&] { ran = true; });
    loop.run_for(24h * 365 * 100);
    EXPECT_FALSE(ran);
}

TEST(call, every_unit_of_time_will_do) {
    virtual_loop loop;
    const auto start = loop.time();
    std::vector<bide::duration> seen;
    const auto note = [&] { seen.push_back(loop.time() - start); };
    loop.call_later(std::chrono::duration<double>(0.5), note);
    loop.call_later(2min, note);
    loop.call_later(250us, note);
    loop.run_for(1h);
    EXPECT_EQ(seen, (std::vector<bide::duration>{250us, 500ms, 2min}));
}

TEST(call, a_timer_may_set_the_next_one) {
    virtual_loop loop;
    int ticks = 0;
    std::function<void()> tick = [&] {
        if (++ticks < 1000) loop.call_later(1s, tick);
    };
    const auto start = loop.time();
    loop.call_later(1s, tick);
    loop.run_for(2000s);
    EXPECT_EQ(ticks, 1000);
    EXPECT_EQ(loop.time() - start, 2000s);
}

TEST(call, a_timer_that_is_late_does_not_make_others_late) {
    scripted_loop on;
    std::vector<std::int64_t> seen;
    on.loop.call_later(1s, [&] { on.pass(10s); });  // blocks the loop
    for (const int s : {2, 5, 9, 12})
        on.loop.call_later(std::chrono::seconds(s), [&] { seen.push_back(on.os.clock); });
    on.loop.call_later(13s, [&] { on.loop.stop(); });
    on.loop.run_forever();
    const std::int64_t begin = 1'000'000'000;
    EXPECT_EQ(seen, (std::vector<std::int64_t>{begin + 11'000'000'000, begin + 11'000'000'000,
                                               begin + 11'000'000'000, begin + 12'000'000'000}));
}

// --- from other threads ---

TEST(call, call_soon_threadsafe_wakes_a_loop_that_sleeps) {
    event_loop loop;
    std::thread::id ran_in;
    std::thread caller([&] {
        std::this_thread::sleep_for(2ms);
        loop.call_soon_threadsafe([&] {
            ran_in = std::this_thread::get_id();
            loop.stop();
        });
    });
    loop.run_forever();
    caller.join();
    EXPECT_EQ(ran_in, std::this_thread::get_id());
}

TEST(call, call_soon_threadsafe_from_the_loop_itself_runs_in_a_later_turn) {
    virtual_loop loop;
    log seen;
    loop.call_soon([&] {
        loop.call_soon_threadsafe([&] { seen.push_back("threadsafe"); });
        seen.push_back("caller");
    });
    loop.run_for(0s);
    EXPECT_EQ(seen, (log{"caller", "threadsafe"}));
}

TEST(call, bursts_from_several_threads_arrive_complete_and_in_order) {
    constexpr int threads = 4;
    constexpr int calls = 5000;
    event_loop loop;
    std::vector<int> last(threads, -1);
    int total = 0;
    bool in_order = true;
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < threads; ++t) {
            callers.emplace_back([&, t] {
                for (int i = 0; i < calls; ++i) {
                    loop.call_soon_threadsafe([&, t, i] {
                        in_order = in_order && last[static_cast<std::size_t>(t)] == i - 1;
                        last[static_cast<std::size_t>(t)] = i;
                        if (++total == threads * calls) loop.stop();
                    });
                }
            });
        }
        loop.run_forever();
    }
    EXPECT_EQ(total, threads * calls);
    EXPECT_TRUE(in_order);
}

// --- settings ---

TEST(call, shuffles_the_ready_queue_by_seed) {
    const auto order_with = [](std::uint64_t seed) {
        virtual_loop loop(like_asyncio().shuffle(seed));
        std::vector<int> seen;
        for (int i = 0; i < 50; ++i) loop.call_soon([&seen, i] { seen.push_back(i); });
        loop.run_for(1s);
        return seen;
    };
    EXPECT_TRUE(std::ranges::is_sorted(order_with(0)));
    EXPECT_FALSE(std::ranges::is_sorted(order_with(7)));
    EXPECT_EQ(order_with(7), order_with(7));
    EXPECT_NE(order_with(7), order_with(8));
}

TEST(call, garbage_in_the_seed_is_an_error_that_names_it) {
    ::setenv("BIDE_SHUFFLE", "many", 1);
    EXPECT_TRUE(has(thrown<std::invalid_argument>([] {
                        event_loop loop;
                        return 0;
                    }),
                    "BIDE_SHUFFLE is 'many'"));
    ::unsetenv("BIDE_SHUFFLE");
}

TEST(call, debug_mode_can_be_had_from_the_environment) {
    ::setenv("BIDE_DEBUG", "1", 1);
    EXPECT_TRUE(event_loop().get_debug());
    EXPECT_FALSE(event_loop(bide::loop_options().debug(false)).get_debug());
    ::setenv("BIDE_DEBUG", "", 1);
    EXPECT_FALSE(event_loop().get_debug());
    ::unsetenv("BIDE_DEBUG");
    EXPECT_FALSE(event_loop().get_debug());
}

}  // namespace

}  // namespace loop_tests
