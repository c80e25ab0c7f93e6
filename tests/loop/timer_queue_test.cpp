// bide/loop: the timer queue against a model that is obviously right.
// bide-test: once
#include "loop/timer_queue.hpp"

#include <gtest/gtest.h>

#include <bide/time.hpp>

#include <map>
#include <memory>
#include <random>
#include <vector>

namespace {

using bide::detail::no_deadline;
using bide::detail::ready_node;
using bide::detail::ready_ops;
using bide::detail::ready_queue;
using bide::detail::timer_node;
using bide::detail::timer_queue;

constexpr ready_ops no_ops{};
constexpr std::int64_t tick = std::int64_t{1} << 20;  // a slot of the lowest level
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t day = 86'400 * second;
constexpr std::int64_t year = 365 * day;

// Equal keys of a multimap keep the order of insertion, which is the promise.
using model = std::multimap<std::int64_t, timer_node*>;

struct timer : timer_node {
    timer() : timer_node{} { ops = &no_ops; }
    model::iterator entry;
    bool live = false;
};

class both {
public:
    timer& make() { return *timers_.emplace_back(std::make_unique<timer>()); }

    void insert(timer& what, std::int64_t when) {
        what.when = when;
        queue.insert(what);
        what.entry = expected.emplace(when, &what);
        what.live = true;
    }
    void remove(timer& what) {
        queue.remove(what);
        expected.erase(what.entry);
        what.live = false;
    }
    // What is due comes in order; nothing else does.
    testing::AssertionResult expire(std::int64_t now) {
        std::vector<timer_node*> due;
        while (!expected.empty() && expected.begin()->first <= now) {
            due.push_back(expected.begin()->second);
            static_cast<timer*>(expected.begin()->second)->live = false;
            expected.erase(expected.begin());
        }
        ready_queue ready;
        queue.expire(now, ready);
        std::size_t i = 0;
        while (ready_node* const node = ready.pop()) {
            if (i == due.size() || node != due[i]) {
                return testing::AssertionFailure()
                       << "at " << now << ": number " << i << " of " << due.size() << " is wrong";
            }
            if (static_cast<timer*>(node)->linked()) return testing::AssertionFailure() << "still linked";
            ++i;
        }
        if (i != due.size())
            return testing::AssertionFailure() << "at " << now << ": " << due.size() - i << " are missing";
        return check();
    }
    testing::AssertionResult check() {
        if (queue.size() != expected.size() || queue.empty() != expected.empty()) {
            return testing::AssertionFailure() << queue.size() << " timers, not " << expected.size();
        }
        const std::int64_t next = queue.next_deadline();
        const std::int64_t earliest = expected.empty() ? no_deadline : expected.begin()->first;
        if (next > earliest)
            return testing::AssertionFailure() << "next deadline " << next << " is after " << earliest;
        return testing::AssertionSuccess();
    }
    // Sleeping until next_deadline() again and again reaches the earliest timer in few steps.
    testing::AssertionResult reach_the_earliest(std::int64_t& now) {
        if (expected.empty()) return testing::AssertionSuccess();
        const std::size_t before = expected.size();
        for (int steps = 0; expected.size() == before; ++steps) {
            if (steps > 20) return testing::AssertionFailure() << "more than 20 wake-ups for one timer";
            now = std::max(now, queue.next_deadline());
            if (const auto good = expire(now); !good) return good;
        }
        return testing::AssertionSuccess();
    }

