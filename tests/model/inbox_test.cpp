// bide/model: the way into a loop for other threads, in every interleaving of its steps.
// bide-test: once
#include <gtest/gtest.h>

#include <bide/detail/base/ready_queue.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "os/backend.hpp"
#include "support/interleave.hpp"

// The headers under test are compiled in a namespace where the names that they use stand for the explorer's. What they
// include themselves has been included above, so it is skipped there.
namespace explored {
namespace std {
using namespace ::std;
template <class T>
using atomic = ::interleave::atomic<T>;
namespace this_thread {
inline void yield() { ::interleave::explorer::give_way(); }
}  // namespace this_thread
}  // namespace std
namespace bide::detail {
using namespace ::bide::detail;

// What the loop sleeps in. Touching it after its end is what the door has to prevent.
class backend {
public:
    bool destroyed = false;
    bool woken = false;
    int sleeps = 0;

    void wake() noexcept {
        ::interleave::explorer::step();
        EXPECT_FALSE(destroyed) << "woken after its end";
        woken = true;
    }
    void poll() {
        ++sleeps;
        ::interleave::explorer::wait([this] { return woken; });
        woken = false;
    }
    bool inherited() const noexcept { return false; }
};
class loop_core {};
}  // namespace bide::detail

#include "loop/inbox.hpp"
#include "loop/loop_door.hpp"
}  // namespace explored

namespace {

using bide::detail::ready_node;
using bide::detail::ready_queue;
using explored::bide::detail::backend;
using explored::bide::detail::inbox;
using explored::bide::detail::loop_core;
using explored::bide::detail::loop_door;

constexpr int preemptions = 2;

struct numbered : ready_node {
    numbered() : ready_node{&no_ops} {}
    static constexpr bide::detail::ready_ops no_ops{nullptr, nullptr};
    int number = 0;
};

// A loop with nothing but its inbox, as loop_core uses it.
struct world {
    backend os;
    inbox arrivals;
    loop_core core;
    loop_door door{core, arrivals, os};
    std::vector<numbered> nodes;
    std::vector<int> seen;
    std::vector<int> refused;

    explicit world(int count) : nodes(static_cast<std::size_t>(count)) {
        for (int i = 0; i < count; ++i) nodes[static_cast<std::size_t>(i)].number = i;
    }

    void take() {
        ready_queue ready;
        arrivals.take(ready);
        note(ready);
    }
    void note(ready_queue& ready) {
        while (ready_node* const node = ready.pop()) seen.push_back(static_cast<numbered*>(node)->number);
    }
    void run_until(std::size_t count) {
        for (take(); seen.size() < count; take()) {
            if (!arrivals.fall_asleep()) continue;
            os.poll();
            arrivals.awake();
        }
    }
    void close() {
        door.close();
        ready_queue ready;
        arrivals.close(ready);
        note(ready);
        os.destroyed = true;
    }
    void post(int number) {
        if (!door.post(nodes[static_cast<std::size_t>(number)])) refused.push_back(number);
    }
};

TEST(inbox_model, no_wake_up_is_lost_and_a_producers_nodes_keep_their_order) {
    std::unique_ptr<world> w;
    interleave::explorer all(preemptions);
    const std::size_t executions = all.run(
        [&] {
            w = std::make_unique<world>(3);
            return std::vector<std::function<void()>>{
                [&] { w->run_until(3); },
                [&] {
                    w->post(0);
                    w->post(1);
                },
                [&] { w->post(2); },
            };
        },
        [&] {
            ASSERT_EQ(w->seen.size(), 3U);
            std::vector<int> first;
            for (const int each : w->seen) {
                if (each != 2) first.push_back(each);
            }
            EXPECT_EQ(first, (std::vector<int>{0, 1}));
        });
    EXPECT_GT(executions, 500U);
}

TEST(inbox_model, a_burst_costs_one_wake_up_and_none_while_the_loop_is_awake) {
    std::unique_ptr<world> w;
    bool slept_once = false;
    bool stayed_awake = false;
    interleave::explorer all(2);
    all.run(
        [&] {
            w = std::make_unique<world>(2);
            return std::vector<std::function<void()>>{[&] { w->run_until(2); },
                                                      [&] {
                                                          w->post(0);
                                                          w->post(1);
                                                      }};
        },
        [&] {
            EXPECT_LE(w->os.sleeps, 2);
            slept_once = slept_once || w->os.sleeps == 1;
            stayed_awake = stayed_awake || w->os.sleeps == 0;
        });
    EXPECT_TRUE(slept_once);
    EXPECT_TRUE(stayed_awake);
}

TEST(inbox_model, what_is_posted_while_the_loop_closes_is_taken_or_refused) {
    std::unique_ptr<world> w;
    bool some_taken = false;
    bool some_refused = false;
    interleave::explorer all(preemptions);
    all.run(
        [&] {
            w = std::make_unique<world>(2);
            return std::vector<std::function<void()>>{[&] { w->close(); }, [&] { w->post(0); },
                                                      [&] { w->post(1); }};
        },
        [&] {
            EXPECT_EQ(w->seen.size() + w->refused.size(), 2U);
            some_taken = some_taken || !w->seen.empty();
            some_refused = some_refused || !w->refused.empty();
        });
    EXPECT_TRUE(some_taken);
    EXPECT_TRUE(some_refused);
}

// The node that a thread posts may be the one that ends the loop, before that thread has come to the wake-up.
TEST(inbox_model, nobody_touches_the_loop_after_its_end) {
    std::unique_ptr<world> w;
    interleave::explorer all(preemptions);
    all.run(
        [&] {
            w = std::make_unique<world>(2);
            return std::vector<std::function<void()>>{
                [&] {
                    w->run_until(1);
                    w->close();
                },
                [&] { w->post(0); },
                [&] { w->post(1); },
            };
        },
        [&] { EXPECT_EQ(w->seen.size() + w->refused.size(), 2U); });
}

}  // namespace
