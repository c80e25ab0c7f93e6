// bide/tests: process_queue.
// bide-test: no-shuffle
#include <bide/process_queue.hpp>
#include <bide/shared_memory.hpp>

#include <map>
#include <set>
#include <tuple>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/ipc_support.hpp"

namespace {

using namespace ipc_tests;
using bide::process_queue;

// [item]
struct job {
    int number = 0;
    std::string text;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(number, text);
    }
};
// [/item]

BIDE_TEST(process_queue, items_come_out_in_order) {
    process_queue<job> jobs;
    for (int i = 0; i < 5; ++i) {
        job one;
        one.number = i;
        one.text = std::string(static_cast<std::size_t>(i), 'x');
        co_await jobs.put(one);
    }
    EXPECT_EQ(jobs.qsize(), 5U);
    for (int i = 0; i < 5; ++i) {
        const job one = co_await jobs.get();
        EXPECT_EQ(one.number, i);
        EXPECT_EQ(one.text.size(), static_cast<std::size_t>(i));
    }
    EXPECT_TRUE(jobs.empty());
}

BIDE_TEST(process_queue, holds_what_its_limits_say) {
    process_queue<int> two(2);
    EXPECT_EQ(two.maxsize(), 2U);
    EXPECT_EQ(two.capacity(), bide::default_queue_capacity);
    two.put_nowait(1);
    two.put_nowait(2);
    EXPECT_TRUE(two.full());
    EXPECT_FALSE(two.try_put(3));
    EXPECT_THROW(two.put_nowait(3), bide::queue_full);
    EXPECT_EQ(two.get_nowait(), 1);
    EXPECT_EQ(two.try_get(), 2);
    EXPECT_EQ(two.try_get(), std::nullopt);
    EXPECT_THROW(two.get_nowait(), bide::queue_empty);
    process_queue<std::string> small(0, 100);
    small.put_nowait(std::string(40, 'a'));  // 56 bytes in all
    EXPECT_FALSE(small.try_put(std::string(40, 'b')));
    EXPECT_TRUE(small.try_put(std::string(20, 'b')));
    co_return;
}

BIDE_TEST(process_queue, item_that_never_fits_is_an_error) {
    const named<process_queue<std::string>> my("large");
    process_queue<std::string> small(my.name, 0, 100);
    const std::string how = co_await bide_test::outcome(small.put(std::string(100, 'x')));
    EXPECT_TRUE(bide_test::has(how, my.name, "an item of 108 bytes", "96", "larger capacity"));
    co_await small.put(std::string(88, 'x'));
    EXPECT_EQ(small.get_nowait(), std::string(88, 'x'));
}

BIDE_TEST(process_queue, items_wrap_around_the_end_of_the_ring) {
    process_queue<std::string> small(0, 200);
    for (std::size_t i = 0; i < 300; ++i) {
        const std::string item(i * 7 % 90, static_cast<char>('a' + i % 26));
        co_await small.put(item);
        const std::string back = co_await small.get();
        EXPECT_EQ(back, item);
    }
}

BIDE_TEST(process_queue, getter_waits_for_an_item_and_putter_for_room) {
    const named<process_queue<int>> my("wait");
    process_queue<int> one(my.name, 1);
    process_queue<int> other(my.name, 1);
    auto getter = bide::create_task([&]() -> bide::coro<int> {
        const int item = co_await other.get();
        co_return item;
    });
    co_await bide::sleep(20ms);
    co_await one.put(1);
    EXPECT_EQ(co_await getter, 1);
    co_await one.put(2);
    auto putter = bide::create_task([&]() -> bide::coro<void> { co_await other.put(3); });
    co_await bide::sleep(20ms);
    EXPECT_FALSE(putter.done());
    EXPECT_EQ(one.get_nowait(), 2);
    co_await putter;
    EXPECT_EQ(one.get_nowait(), 3);
}

