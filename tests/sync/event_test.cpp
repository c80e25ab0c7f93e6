// bide/tests: event: everybody who waits is released, and only they.
// bide-test: no-shuffle
#include <bide/event.hpp>

#include <memory>

#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;
using sync_test::numbers;

bide::coro<void> note_after(bide::event& start, numbers& order, int number) {
    co_await start.wait();
    order.push_back(number);
}

// [start]
bide::coro<void> runner(bide::event& start, int& running) {
    co_await start.wait();
    ++running;
}

bide::coro<int> race() {
    bide::event start;
    int running = 0;
    auto first = bide::create_task(runner(start, running));
    auto second = bide::create_task(runner(start, running));
    co_await bide::sleep(10ms);  // both wait
    start.set();
    co_await first;
    co_await second;
    co_return running;
}
// [/start]

BIDE_TEST(event, starts_everybody) {
    const int running = co_await race();
    EXPECT_EQ(running, 2);
}

TEST(event, needs_no_loop_until_somebody_waits) {
    bide::event flag;
    EXPECT_FALSE(flag.is_set());
    flag.set();
    EXPECT_TRUE(flag.is_set());
    flag.clear();
    EXPECT_FALSE(flag.is_set());
}

BIDE_TEST(event, set_one_is_waited_for_without_suspending) {
    bide::event flag;
    bool other_ran = false;
    auto other = bide::create_task([&]() -> bide::coro<void> {
        other_ran = true;
        co_return;
    });
    flag.set();
    co_await flag.wait();
    co_await flag.wait();
    EXPECT_FALSE(other_ran);
    co_await other;
}

BIDE_TEST(event, set_releases_all_in_the_order_of_their_arrival) {
    bide::event flag;
    numbers order;
    auto first = bide::create_task(note_after(flag, order, 1));
    auto second = bide::create_task(note_after(flag, order, 2));
    co_await bide::sleep(0ms);
    flag.set();
    EXPECT_TRUE(order.empty());  // not inside set()
    co_await first;
    co_await second;
    EXPECT_EQ(order, (numbers{1, 2}));
}

BIDE_TEST(section17, s55_set_then_clear_releases_all_who_waited) {
    bide::event flag;
    numbers order;
    auto first = bide::create_task(note_after(flag, order, 1));
    auto second = bide::create_task(note_after(flag, order, 2));
    co_await bide::sleep(0ms);
    flag.set();
    flag.clear();
    auto late = bide::create_task(note_after(flag, order, 3));
    co_await first;
    co_await second;
    co_await bide::sleep(1ms);
    EXPECT_EQ(order, (numbers{1, 2}));
    EXPECT_FALSE(flag.is_set());
    flag.set();
    co_await late;
}

BIDE_TEST(event, setting_twice_is_setting_once) {
    bide::event flag;
    numbers order;
    auto one = bide::create_task(note_after(flag, order, 1));
    co_await bide::sleep(0ms);
    flag.set();
    flag.set();
    co_await one;
    EXPECT_EQ(order, numbers{1});
}

BIDE_TEST(event, cancelled_waiter_leaves_the_others) {
    bide::event flag;
    numbers order;
    auto first = bide::create_task(note_after(flag, order, 1));
    auto second = bide::create_task(note_after(flag, order, 2));
    auto third = bide::create_task(note_after(flag, order, 3));
    co_await bide::sleep(0ms);
    second.cancel();
    flag.set();
    EXPECT_CANCELLED(second);
    co_await first;
    co_await third;
    EXPECT_EQ(order, (numbers{1, 3}));
}

BIDE_TEST(event, cancel_after_set_is_still_thrown) {
    bide::event flag;
    numbers order;
    auto one = bide::create_task(note_after(flag, order, 1));
    co_await bide::sleep(0ms);
    flag.set();
    one.cancel("too late");
    EXPECT_CANCELLED(one);
    EXPECT_TRUE(order.empty());
}

BIDE_TEST(event, cancel_before_the_wait_begins_is_thrown_at_the_wait) {
    bide::event flag;
    auto one = bide::create_task([&]() -> bide::coro<void> {
        bide::current_task().cancel();
        co_await flag.wait();
    });
    EXPECT_CANCELLED(one);
}

BIDE_TEST(event, may_be_destroyed_right_after_set) {
    auto flag = std::make_unique<bide::event>();
    numbers order;
    auto first = bide::create_task(note_after(*flag, order, 1));
    auto second = bide::create_task(note_after(*flag, order, 2));
    co_await bide::sleep(0ms);
    flag->set();
    flag.reset();
    second.cancel();
    co_await first;
    EXPECT_CANCELLED(second);
    EXPECT_EQ(order, numbers{1});
}

BIDE_TEST(event, set_from_a_callback) {
    bide::event flag;
    bide::event_loop& loop = bide::get_running_loop();
    loop.call_later(5ms, [&] { flag.set(); });
    co_await flag.wait();
    EXPECT_TRUE(flag.is_set());
}

BIDE_TEST(event, wait_gives_way_to_a_timeout) {
    bide::event flag;
    auto one = bide::create_task([&]() -> bide::coro<void> { co_await flag.wait(); });
    bide::get_running_loop().call_later(10ms, [&] { one.cancel(); });
    EXPECT_CANCELLED(one);
    EXPECT_FALSE(flag.is_set());
}

TEST(section17, s61_event_belongs_to_the_loop_of_its_first_wait) {
    bide::event flag;
    const auto wait = [&]() -> bide::coro<void> {
        flag.clear();
        bide::get_running_loop().call_soon([&] { flag.set(); });
        co_await flag.wait();
    };
    bide::event_loop first;
    first.run_until_complete(wait());
    bide::event_loop second;
    EXPECT_THROWS_WITH(second.run_until_complete(wait()), bide::invalid_state_error, "event.wait");
    flag.set();
    const auto look = [&]() -> bide::coro<void> { co_await flag.wait(); };
    second.run_until_complete(look());  // no wait, no loop
}

TEST(event, loop_that_closes_detaches_its_waiters) {
    bide::event flag;
    sync_test::run_until_stop([&]() -> bide::coro<void> {
        for (int i = 0; i < 3; ++i) {
            static_cast<void>(bide::create_task([&]() -> bide::coro<void> { co_await flag.wait(); }));
        }
        co_await bide::sleep(0ms);
        bide::get_running_loop().stop();
    });
    flag.set();
}

}  // namespace
