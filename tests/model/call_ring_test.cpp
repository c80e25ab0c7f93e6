// bide/model: how a pool and its workers hand each other calls, in every interleaving of its steps.
// bide-test: once
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "support/interleave.hpp"
#include "system/ipc_step.hpp"

// As in inbox_test.cpp: the header is compiled where std::atomic is the explorer's.
namespace explored {
namespace std {
using namespace ::std;
template <class T>
using atomic = ::interleave::atomic<T>;
}  // namespace std
namespace bide::detail {
using ::bide::detail::ipc_step;
}

#include "system/call_ring.hpp"
}  // namespace explored

namespace {

using explored::bide::detail::call_ring;
using explored::bide::detail::done_stack;
using explored::bide::detail::no_slot;
using explored::bide::detail::sleeper;
using interleave::explorer;

constexpr std::uint32_t slots = 2;

// A pool with nothing but the two ways, used as pool_core and pool_server do.
struct world {
    call_ring<slots> ring;
    done_stack done;
    interleave::atomic<std::uint32_t> listening{1};
    interleave::atomic<std::uint32_t> closing{0};
    sleeper beds[2];
    bool woken[2] = {};
    bool rung = false;
    std::uint32_t links[slots] = {};
    int runs[slots] = {};
    std::vector<std::uint32_t> results;

    void put(std::uint32_t slot) {
        ring.put(slot);
        wake_one();
    }
    void wake_one() {
        for (int i = 0; i < 2; ++i) {
            if (!beds[i].rouse()) continue;
            explorer::step();
            woken[i] = true;
            return;
        }
    }
    void close() {
        closing.store(1);
        for (int i = 0; i < 2; ++i) {
            if (beds[i].rouse()) woken[i] = true;
        }
    }

    void work(int worker) {
        for (;;) {
            const std::uint32_t slot = ring.take();
            if (slot != no_slot) {
                ++runs[slot];
                done.push(slot, links[slot]);
                if (listening.load() != 0 && listening.exchange(0) != 0) {
                    explorer::step();
                    rung = true;
                }
                continue;
            }
            if (closing.load() != 0) return;
            if (!beds[worker].fall_asleep([&] { return ring.has_calls() || closing.load() != 0; })) continue;
            while (beds[worker].sleeps()) {  // as with a futex, a wake-up from before may come now
                explorer::wait([&] { return woken[worker]; });
                woken[worker] = false;
            }
        }
    }

    // Waits for the bell until so many results are there.
    void collect(std::size_t count) {
        while (results.size() < count) {
            explorer::wait([&] { return rung; });
            rung = false;
            listening.store(1);
            done.take_all([&](std::uint32_t slot) -> std::uint32_t& { return links[slot]; },
                          [&](std::uint32_t slot) { results.push_back(slot); });
        }
    }
};

}  // namespace

TEST(call_ring_model, every_call_runs_once_and_its_result_wakes_the_loop) {
    std::unique_ptr<world> w;
    explorer all(1);
    const std::size_t executions = all.run(
        [&] {
            w = std::make_unique<world>();
            return std::vector<std::function<void()>>{[&] {
                                                          w->put(0);
                                                          w->put(1);
                                                          w->collect(2);
                                                          w->close();
                                                      },
                                                      [&] { w->work(0); }, [&] { w->work(1); }};
        },
        [&] {
            EXPECT_EQ(w->runs[0], 1);
            EXPECT_EQ(w->runs[1], 1);
            EXPECT_EQ(w->results.size(), 2U);
        });
    EXPECT_GT(executions, 100U);
}

// Slots come back while a worker still looks at the place where they were.
TEST(call_ring_model, a_slot_that_is_used_again_is_not_taken_twice) {
    std::unique_ptr<world> w;
    explorer all(1);
    all.run(
        [&] {
            w = std::make_unique<world>();
            return std::vector<std::function<void()>>{[&] {
                                                          w->put(0);
                                                          w->collect(1);
                                                          w->put(0);
                                                          w->collect(2);
                                                          w->close();
                                                      },
                                                      [&] { w->work(0); }, [&] { w->work(1); }};
        },
        [&] {
            EXPECT_EQ(w->runs[0], 2);
            EXPECT_EQ(w->runs[1], 0);
        });
}

TEST(call_ring_model, results_come_in_the_order_in_which_they_were_done) {
    std::unique_ptr<world> w;
    explorer all(2);
    all.run(
        [&] {
            w = std::make_unique<world>();
            return std::vector<std::function<void()>>{[&] {
                                                          w->put(0);
                                                          w->put(1);
                                                          w->collect(2);
                                                          w->close();
                                                      },
                                                      [&] { w->work(0); }};
        },
        [&] { EXPECT_EQ(w->results, (std::vector<std::uint32_t>{0, 1})); });
}
