// bide/testing: the clock jumps past other threads only when these had their time, not when the machine stood still.
// bide-test: once
#include "testing/test_backend.hpp"

#include <gtest/gtest.h>

#include <functional>

#include <bide/time.hpp>

namespace {

using bide::detail::backend;
using bide::detail::loop_state;
using bide::detail::monotonic_now;
using bide::detail::ready_node;
using bide::detail::ready_ops;
using bide::detail::ready_queue;
using bide::detail::test_backend;
using bide::detail::timer_node;

constexpr std::int64_t one_hour = 3'600'000'000'000;
constexpr ready_ops no_ops{};

// Calls a function in place of each poll().
class scripted final : public backend {
public:
    using look = std::function<void(int number, std::int64_t deadline, ready_queue&)>;
    explicit scripted(look what) : what_(std::move(what)) {}

    void submit(timer_node&) noexcept override { ++in_flight_; }
    void cancel(timer_node&) noexcept override {}
    void poll(std::int64_t deadline, ready_queue& done) noexcept override {
        what_(++number_, deadline, done);
    }
    void wake() noexcept override {}
    void forget(int) noexcept override {}
    std::int64_t now() noexcept override { return monotonic_now(); }
    [[nodiscard]] const char* name() const noexcept override { return "scripted"; }

private:
    look what_;
    int number_ = 0;
};

void pass(std::int64_t until) {
    while (monotonic_now() <= until) {}
}

// As when the virtual machine is not run for a while: time has passed, and nobody has done anything in it.
TEST(test_backend, a_machine_that_stands_still_has_not_kept_a_thread_from_its_work) {
    timer_node node{};
    node.ops = &no_ops;
    test_backend os(std::make_unique<scripted>([&](int number, std::int64_t deadline, ready_queue& done) {
                        if (number == 1) return pass(deadline + 600'000'000);
                        done.push(node);
                    }),
                    true);
    loop_state loop;
    loop.pending_external = 1;
    os.attach(loop);
    ready_queue done;
    os.poll(one_hour, done);
    EXPECT_EQ(os.now(), 0);
    EXPECT_EQ(done.pop(), &node);
}

// What it was woken for is in the loop's inbox; a timer must not come before that.
TEST(test_backend, a_wake_up_counts_also_when_the_look_took_all_its_time) {
    test_backend* woken = nullptr;
    test_backend os(std::make_unique<scripted>([&](int, std::int64_t deadline, ready_queue&) {
                        woken->wake();
                        pass(deadline);
                    }),
                    true);
    woken = &os;
    loop_state loop;
    loop.pending_external = 1;
    os.attach(loop);
    ready_queue done;
    os.poll(one_hour, done);
    EXPECT_EQ(os.now(), 0);
}

TEST(test_backend, the_clock_jumps_when_a_thread_had_its_time_and_at_once_when_there_is_none) {
    int looks = 0;
    test_backend os(std::make_unique<scripted>([&](int, std::int64_t deadline, ready_queue&) {
                        if (deadline == 0) return;
                        ++looks;
                        pass(deadline);
                    }),
                    true);
    loop_state loop;
    os.attach(loop);
    ready_queue done;
    os.poll(one_hour, done);
    EXPECT_EQ(os.now(), one_hour);
    EXPECT_EQ(looks, 0);
    loop.pending_external = 1;
    os.poll(2 * one_hour, done);
    EXPECT_EQ(os.now(), 2 * one_hour);
    EXPECT_GT(looks, 1);
}

}  // namespace