    timer_queue queue;
    model expected;

private:
    std::vector<std::unique_ptr<timer>> timers_;
};

TEST(timer_queue, is_empty_at_first) {
    both t;
    EXPECT_TRUE(t.queue.empty());
    EXPECT_EQ(t.queue.next_deadline(), no_deadline);
    EXPECT_TRUE(t.expire(0));
    EXPECT_TRUE(t.expire(5 * second));
    EXPECT_EQ(t.queue.take_any(), nullptr);
}

TEST(timer_queue, fires_to_the_nanosecond) {
    for (const std::int64_t when :
         {std::int64_t{1}, tick - 1, tick, tick + 1, 7 * second + 3, 400 * day + 1}) {
        both t;
        t.insert(t.make(), when);
        EXPECT_TRUE(t.expire(when - 1));
        EXPECT_EQ(t.queue.size(), 1U);
        EXPECT_TRUE(t.expire(when));
        EXPECT_TRUE(t.queue.empty());
    }
}

TEST(timer_queue, equal_deadlines_keep_their_order_however_late_they_are_set) {
    for (const std::int64_t when : {3 * tick, 200 * tick, 5000 * tick + 17, 40 * day}) {
        both t;
        // Some while it is far, some when it is near, some when it is in the heap already.
        for (const std::int64_t now :
             {std::int64_t{0}, when / 2, when - 70 * tick, when - 2 * tick, when - tick, when - 1}) {
            if (now > 0) { ASSERT_TRUE(t.expire(now)); }
            for (int i = 0; i < 5; ++i) t.insert(t.make(), when);
        }
        EXPECT_TRUE(t.expire(when));
        EXPECT_TRUE(t.queue.empty());
    }
}

TEST(timer_queue, what_is_overdue_fires_at_once_and_in_order) {
    both t;
    ASSERT_TRUE(t.expire(100 * second));
    for (const std::int64_t when :
         {99 * second, std::int64_t{5}, std::int64_t{0}, std::int64_t{-7}, INT64_MIN, 100 * second}) {
        t.insert(t.make(), when);
    }
    EXPECT_TRUE(t.expire(100 * second));
    EXPECT_TRUE(t.queue.empty());
}

TEST(timer_queue, before_the_first_expiry_anything_goes) {
    both t;
    t.insert(t.make(), -5);
    t.insert(t.make(), 0);
    t.insert(t.make(), 90 * day);
    t.insert(t.make(), 90 * day + 1);
    EXPECT_TRUE(t.check());
    EXPECT_TRUE(t.expire(90 * day));
    EXPECT_EQ(t.queue.size(), 1U);
    EXPECT_TRUE(t.expire(90 * day + 1));
}

TEST(timer_queue, slots_and_levels_have_no_seams) {
    both t;
    std::int64_t now = 12'345'678'901;
    ASSERT_TRUE(t.expire(now));
    // Just before, at and after the boundary of every slot size.
    for (int bits = 20; bits < 62; bits += 3) {
        const std::int64_t boundary = ((now >> bits) + 1) << bits;
        for (const std::int64_t offset :
             {-tick - 1, -tick, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, tick}) {
            t.insert(t.make(), boundary + offset);
        }
    }
    while (!t.expected.empty()) ASSERT_TRUE(t.reach_the_earliest(now));
}

TEST(timer_queue, no_deadline_is_never) {
    timer_queue queue;
    timer never, also_never, soon;
    never.when = also_never.when = no_deadline;
    soon.when = second;
    queue.insert(never);
    EXPECT_EQ(queue.next_deadline(), no_deadline);
    EXPECT_EQ(queue.size(), 1U);
    queue.insert(soon);
    queue.insert(also_never);
    ready_queue due;
    for (const std::int64_t now : {second, 290 * year, no_deadline}) queue.expire(now, due);
    EXPECT_EQ(due.pop(), &soon);
    EXPECT_EQ(due.pop(), nullptr);
    EXPECT_EQ(queue.next_deadline(), no_deadline);
    queue.remove(never);
    EXPECT_FALSE(never.linked());
    EXPECT_EQ(queue.take_any(), &also_never);
    EXPECT_TRUE(queue.empty());
}

TEST(timer_queue, a_clock_that_has_reached_its_end_still_works) {
    both t;
    for (const std::int64_t when :
         {no_deadline - 1, no_deadline - 2 * tick, no_deadline - tick, 5 * second}) {
        t.insert(t.make(), when);
    }
    EXPECT_TRUE(t.expire(no_deadline - 2));
    EXPECT_EQ(t.queue.size(), 1U);
    EXPECT_TRUE(t.expire(no_deadline - 1));
    EXPECT_TRUE(t.expire(no_deadline));
    EXPECT_TRUE(t.queue.empty());
    t.insert(t.make(), no_deadline - 1);
    t.insert(t.make(), 5);
    EXPECT_TRUE(t.expire(no_deadline));
    EXPECT_TRUE(t.queue.empty());
}

TEST(timer_queue, a_clock_that_stands_still_or_goes_back_does_no_harm) {
    both t;
    ASSERT_TRUE(t.expire(10 * second));
    t.insert(t.make(), 11 * second);
    EXPECT_TRUE(t.expire(10 * second));
    EXPECT_TRUE(t.expire(9 * second));
    t.insert(t.make(), 9 * second + 5);
    EXPECT_TRUE(t.expire(10 * second));
    EXPECT_TRUE(t.expire(11 * second));
    EXPECT_TRUE(t.queue.empty());
}

TEST(timer_queue, a_crowd_at_one_moment_is_still_exact) {
    both t;
    ASSERT_TRUE(t.expire(0));
    std::mt19937_64 random(3);
    for (int i = 0; i < 20'000; ++i)
        t.insert(t.make(), 5 * second + static_cast<std::int64_t>(random() % 1000));
    std::int64_t now = 0;
    ASSERT_TRUE(t.reach_the_earliest(now));
    EXPECT_LT(now, 5 * second + 5);
    for (std::int64_t at = now; at < 5 * second + 1000; at += 7) ASSERT_TRUE(t.expire(at));
    EXPECT_TRUE(t.expire(5 * second + 1000));
    EXPECT_TRUE(t.queue.empty());
}

TEST(timer_queue, take_any_empties_it) {
    both t;
    for (const std::int64_t when : {std::int64_t{0}, tick, 5 * second, 3 * day, no_deadline - 1})
        t.insert(t.make(), when);
    ASSERT_TRUE(t.expire(tick / 2));
    std::size_t left = t.queue.size();
    while (timer_node* const node = t.queue.take_any()) {
        EXPECT_FALSE(node->linked());
        --left;
    }
    EXPECT_EQ(left, 0U);
    EXPECT_TRUE(t.queue.empty());
    EXPECT_EQ(t.queue.next_deadline(), no_deadline);
}

// From one nanosecond to years, each magnitude equally likely.
std::int64_t any_span(std::mt19937_64& random, int max_bits) {
    const int bits = static_cast<int>(random() % static_cast<unsigned>(max_bits + 1));
    return static_cast<std::int64_t>(random() & ((std::uint64_t{1} << bits) - 1));
}

class timer_queue_random : public testing::TestWithParam<unsigned> {};

TEST_P(timer_queue_random, agrees_with_the_model) {
    std::mt19937_64 random(GetParam());
    // The clock may begin anywhere, and spans may be short or long in this run.
    std::int64_t now = any_span(random, 58);
    const int longest_timer = 10 + static_cast<int>(random() % 52);
    const int longest_jump = 10 + static_cast<int>(random() % 45);
    const bool expire_first = random() % 2 == 0;
    both t;
    std::vector<timer*> all;
    for (int i = 0; i < 300; ++i) all.push_back(&t.make());
    if (expire_first) { ASSERT_TRUE(t.expire(now)); }
    for (int step = 0; step < 3000; ++step) {
        timer& each = *all[random() % all.size()];
        switch (random() % 8) {
            case 0:
            case 1:
            case 2: {
                if (each.live) break;
                std::int64_t when = bide::detail::deadline_after(now, any_span(random, longest_timer));
                if (random() % 4 == 0) when &= ~(tick - 1);  // on a boundary
                if (random() % 4 == 0 && !t.expected.empty())
                    when = t.expected.rbegin()->first;  // equal to another
                if (random() % 8 == 0 && !t.expected.empty()) when = t.expected.begin()->first;
                when = std::min(when, no_deadline - 1);  // what never fires is another test's
                t.insert(each, when);
                break;
            }
            case 3:
            case 4:
                if (each.live) t.remove(each);
                break;
            case 5:
                now = bide::detail::deadline_after(now, any_span(random, longest_jump));
                if (random() % 4 == 0) now &= ~(tick - 1);
                ASSERT_TRUE(t.expire(now)) << "step " << step;
                break;
            case 6: ASSERT_TRUE(t.reach_the_earliest(now)) << "step " << step; break;
            default: ASSERT_TRUE(t.check()) << "step " << step; break;
        }
    }
    while (!t.expected.empty()) ASSERT_TRUE(t.reach_the_earliest(now));
}

INSTANTIATE_TEST_SUITE_P(seeds, timer_queue_random, testing::Range(1U, 301U));

}  // namespace
