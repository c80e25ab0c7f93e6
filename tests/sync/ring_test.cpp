// bide/tests: the ring buffer below the queues, against std::deque.
// bide-test: once
#include <bide/detail/sync/ring.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>

namespace {

using bide::detail::ring;

TEST(ring, behaves_as_a_deque) {
    ring<std::string> items;
    std::deque<std::string> model;
    std::uint64_t random = 42;
    for (int i = 0; i < 20'000; ++i) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        const auto choice = random >> 33;
        const bool grows = (i / 500) % 2 == 0;  // waves, so that it wraps, grows and runs empty
        if (choice % 8 < (grows ? 5 : 3)) {
            model.push_back(std::to_string(i) + " is long enough not to be stored in place");
            items.push_back(std::string(model.back()));
        } else if (!model.empty() && choice % 2 == 0) {
            ASSERT_EQ(items.pop_front(), model.front());
            model.pop_front();
        } else if (!model.empty()) {
            ASSERT_EQ(items.pop_back(), model.back());
            model.pop_back();
        }
        ASSERT_EQ(items.empty(), model.empty());
    }
}

TEST(ring, destroys_what_is_left) {
    const auto watched = std::make_shared<int>(1);
    {
        ring<std::shared_ptr<int>> items;
        for (int i = 0; i < 20; ++i) items.push_back(std::shared_ptr<int>(watched));
        for (int i = 0; i < 5; ++i) items.pop_front();
        EXPECT_EQ(watched.use_count(), 16);
    }
    EXPECT_EQ(watched.use_count(), 1);
}

// A type whose moves may throw is copied when the ring grows, so that a failure leaves the old room as it was.
struct fragile {
    explicit fragile(int number) : value(number) {}
    fragile(const fragile& other) : value(other.value) {
        if (copies_left-- == 0) throw std::runtime_error("no more copies");
    }
    fragile(fragile&& other) noexcept(false) : value(other.value) {}
    int value;
    static inline int copies_left = 1'000;
};

TEST(ring, failure_to_grow_changes_nothing) {
    ring<fragile> items;
    for (int i = 0; i < 8; ++i) items.push_back(fragile(i));
    fragile::copies_left = 3;
    EXPECT_THROW(items.push_back(fragile(8)), std::runtime_error);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(items.pop_front().value, i);
    EXPECT_TRUE(items.empty());
}

}  // namespace
