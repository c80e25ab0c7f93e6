// bide/tests: semaphore: places are handed over, counted, and never lost.
// bide-test: no-shuffle
#include <bide/semaphore.hpp>

#include <algorithm>
#include <stdexcept>

#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;
using sync_test::numbers;

bide::coro<void> note_inside(bide::semaphore& places, numbers& order, int number) {
    auto place = co_await places.scoped();
    order.push_back(number);
    co_await bide::sleep(1ms);
}

bide::coro<void> take(bide::semaphore& places, numbers& order, int number) {
    co_await places.acquire();
    order.push_back(number);
}

// [seats]
bide::coro<void> dine(bide::semaphore& seats, int& eating, int& most) {
    auto seat = co_await seats.scoped();  // waits while all seats are taken
    most = std::max(most, ++eating);
    co_await bide::sleep(20ms);
    --eating;
}
// [/seats]

BIDE_TEST(semaphore, seats_two_of_five_guests_at_a_time) {
    bide::semaphore seats(2);
    int eating = 0;
    int most = 0;
    std::vector<bide::task<void>> guests;
    for (int i = 0; i < 5; ++i) guests.push_back(bide::create_task(dine(seats, eating, most)));
    for (auto& each : guests) co_await each;
    EXPECT_EQ(most, 2);
}

TEST(semaphore, needs_no_loop_until_somebody_waits) {
    bide::semaphore places;
    EXPECT_FALSE(places.locked());
    places.release();
    bide::semaphore none(0);
    EXPECT_TRUE(none.locked());
}

TEST(semaphore, negative_value_is_refused) {
    EXPECT_THROWS_WITH(bide::semaphore(-1), std::invalid_argument, "the initial value is -1");
    EXPECT_THROWS_WITH(bide::bounded_semaphore(-7), std::invalid_argument, "-7");
}

BIDE_TEST(semaphore, free_place_is_taken_without_suspending) {
    bide::semaphore places(2);
    bool other_ran = false;
    auto other = bide::create_task([&]() -> bide::coro<void> {
        other_ran = true;
        co_return;
    });
    co_await places.acquire();
    EXPECT_FALSE(places.locked());
    co_await places.acquire();
    EXPECT_TRUE(places.locked());
    EXPECT_FALSE(other_ran);
    places.release();
    EXPECT_FALSE(places.locked());
    co_await other;
}

BIDE_TEST(semaphore, admits_as_many_as_there_are_places) {
    bide::semaphore places(2);
    int inside = 0;
    int most = 0;
    std::vector<bide::task<void>> guests;
    for (int i = 0; i < 6; ++i) {
        guests.push_back(bide::create_task([&]() -> bide::coro<void> {
            auto place = co_await places.scoped();
            most = std::max(most, ++inside);
            co_await bide::sleep(1ms);
            --inside;
        }));
    }
    for (auto& each : guests) co_await each;
    EXPECT_EQ(most, 2);
    EXPECT_FALSE(places.locked());
}

BIDE_TEST(semaphore, is_fifo_and_newcomer_does_not_overtake) {
    bide::semaphore places(1);
    numbers order;
    co_await places.acquire();
    auto first = bide::create_task(note_inside(places, order, 1));
    auto second = bide::create_task(note_inside(places, order, 2));
    co_await bide::sleep(0ms);
    places.release();
    co_await places.acquire();
    order.push_back(3);
    places.release();
    co_await first;
    co_await second;
    EXPECT_EQ(order, (numbers{1, 2, 3}));
}

BIDE_TEST(semaphore, release_may_exceed_the_initial_value) {
    bide::semaphore places(1);
    places.release();
    co_await places.acquire();
    co_await places.acquire();
    EXPECT_TRUE(places.locked());
}

BIDE_TEST(section17, s53_semaphore_is_locked_while_a_waiter_is_about_to_take_the_place) {
    bide::semaphore places(0);
    numbers order;
    auto waits = bide::create_task(take(places, order, 1));
    co_await bide::sleep(0ms);
    places.release();
    EXPECT_TRUE(places.locked());  // spoken for
    co_await waits;
    EXPECT_TRUE(places.locked());
}

