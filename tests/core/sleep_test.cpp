// bide/core: sleep suspends for a time, or for one turn.
#include <bide/sleep.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::in_order;
using bide_test::outcome;
using bide_test::thrown;

using names = std::vector<std::string>;

bide::time_point now() { return bide::get_running_loop().time(); }

BIDE_TEST(sleep, lasts_as_long_as_it_says) {
    const auto start = now();
    co_await bide::sleep(1500ms);
    EXPECT_EQ(now() - start, 1500ms);
    co_await bide::sleep(0.25s);  // any duration, also of floating point
    EXPECT_EQ(now() - start, 1750ms);
    co_await bide::sleep(std::chrono::duration<double, std::ratio<60>>(2));
    EXPECT_EQ(now() - start, 121750ms);
    co_await bide::sleep(1ns);
    EXPECT_EQ(now() - start, 121750ms + 1ns);
}

BIDE_TEST(sleep, gives_its_result) {
    // [sleep]
    co_await bide::sleep(250ms);                                               // a while
    co_await bide::sleep(0s);                                                  // one turn: others run
    const std::string text = co_await bide::sleep(1s, std::string("rested"));  // a while, with a result
    // [/sleep]
    EXPECT_EQ(text, "rested");
    const auto owned = co_await bide::sleep(0s, std::make_unique<int>(5));
    EXPECT_EQ(*owned, 5);
}

BIDE_TEST_WITH(section17, s06_sleep_zero_yields_exactly_once_round_robin, in_order()) {
    names log;
    const auto body = [&](std::string name) -> bide::coro<void> {
        for (int i = 0; i < 3; ++i) {
            log.push_back(name + std::to_string(i));
            co_await bide::sleep(0s);
        }
    };
    const auto a = bide::create_task(body("a"));
    const auto b = bide::create_task(body("b"));
    co_await a;
    co_await b;
    EXPECT_EQ(log, (names{"a0", "b0", "a1", "b1", "a2", "b2"}));
}

BIDE_TEST(section17, s06_a_negative_sleep_is_a_sleep_of_zero) {
    const auto start = now();
    bool others_ran = false;
    bide::get_running_loop().call_soon([&] { others_ran = true; });
    co_await bide::sleep(-1h);
    co_await bide::sleep(-1h);  // two turns: the ready queue may be shuffled
    EXPECT_TRUE(others_ran);
    EXPECT_EQ(now(), start);
}

BIDE_TEST_WITH(sleep, equal_deadlines_wake_in_order, in_order()) {
    std::vector<int> log;
    std::vector<bide::task<void>> tasks;
    const auto body = [&](int which) -> bide::coro<void> {
        co_await bide::sleep(1s);
        log.push_back(which);
    };
    for (int i = 0; i < 200; ++i) tasks.push_back(bide::create_task(body(i)));
    for (const auto& each : tasks) co_await each;
    for (int i = 0; i < 200; ++i) EXPECT_EQ(log[static_cast<std::size_t>(i)], i);
}

BIDE_TEST(sleep, cancelled_it_ends_at_once_and_takes_its_timer_back) {
    const auto start = now();
    const auto body = []() -> bide::coro<void> { co_await bide::sleep(1h); };
    const auto task = bide::create_task(outcome(body()));
    co_await bide::sleep(1s);
    task.cancel();
    const std::string ended = co_await task;
    EXPECT_EQ(ended, "cancelled");
    EXPECT_EQ(now() - start, 1s);
}

BIDE_TEST(sleep, what_the_clock_cannot_hold_lasts_for_ever) {
    const auto for_ever = [](auto span) -> bide::coro<void> { co_await bide::sleep(span); };
    const auto hours = bide::create_task(for_ever(std::chrono::hours::max()));
    const auto seconds = bide::create_task(for_ever(std::chrono::duration<double>(1e300)));
    const auto infinite =
        bide::create_task(for_ever(std::chrono::duration<double>(std::numeric_limits<double>::infinity())));
    co_await bide::sleep(std::chrono::hours(24 * 365 * 100));
    EXPECT_FALSE(hours.done() || seconds.done() || infinite.done());
    hours.cancel();
    seconds.cancel();
    infinite.cancel();
    co_await bide::sleep(1s);
    const auto start = now();
    co_await bide::sleep(std::chrono::duration<double>(-std::numeric_limits<double>::infinity()));
    EXPECT_EQ(now(), start);
}

TEST(sleep, not_a_number_is_refused) {
    EXPECT_TRUE(has(thrown<std::invalid_argument>([] {
                        static_cast<void>(bide::sleep(std::chrono::duration<double>(std::nan(""))));
                        return 0;
                    }),
                    "sleep: the delay is NaN"));
}

BIDE_TEST(sleep, many_are_taken_back_in_any_order) {
    std::vector<bide::task<void>> tasks;
    const auto body = [](int which) -> bide::coro<void> {
        co_await bide::sleep(std::chrono::milliseconds(which * 7919 % 10007));
    };
    for (int i = 1; i < 3000; ++i) tasks.push_back(bide::create_task(body(i)));
    co_await bide::sleep(2s);
    std::size_t cancelled = 0;
    for (std::size_t i = 0; i < tasks.size(); i += 2)
        cancelled += tasks[i * 31 % tasks.size()].cancel() ? 1U : 0U;
    for (const auto& each : tasks) {
        const std::string ended = co_await outcome(each);
        EXPECT_TRUE(ended == "value" || ended == "cancelled");
    }
    EXPECT_GT(cancelled, 0U);
}

TEST(sleep, a_sweep) {
    int ended = 0;
    bide::testing::cancel_everywhere([&]() -> bide::coro<void> {
        const int value = co_await bide::sleep(1s, 5);
        co_await bide::sleep(0s);
        const bide::result<void> slept = co_await bide::as_result(bide::sleep(1s));
        if (slept && value == 5) ++ended;
    });
    EXPECT_EQ(ended, 1);
}

}  // namespace