BIDE_TEST(process_queue, within_a_process_nobody_overtakes) {
    process_queue<int> items;
    std::vector<std::pair<int, int>> got;
    const auto getter = [&](int number) -> bide::coro<void> {
        const int item = co_await items.get();
        got.emplace_back(number, item);
    };
    std::vector<bide::task<void>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(bide::create_task(getter(i)));
    co_await bide::sleep(0ms);
    items.put_nowait(10);
    items.put_nowait(11);
    items.put_nowait(12);
    EXPECT_EQ(items.try_get(), std::nullopt);  // they are meant for those who wait
    for (auto& each : tasks) co_await each;
    EXPECT_EQ(got, (std::vector<std::pair<int, int>>{{0, 10}, {1, 11}, {2, 12}}));
}

BIDE_TEST(process_queue, cancelled_getter_loses_nothing) {
    process_queue<int> items;
    auto first = bide::create_task([&]() -> bide::coro<int> { co_return co_await items.get(); });
    auto second = bide::create_task([&]() -> bide::coro<int> { co_return co_await items.get(); });
    co_await bide::sleep(0ms);
    items.put_nowait(1);  // the first one's
    first.cancel();
    const std::string how = co_await bide_test::outcome(first);
    EXPECT_EQ(how, "cancelled");
    EXPECT_EQ(co_await second, 1);
}

BIDE_TEST(process_queue, shutdown_ends_all_waits) {
    const named<process_queue<int>> my("shutdown");
    process_queue<int> one(my.name, 1);
    process_queue<int> other(my.name, 1);
    one.put_nowait(1);
    auto putter = bide::create_task([&]() -> bide::coro<void> { co_await other.put(2); });
    co_await bide::sleep(0ms);
    one.shutdown();
    const std::string put = co_await bide_test::outcome(putter);
    EXPECT_EQ(put, bide::queue_shut_down().what());
    const int left = co_await other.get();
    EXPECT_EQ(left, 1);
    EXPECT_EQ(co_await bide_test::outcome(other.get()), bide::queue_shut_down().what());
    EXPECT_THROW(one.put_nowait(1), bide::queue_shut_down);
    EXPECT_THROW(static_cast<void>(one.try_get()), bide::queue_shut_down);
}

BIDE_TEST(process_queue, immediate_shutdown_drops_the_items) {
    process_queue<int> items;
    items.put_nowait(1);
    items.shutdown(bide::shutdown_mode::immediate);
    EXPECT_EQ(items.qsize(), 0U);
    EXPECT_THROW(items.get_nowait(), bide::queue_shut_down);
    co_return;
}

TEST(process_queue, errors_name_the_queue) {
    const named<process_queue<int>> my("queue-errors");
    using bide_test::has;
    using bide_test::thrown;
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return process_queue<int>::open(my.name); }), my.name));
    const auto made = process_queue<int>::create(my.name, 3, 1000);
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return process_queue<int>::create(my.name); }), my.name,
                    "exists"));
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return process_queue<int>(my.name, 4, 1000); }),
                    my.name, "maxsize 3", "1000 bytes", "not 4"));
    EXPECT_EQ(process_queue<int>::open(my.name).maxsize(), 3U);
    EXPECT_THROW(process_queue<int>(0, 10), std::invalid_argument);
    EXPECT_THROW(process_queue<int>("a/b"), std::invalid_argument);
    process_queue<std::string> text(std::string(my.name), 3, 1000);
    text.put_nowait("12345");
    EXPECT_TRUE(
        has(thrown<std::invalid_argument>([&] { return process_queue<int>::open(my.name).get_nowait(); }),
            "same types"));
}

