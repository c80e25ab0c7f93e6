// bide/tests: every primitive of the sync layer, with its task cancelled at each suspension in turn.
#include <bide/barrier.hpp>
#include <bide/condition.hpp>
#include <bide/event.hpp>
#include <bide/lock.hpp>
#include <bide/queue.hpp>
#include <bide/semaphore.hpp>

#include <bide/detail/base/scope_guard.hpp>

#include <memory>
#include <optional>
#include <set>
#include <stdexcept>

#include "sync/expect.hpp"

namespace {

using namespace std::chrono_literals;
using bide::detail::scope_guard;

// Waits for a task although this one may be cancelled, and lets the cancellation through afterwards.
bide::coro<void> until_done(bide::task<void>& other) {
    std::exception_ptr error;
    for (int i = 0; i < 1000 && !other.done(); ++i) {
        try {
            co_await bide::sleep(1ms);
        } catch (const bide::cancelled_error&) { error = std::current_exception(); }
    }
    if (!other.done()) throw std::logic_error("the other task is stuck");
    other.result();
    if (error) std::rethrow_exception(error);
}

// Runs `mine` and `theirs` against each other; the sweep cancels the task of `mine`.
template <class Mine, class Theirs>
bide::coro<void> against(Mine mine, Theirs theirs) {
    auto other = bide::create_task(theirs);
    std::exception_ptr error;
    try {
        co_await mine();
    } catch (const bide::cancelled_error&) { error = std::current_exception(); }
    co_await until_done(other);
    if (error) std::rethrow_exception(error);
}

TEST(sync_sweep, lock_is_free_afterwards_and_was_never_held_twice) {
    std::optional<bide::lock> mutex;
    int inside = 0;
    const auto work = [&]() -> bide::coro<void> {
        for (int i = 0; i < 4; ++i) {
            auto held = co_await mutex->scoped();
            EXPECT_EQ(++inside, 1);
            const scope_guard leave([&]() noexcept { --inside; });
            co_await bide::sleep(0ms);
        }
    };
    const auto body = [&]() -> bide::coro<void> {
        mutex.emplace();
        co_await against(work, work);
    };
    const auto runs = bide::testing::cancel_everywhere(body, [&](std::uint64_t) {
        if (mutex) { EXPECT_FALSE(mutex->locked()); }
        EXPECT_EQ(inside, 0);
        mutex.reset();
    });
    EXPECT_GT(runs, 8U);
}

TEST(sync_sweep, semaphore_keeps_its_places) {
    std::optional<bide::semaphore> places;
    int inside = 0;
    const auto one = [&]() -> bide::coro<void> {
        for (int i = 0; i < 3; ++i) {
            auto place = co_await places->scoped();
            EXPECT_LE(++inside, 2);
            const scope_guard leave([&]() noexcept { --inside; });
            co_await bide::sleep(0ms);
        }
    };
    const auto two = [&]() -> bide::coro<void> {
        auto second = bide::create_task(one);
        co_await one();
        co_await second;
    };
    const auto body = [&]() -> bide::coro<void> {
        places.emplace(2);
        co_await against(one, two);
    };
    bide::testing::cancel_everywhere(body, [&](std::uint64_t) {
        if (places) {
            const auto both = [&]() -> bide::coro<void> {
                for (int i = 0; i < 2; ++i) {
                    EXPECT_FALSE(places->locked());
                    co_await places->acquire();
                }
                EXPECT_TRUE(places->locked());
            };
            bide::run(both());
        }
        EXPECT_EQ(inside, 0);
        places.reset();
    });
}

TEST(sync_sweep, event_forgets_a_cancelled_waiter) {
    const auto body = []() -> bide::coro<void> {
        bide::event flag;
        int released = 0;
        const auto mine = [&]() -> bide::coro<void> {
            co_await flag.wait();
            ++released;
        };
        const auto theirs = [&]() -> bide::coro<void> {
            auto second = bide::create_task(mine);
            co_await bide::sleep(2ms);
            flag.set();
            flag.clear();
            co_await second;
        };
        const scope_guard check([&]() noexcept { EXPECT_GE(released, 1); });
        co_await against(mine, theirs);
    };
    bide::testing::cancel_everywhere(body);
}

TEST(sync_sweep, condition_holds_its_lock_at_the_end_of_every_wait_and_loses_no_notification) {
    std::optional<bide::condition> changed;
    int available = 0;
    int consumed = 0;
    const auto consume = [&]() -> bide::coro<void> {
        auto held = co_await changed->scoped();
        const scope_guard check([&]() noexcept { EXPECT_TRUE(changed->locked()); });
        co_await changed->wait_for([&] { return available > 0; });
        --available;
        ++consumed;
    };
    const auto others = [&]() -> bide::coro<void> {
        auto second = bide::create_task(consume);
        auto third = bide::create_task(consume);
        co_await bide::sleep(1ms);
        for (int i = 0; i < 3; ++i) {
            auto held = co_await changed->scoped();
            ++available;
            changed->notify(1);
            held.release();
            co_await bide::sleep(2ms);
            if (i < 2) {
                EXPECT_EQ(available, 0);
            }  // two at least wait: an item that lies there was not told of
        }
        co_await second;
        co_await third;
    };
    const auto body = [&]() -> bide::coro<void> {
        changed.emplace();
        available = 0;
        consumed = 0;
        co_await against(consume, others);
    };
    bide::testing::cancel_everywhere(body, [&](std::uint64_t) {
        if (changed) {
            EXPECT_FALSE(changed->locked());
            EXPECT_EQ(available + consumed, 3);
        }
        changed.reset();
    });
}

TEST(sync_sweep, barrier_lets_the_others_meet_without_a_cancelled_party) {
    const auto body = []() -> bide::coro<void> {
        bide::barrier gate(3);
        std::multiset<std::size_t> positions;
        bool left = true;
        const auto pass = [&]() -> bide::coro<void> {
            const std::size_t position = co_await gate.wait();
            positions.insert(position);
        };
        const auto mine = [&]() -> bide::coro<void> {
            co_await bide::sleep(1ms);
            co_await pass();
            left = false;
        };
        const auto theirs = [&]() -> bide::coro<void> {
            auto second = bide::create_task(pass);
            auto third = bide::create_task(pass);
            co_await bide::sleep(5ms);
            if (!second.done()) co_await gate.wait();  // in place of the one that was cancelled
            co_await second;
            co_await third;
        };
        const scope_guard check([&]() noexcept {
            EXPECT_EQ(positions.size(), left ? 2U : 3U);
            EXPECT_EQ(positions.size(), std::set<std::size_t>(positions.begin(), positions.end()).size());
            EXPECT_EQ(gate.n_waiting(), 0U);
        });
        co_await against(mine, theirs);
    };
    bide::testing::cancel_everywhere(body);
}

template <class Queue>
void sweep_getter() {
    std::optional<Queue> items;
    std::multiset<int> seen;
    const auto get_three = [&]() -> bide::coro<void> {
        for (int i = 0; i < 3; ++i) {
            auto item = co_await items->get();
            seen.insert(*item);
        }
    };
    const auto put_three = [&]() -> bide::coro<void> {
        for (int i = 0; i < 3; ++i) {
            co_await bide::sleep(0ms);
            co_await items->put(std::make_unique<int>(i));
        }
    };
    const auto body = [&]() -> bide::coro<void> {
        items.emplace(0);
        seen.clear();
        co_await against(get_three, put_three);
    };
    bide::testing::cancel_everywhere(body, [&](std::uint64_t turn) {
        if (!items) return;
        while (!items->empty()) seen.insert(*items->get_nowait());
        EXPECT_EQ(seen, (std::multiset<int>{0, 1, 2})) << "cancelled in turn " << turn;
        items.reset();
    });
}

struct deeper {
    bool operator()(const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) const { return *a < *b; }
};

TEST(sync_sweep, cancelled_getter_of_a_queue_loses_nothing) {
    sweep_getter<bide::queue<std::unique_ptr<int>>>();
}
TEST(sync_sweep, cancelled_getter_of_a_stack_loses_nothing) {
    sweep_getter<bide::lifo_queue<std::unique_ptr<int>>>();
}
TEST(sync_sweep, cancelled_getter_of_priorities_loses_nothing) {
    sweep_getter<bide::priority_queue<std::unique_ptr<int>, deeper>>();
}

TEST(sync_sweep, cancelled_putter_has_put_exactly_when_put_returned) {
    std::optional<bide::queue<int>> items;
    std::vector<int> put;
    std::vector<int> got;
    const auto put_four = [&]() -> bide::coro<void> {
        for (int i = 0; i < 4; ++i) {
            co_await items->put(i);
            put.push_back(i);
        }
    };
    const auto get_some = [&]() -> bide::coro<void> {
        for (int i = 0; i < 8; ++i) {
            co_await bide::sleep(1ms);
            if (!items->empty()) got.push_back(items->get_nowait());
        }
    };
    const auto body = [&]() -> bide::coro<void> {
        items.emplace(1);
        put.clear();
        got.clear();
        co_await against(put_four, get_some);
    };
    bide::testing::cancel_everywhere(body, [&](std::uint64_t turn) {
        if (!items) return;
        EXPECT_EQ(got, put) << "cancelled in turn " << turn;
        EXPECT_TRUE(items->empty());
        items.reset();
    });
}

TEST(sync_sweep, cancelled_join_leaves_the_count_alone) {
    const auto body = []() -> bide::coro<void> {
        bide::queue<int> items;
        items.put_nowait(1);
        const auto join = [&]() -> bide::coro<void> { co_await items.join(); };
        const auto finish = [&]() -> bide::coro<void> {
            auto second = bide::create_task(join);
            co_await bide::sleep(1ms);
            items.task_done();
            co_await second;
        };
        co_await against(join, finish);
    };
    bide::testing::cancel_everywhere(body);
}

// Many tasks, cancelled at random moments, on a shuffled ready queue where the build asks for it.
BIDE_TEST(sync_sweep, crowd_with_random_cancellations_leaves_everything_in_order) {
    bide::queue<int> items(2);
    bide::bounded_semaphore places(2);
    bide::condition changed;
    std::uint64_t random = 88172645463325252ULL;
    const auto draw = [&](std::uint64_t below) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        return random % below;
    };
    int put = 0;
    int got = 0;
    int inside = 0;
    std::vector<bide::task<void>> crowd;
    for (int i = 0; i < 60; ++i) {
        const int role = i % 3;
        crowd.push_back(bide::create_task([&, role]() -> bide::coro<void> {
            for (int round = 0; round < 20; ++round) {
                if (role == 0) {
                    co_await items.put(round);
                    ++put;
                } else if (role == 1) {
                    co_await items.get();
                    ++got;
                } else {
                    auto place = co_await places.scoped();
                    EXPECT_LE(++inside, 2);
                    const scope_guard leave([&]() noexcept { --inside; });
                    auto held = co_await changed.scoped();
                    changed.notify(1);
                    if (round % 2 == 0) co_await changed.wait();
                }
            }
        }));
    }
    for (int i = 0; i < 400; ++i) {
        crowd[draw(crowd.size())].cancel();
        if (draw(3) == 0) co_await bide::sleep(0ms);
        if (draw(8) == 0)
            crowd.push_back(bide::create_task([&]() -> bide::coro<void> {
                auto held = co_await changed.scoped();
                changed.notify_all();
            }));
    }
    for (auto& each : crowd) each.cancel();
    for (auto& each : crowd) {
        while (!each.done()) co_await bide::sleep(1ms);
        if (!each.cancelled()) each.result();
    }
    EXPECT_EQ(static_cast<std::size_t>(put - got), items.qsize());
    EXPECT_FALSE(changed.locked());
    EXPECT_EQ(inside, 0);
    co_await places.acquire();
    co_await places.acquire();
    EXPECT_TRUE(places.locked());
}

}  // namespace
