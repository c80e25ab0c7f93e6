// bide/tests: process_semaphore.
// bide-test: no-shuffle
#include <bide/process_semaphore.hpp>
#include <bide/shared_memory.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/ipc_support.hpp"

#include <atomic>

namespace {

using namespace ipc_tests;
using bide::process_semaphore;

// [places]
bide::coro<void> convert(std::string name, int& converting) {
    bide::process_semaphore places(std::move(name), 2);  // two at a time, on the whole machine
    auto place = co_await places.scoped();
    ++converting;
    co_await bide::sleep(1ms);
    --converting;
}
// [/places]

BIDE_TEST(process_semaphore, two_at_a_time) {
    const named<process_semaphore> my("two");
    int converting = 0;
    std::vector<bide::task<void>> tasks;
    for (int i = 0; i < 6; ++i) tasks.push_back(bide::create_task(convert(my.name, converting)));
    while (process_semaphore(my.name, 2).value() == 2) co_await bide::sleep(0ms);
    EXPECT_EQ(converting, 2);
    for (auto& each : tasks) co_await each;
}

BIDE_TEST(process_semaphore, places_are_shared) {
    const named<process_semaphore> my("places");
    process_semaphore one(my.name, 2);
    process_semaphore other(my.name, 2);
    EXPECT_EQ(one.places(), 2U);
    EXPECT_EQ(one.value(), 2U);
    co_await one.acquire();
    co_await other.acquire();
    EXPECT_EQ(one.value(), 0U);
    EXPECT_TRUE(other.locked());
    bool got = false;
    auto third = bide::create_task([&]() -> bide::coro<void> {
        auto place = co_await other.scoped();
        got = true;
    });
    co_await bide::sleep(20ms);
    EXPECT_FALSE(got);
    one.release();
    co_await third;
    EXPECT_THROW(one.release(), bide::invalid_state_error);
    other.release();
    EXPECT_EQ(one.value(), 2U);
}

BIDE_TEST(process_semaphore, several_releases_wake_several) {
    const named<process_semaphore> my("several");
    process_semaphore one(my.name, 3);
    process_semaphore other(my.name, 3);
    process_semaphore third(my.name, 3);
    for (int i = 0; i < 3; ++i) co_await one.acquire();
    std::vector<bide::task<void>> tasks;
    for (process_semaphore* const each : {&other, &other, &third}) {
        tasks.push_back(bide::create_task([each]() -> bide::coro<void> { co_await each->acquire(); }));
    }
    co_await bide::sleep(0ms);
    for (int i = 0; i < 3; ++i) one.release();
    for (auto& each : tasks) co_await each;
    EXPECT_TRUE(one.locked());
    other.release();
    other.release();
    third.release();
    EXPECT_EQ(one.value(), 3U);
}

TEST(process_semaphore, errors_name_the_semaphore) {
    const named<process_semaphore> my("sem-errors");
    using bide_test::has;
    using bide_test::thrown;
    EXPECT_TRUE(has(thrown<std::invalid_argument>([] { return process_semaphore(0); }), "places is 0"));
    EXPECT_TRUE(has(thrown<std::invalid_argument>([] { return process_semaphore(5000); }), "5000", "4096"));
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return process_semaphore::open(my.name); }), my.name));
    process_semaphore made = process_semaphore::create(my.name, 3);
    EXPECT_EQ(process_semaphore::open(my.name).places(), 3U);
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return process_semaphore(my.name, 4); }), my.name,
                    "3 places, not 4"));
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] {
                        made.release();
                        return 0;
                    }),
                    my.name, "no place"));
}

TEST(process_semaphore, cancel_sweep_keeps_the_places) {
    const named<process_semaphore> my("sem-sweep");
    const process_semaphore watcher(my.name, 2);
    const auto body = [&]() -> bide::coro<void> {
        process_semaphore one(my.name, 2);
        process_semaphore other(my.name, 2);
        const auto work = [&]() -> bide::coro<void> {
            for (int i = 0; i < 2; ++i) {
                auto place = co_await one.scoped();
                auto second = co_await other.scoped();
                co_await bide::sleep(0ms);
            }
        };
        const auto more = [&]() -> bide::coro<void> {
            for (int i = 0; i < 4; ++i) {
                auto place = co_await other.scoped();
                co_await bide::sleep(0ms);
            }
        };
        co_await against(work, more);
    };
    bide::testing::cancel_everywhere(
        body, [&](std::uint64_t) { EXPECT_EQ(watcher.value(), 2U); }, real_time());
}

TEST(process_semaphore, no_more_processes_are_inside_than_there_are_places) {
    const named<process_semaphore> my("inside");
    bide::shared_memory block = bide::shared_memory::anonymous(2 * sizeof(std::atomic<int>));
    auto* const inside = new (block.data().data()) std::atomic<int>[2]{};
    std::vector<child> children;
    for (int i = 0; i < 4; ++i) {
        children.emplace_back([&] {
            return run_here([&]() -> bide::coro<void> {
                process_semaphore places(my.name, 2);
                for (int round = 0; round < 50; ++round) {
                    auto place = co_await places.scoped();
                    if (++inside[0] > 2) ++inside[1];
                    co_await bide::sleep(0ms);
                    --inside[0];
                }
            });
        });
    }
    for (child& each : children) EXPECT_EQ(each.status(), 0);
    EXPECT_EQ(inside[1].load(), 0);
    EXPECT_EQ(process_semaphore::open(my.name).value(), 2U);
}

TEST(process_semaphore, holder_killed_at_every_step_gives_its_places_back) {
    const named<process_semaphore> my("sem-steps");
    const auto victim = [&] {
        return run_here([&]() -> bide::coro<void> {
            process_semaphore places(my.name, 2);
            for (int i = 0; i < 2; ++i) {
                co_await places.acquire();
                co_await places.acquire();
                co_await bide::sleep(2ms);
                places.release();
                places.release();
            }
        });
    };
    const auto survivor = [&](child& prey) {
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                process_semaphore here(my.name, 2);
                const auto one = [&]() -> bide::coro<void> {
                    auto place = co_await here.scoped();
                    co_await bide::sleep(1ms);
                };
                const auto both = [&]() -> bide::coro<void> {
                    auto place = co_await here.scoped();
                    auto other = co_await here.scoped();
                };
                while (!prey.has_ended()) co_await bide::with_timeout(20s, one);
                co_await bide::with_timeout(20s, both);
                EXPECT_EQ(here.value(), 2U);
            },
            real_time());
    };
    const int steps = kill_everywhere(victim, survivor);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 20); }
    EXPECT_LT(steps, 500);
}

}  // namespace
