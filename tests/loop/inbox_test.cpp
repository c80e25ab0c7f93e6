// bide/loop: the inbox keeps order, refuses nothing while open and everything when closed, and loses no wake-up.
// bide-test: once
#include "loop/inbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

namespace {

using bide::detail::inbox;
using bide::detail::ready_node;
using bide::detail::ready_ops;
using bide::detail::ready_queue;

constexpr ready_ops no_ops{};

struct letter : ready_node {
    letter(int from, int at) : ready_node{&no_ops}, sender(from), number(at) {}
    int sender;
    int number;
};

TEST(inbox, keeps_the_order) {
    inbox box;
    EXPECT_TRUE(box.empty());
    letter a(0, 0), b(0, 1), c(0, 2);
    bool wake = false;
    for (letter* const each : {&a, &b, &c}) EXPECT_TRUE(box.push(*each, wake));
    EXPECT_FALSE(box.empty());
    ready_queue taken;
    box.take(taken);
    EXPECT_EQ(taken.pop(), &a);
    EXPECT_EQ(taken.pop(), &b);
    EXPECT_EQ(taken.pop(), &c);
    EXPECT_EQ(taken.pop(), nullptr);
    EXPECT_TRUE(box.empty());
}

TEST(inbox, asks_for_one_wake_up_of_a_sleeper_and_none_of_the_waking) {
    inbox box;
    letter a(0, 0), b(0, 1), c(0, 2), d(0, 3);
    bool wake = true;
    box.push(a, wake);
    EXPECT_FALSE(wake);
    EXPECT_FALSE(box.fall_asleep());  // something is there
    ready_queue taken;
    box.take(taken);
    EXPECT_TRUE(box.fall_asleep());
    box.push(b, wake);
    EXPECT_TRUE(wake);
    box.push(c, wake);
    EXPECT_FALSE(wake);  // it is being woken already
    box.awake();
    box.push(d, wake);
    EXPECT_FALSE(wake);
}

TEST(inbox, refuses_what_comes_after_it_was_closed) {
    inbox box;
    letter a(0, 0), b(0, 1);
    bool wake = false;
    box.push(a, wake);
    ready_queue taken;
    box.close(taken);
    EXPECT_EQ(taken.pop(), &a);
    EXPECT_FALSE(box.push(b, wake));
    EXPECT_TRUE(box.empty());
    box.close(taken);
    box.take(taken);
    EXPECT_TRUE(taken.empty());
}

// A loop that really sleeps: a lost wake-up would hang it.
TEST(inbox, loses_no_letter_and_no_wake_up) {
    constexpr int senders = 3;
    constexpr int letters = 20'000;
    inbox box;
    std::counting_semaphore<> bell{0};
    std::vector<std::vector<std::unique_ptr<letter>>> all(senders);
    for (int s = 0; s < senders; ++s) {
        for (int i = 0; i < letters; ++i)
            all[static_cast<std::size_t>(s)].push_back(std::make_unique<letter>(s, i));
    }
    std::vector<std::jthread> threads;
    for (int s = 0; s < senders; ++s) {
        threads.emplace_back([&, s] {
            for (auto& each : all[static_cast<std::size_t>(s)]) {
                bool wake = false;
                if (!box.push(*each, wake)) std::abort();
                if (wake) bell.release();
                if (each->number % 64 == 0) std::this_thread::yield();
            }
        });
    }
    std::vector<int> next(senders, 0);
    for (int received = 0; received < senders * letters;) {
        ready_queue taken;
        if (box.fall_asleep()) {
            ASSERT_TRUE(bell.try_acquire_for(std::chrono::seconds(30))) << "after " << received;
            box.awake();
        }
        box.take(taken);
        while (ready_node* const node = taken.pop()) {
            const auto& each = static_cast<const letter&>(*node);
            ASSERT_EQ(each.number, next[static_cast<std::size_t>(each.sender)]++);
            ++received;
        }
    }
    EXPECT_TRUE(box.empty());
}

TEST(inbox, each_letter_is_delivered_or_refused_while_it_closes) {
    for (int round = 0; round < 100; ++round) {
        inbox box;
        std::vector<std::unique_ptr<letter>> all;
        for (int i = 0; i < 200; ++i) all.push_back(std::make_unique<letter>(0, i));
        std::atomic<int> accepted{0};
        std::jthread sender([&] {
            bool wake = false;
            for (auto& each : all) {
                if (!box.push(*each, wake)) break;
                ++accepted;
            }
        });
        ready_queue taken;
        if (round % 2 == 0) box.take(taken);
        box.close(taken);
        sender.join();
        int delivered = 0;
        while (taken.pop() != nullptr) ++delivered;
        ASSERT_EQ(delivered, accepted);
    }
}

}  // namespace