BIDE_TEST(section17, s53_woken_then_cancelled_waiter_returns_the_place) {
    bide::semaphore places(0);
    numbers order;
    auto first = bide::create_task(take(places, order, 1));
    auto second = bide::create_task(take(places, order, 2));
    co_await bide::sleep(0ms);
    places.release();
    first.cancel();
    EXPECT_CANCELLED(first);
    co_await second;
    EXPECT_EQ(order, numbers{2});

    auto third = bide::create_task(take(places, order, 3));
    co_await bide::sleep(0ms);
    places.release();
    third.cancel();
    EXPECT_CANCELLED(third);
    EXPECT_FALSE(places.locked());
}

BIDE_TEST(section17, s54_several_releases_in_one_batch_wake_several_waiters) {
    bide::semaphore places(0);
    numbers order;
    auto first = bide::create_task(take(places, order, 1));
    auto second = bide::create_task(take(places, order, 2));
    auto third = bide::create_task(take(places, order, 3));
    co_await bide::sleep(0ms);
    places.release();
    places.release();
    co_await bide::sleep(0ms);
    EXPECT_EQ(order, (numbers{1, 2}));
    places.release();
    co_await third;
    co_await first;
    co_await second;
}

BIDE_TEST(section17, s54_failed_acquire_does_not_stop_the_waking) {
    bide::semaphore places(0);
    numbers order;
    auto first = bide::create_task(take(places, order, 1));
    auto second = bide::create_task(take(places, order, 2));
    auto third = bide::create_task(take(places, order, 3));
    co_await bide::sleep(0ms);
    places.release();
    places.release();
    first.cancel();
    second.cancel();
    EXPECT_CANCELLED(first);
    EXPECT_CANCELLED(second);
    co_await third;
    EXPECT_FALSE(places.locked());  // two given back, one taken
    EXPECT_EQ(order, numbers{3});
}

BIDE_TEST(semaphore, cancelled_waiter_leaves_the_row) {
    bide::semaphore places(0);
    numbers order;
    auto first = bide::create_task(take(places, order, 1));
    auto second = bide::create_task(take(places, order, 2));
    co_await bide::sleep(0ms);
    first.cancel();
    EXPECT_CANCELLED(first);
    places.release();
    co_await second;
    EXPECT_EQ(order, numbers{2});
}

BIDE_TEST(semaphore, guard_gives_the_place_back) {
    bide::semaphore places(1);
    {
        auto place = co_await places.scoped();
        EXPECT_TRUE(places.locked());
    }
    EXPECT_FALSE(places.locked());
    auto place = co_await places.scoped();
    place.release();
    place.release();
    EXPECT_FALSE(places.locked());
}

BIDE_TEST(bounded_semaphore, release_above_the_initial_value_is_refused) {
    bide::bounded_semaphore places(2);
    EXPECT_THROWS_WITH(places.release(), bide::invalid_state_error, "all of its 2 places are free");
    co_await places.acquire();
    places.release();
    bide::semaphore& base = places;
    EXPECT_THROW(base.release(), bide::invalid_state_error);  // also through its base
}

BIDE_TEST(bounded_semaphore, waits_and_hands_over_as_a_semaphore) {
    bide::bounded_semaphore places(1);
    numbers order;
    auto first = bide::create_task(note_inside(places, order, 1));
    auto second = bide::create_task(note_inside(places, order, 2));
    co_await second;
    co_await first;
    EXPECT_EQ(order, (numbers{1, 2}));
    EXPECT_FALSE(places.locked());
}

TEST(section17, s61_semaphore_belongs_to_the_loop_of_its_first_wait) {
    bide::semaphore places(0);
    const auto wait = [&]() -> bide::coro<void> {
        bide::get_running_loop().call_soon([&] { places.release(); });
        co_await places.acquire();
    };
    bide::event_loop first;
    first.run_until_complete(wait());
    bide::event_loop second;
    EXPECT_THROWS_WITH(second.run_until_complete(wait()), bide::invalid_state_error, "semaphore.acquire");
}

TEST(semaphore, loop_that_closes_returns_places_that_were_handed_over) {
    bide::semaphore places(0);
    sync_test::run_until_stop([&]() -> bide::coro<void> {
        for (int i = 0; i < 2; ++i) {
            static_cast<void>(bide::create_task([&]() -> bide::coro<void> { co_await places.acquire(); }));
        }
        co_await bide::sleep(0ms);
        places.release();
        EXPECT_TRUE(places.locked());
        bide::get_running_loop().stop();
    });
    EXPECT_FALSE(places.locked());
}

}  // namespace