TEST(process_queue, cancel_sweep_loses_nothing_and_doubles_nothing) {
    const named<process_queue<int>> my("queue-sweep");
    process_queue<int> watcher(my.name, 2);
    std::multiset<int> put;
    std::multiset<int> got;
    const auto body = [&]() -> bide::coro<void> {
        process_queue<int> one(my.name, 2);
        process_queue<int> other(my.name, 2);
        put.clear();
        got.clear();
        const auto produce = [&]() -> bide::coro<void> {
            for (int i = 0; i < 6; ++i) {
                co_await one.put(i);
                put.insert(i);
            }
        };
        const auto consume = [&]() -> bide::coro<void> {
            for (int i = 0; i < 3; ++i) {
                const int item = co_await other.get();
                got.insert(item);
            }
        };
        const auto mine = [&]() -> bide::coro<void> {
            auto theirs = bide::create_task(produce);
            std::exception_ptr error;
            try {
                co_await consume();
                co_await consume();
            } catch (const bide::cancelled_error&) { error = std::current_exception(); }
            theirs.cancel();
            try {
                co_await until_done(theirs);
            } catch (const bide::cancelled_error&) {}
            if (error) std::rethrow_exception(error);
        };
        co_await mine();
    };
    bide::testing::cancel_everywhere(
        body,
        [&](std::uint64_t turn) {
            while (const auto item = watcher.try_get()) got.insert(*item);
            EXPECT_EQ(got, put) << "cancelled in turn " << turn;
        },
        real_time());
}

// --- several processes ---

TEST(process_queue, every_item_of_several_producers_reaches_one_of_several_consumers) {
    constexpr int each_puts = 300;
    const named<process_queue<std::tuple<int, int>>> my("many");
    const named<process_queue<std::tuple<int, int>>> back("many-back");
    process_queue<std::tuple<int, int>> items(my.name, 8);
    process_queue<std::tuple<int, int>> results(back.name);
    std::vector<child> producers;
    std::vector<child> consumers;
    for (int i = 0; i < 2; ++i) {
        producers.emplace_back([&, i] {
            return run_here([&]() -> bide::coro<void> {
                process_queue<std::tuple<int, int>> out(my.name, 8);
                for (int number = 0; number < each_puts; ++number) co_await out.put(std::tuple(i, number));
            });
        });
        consumers.emplace_back([&] {
            return run_here([&]() -> bide::coro<void> {
                process_queue<std::tuple<int, int>> in(my.name, 8);
                process_queue<std::tuple<int, int>> out(back.name);
                try {
                    for (;;) {
                        const std::tuple<int, int> item = co_await in.get();
                        co_await out.put(item);
                    }
                } catch (const bide::queue_shut_down&) {}
            });
        });
    }
    std::map<int, std::multiset<int>> seen;
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            for (int i = 0; i < 2 * each_puts; ++i) {
                const std::tuple<int, int> item = co_await bide::wait_for(results.get(), 30s);
                seen[std::get<0>(item)].insert(std::get<1>(item));
            }
        },
        real_time());
    items.shutdown();
    for (child& each : producers) EXPECT_EQ(each.status(), 0);
    for (child& each : consumers) EXPECT_EQ(each.status(), 0);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(seen[i].size(), static_cast<std::size_t>(each_puts));
        for (int number = 0; number < each_puts; ++number) EXPECT_EQ(seen[i].count(number), 1U);
    }
}

TEST(process_queue, child_of_a_fork_answers_its_parent) {
    process_queue<int> questions;
    process_queue<int> answers;
    int code = -1;
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            auto answer = bide::create_task([&]() -> bide::coro<int> { co_return co_await answers.get(); });
            co_await bide::sleep(0ms);
            child forked([&] {
                return run_here([&]() -> bide::coro<void> {
                    const int question = co_await questions.get();
                    co_await answers.put(question + 1);
                });
            });
            co_await questions.put(41);
            EXPECT_EQ(co_await answer, 42);
            co_await until_ended(forked);
            code = forked.status();
        },
        real_time());
    EXPECT_EQ(code, 0);
}

TEST(process_queue, producer_killed_at_every_step_has_put_a_part_in_order) {
    const named<process_queue<std::string>> my("producer-steps");
    const auto victim = [&] {
        return run_here([&]() -> bide::coro<void> {
            process_queue<std::string> out(my.name, 2, 256);
            for (int i = 0; i < 4; ++i)
                co_await out.put(std::to_string(i) + std::string(static_cast<std::size_t>(40 * i), 'x'));
        });
    };
    const auto survivor = [&](child& prey) {
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                process_queue<std::string> here(my.name, 2, 256);
                std::vector<std::string> got;
                auto reader = bide::create_task([&]() -> bide::coro<void> {
                    for (;;) {
                        std::string item = co_await here.get();
                        got.push_back(std::move(item));
                    }
                });
                co_await until_ended(prey);
                const auto finish = [&]() -> bide::coro<void> {
                    co_await here.put("end");
                    while (got.empty() || got.back() != "end") co_await bide::sleep(1ms);
                };
                co_await bide::with_timeout(20s, finish);
                reader.cancel();
                static_cast<void>(co_await bide_test::outcome(reader));
                got.pop_back();
                EXPECT_LE(got.size(), 4U);
                for (std::size_t i = 0; i < got.size(); ++i)
                    EXPECT_EQ(got[i], std::to_string(i) + std::string(40 * i, 'x'));
                EXPECT_EQ(here.qsize(), 0U);
            },
            real_time());
    };
    const int steps = kill_everywhere(victim, survivor);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 20); }
    EXPECT_LT(steps, 500);
}

TEST(process_queue, consumer_killed_at_every_step_loses_one_item_at_most) {
    const named<process_queue<int>> my("consumer-steps");
    const auto victim = [&] {
        return run_here([&]() -> bide::coro<void> {
            process_queue<int> in(my.name, 2);
            for (int i = 0; i < 4; ++i) static_cast<void>(co_await in.get());
        });
    };
    const auto survivor = [&](child& prey) {
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                process_queue<int> here(my.name, 2);
                int put = 0;
                auto writer = bide::create_task([&]() -> bide::coro<void> {
                    for (; put < 8; ++put) co_await here.put(put);
                });
                co_await until_ended(prey);
                std::vector<int> left;
                const auto drain = [&]() -> bide::coro<void> {
                    while (left.empty() || left.back() != 7) {
                        const int item = co_await here.get();
                        left.push_back(item);
                    }
                };
                co_await bide::with_timeout(20s, drain);
                co_await writer;
                EXPECT_GE(left.size(), 4U);
                for (std::size_t i = 0; i < left.size(); ++i)
                    EXPECT_EQ(left[i], 8 - static_cast<int>(left.size() - i));
                EXPECT_EQ(here.qsize(), 0U);
            },
            real_time());
    };
    const int steps = kill_everywhere(victim, survivor);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 20); }
    EXPECT_LT(steps, 500);
}

TEST(process_queue, process_that_is_stopped_in_the_middle_of_an_item_does_not_block_the_loop) {
    const named<process_queue<std::string>> my("stopped");
    process_queue<std::string> here(my.name, 0, 64 << 20);
    child busy([&] {
        return run_here([&]() -> bide::coro<void> {
            process_queue<std::string> out(my.name, 0, 64 << 20);
            const std::string large(8 << 20, 'x');
            for (;;) {
                co_await out.put(large);
                static_cast<void>(co_await out.get());
            }
        });
    });
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            for (int i = 0; i < 5; ++i) {
                ::kill(busy.pid(), SIGSTOP);
                const auto attempt = [&]() -> bide::coro<void> { co_await here.put("y"); };
                const auto before = std::chrono::steady_clock::now();
                const std::string how = co_await bide_test::outcome(bide::with_timeout(30ms, attempt));
                EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
                EXPECT_TRUE(how == "value" || how == "timeout") << how;
                ::kill(busy.pid(), SIGCONT);
                co_await bide::sleep(1ms);
            }
        },
        real_time());
    busy.kill();
    EXPECT_EQ(busy.status(), -SIGKILL);
    while (here.try_get()) {}
    here.put_nowait("still usable");
    EXPECT_EQ(here.get_nowait(), "still usable");
}

}  // namespace
