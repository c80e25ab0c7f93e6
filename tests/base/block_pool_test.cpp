// bide/base: the pool's blocks never overlap, whoever allocates and whoever frees them.
#include <bide/detail/base/block_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace {

using bide::detail::pool_allocate;
using bide::detail::pool_free;

// A block that knows what was written into all of it.
struct block {
    explicit block(std::size_t bytes, unsigned char fill)
        : at(pool_allocate(bytes)), size(bytes), mark(fill) {
        std::memset(at, mark, size);
    }
    bool intact() const {
        const auto* const bytes = static_cast<const unsigned char*>(at);
        for (std::size_t i = 0; i < size; ++i) {
            if (bytes[i] != mark) return false;
        }
        return true;
    }
    void free() const { pool_free(at, size); }

    void* at;
    std::size_t size;
    unsigned char mark;
};

TEST(block_pool, every_size_is_aligned_and_writable) {
    for (std::size_t size = 0; size <= 1100; ++size) {
        const block b(size, 0xa5);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.at) % 16, 0U) << size;
        EXPECT_TRUE(b.intact());
        b.free();
    }
}

TEST(block_pool, blocks_of_size_zero_are_distinct) {
    void* const a = pool_allocate(0);
    void* const b = pool_allocate(0);
    EXPECT_NE(a, b);
    pool_free(a, 0);
    pool_free(b, 0);
}

TEST(block_pool, live_blocks_do_not_overlap) {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        std::mt19937 random(seed);
        std::vector<block> live;
        for (int step = 0; step < 20'000; ++step) {
            if (live.empty() || random() % 100 < 55) {
                live.emplace_back(1 + random() % 1200, static_cast<unsigned char>(random()));
            } else {
                std::swap(live[random() % live.size()], live.back());
                ASSERT_TRUE(live.back().intact()) << "seed " << seed;
                live.back().free();
                live.pop_back();
            }
        }
        for (const block& each : live) {
            ASSERT_TRUE(each.intact()) << "seed " << seed;
            each.free();
        }
    }
}

#if !BIDE_ASAN && !BIDE_TSAN  // there every block is the system's

TEST(block_pool, the_block_freed_last_is_given_out_first) {
    void* const first = pool_allocate(200);
    pool_free(first, 200);
    void* const second = pool_allocate(193);  // of the same class
    EXPECT_EQ(first, second);
    pool_free(second, 193);
}

TEST(block_pool, what_a_thread_leaves_another_one_gets) {
    // More than fits between a thread and the depot, of a size that nothing else here uses.
    constexpr std::size_t size = 1008;
    std::vector<void*> blocks;
    std::thread([&] {
        for (int i = 0; i < 1000; ++i) blocks.push_back(pool_allocate(size));
        for (void* const each : blocks) pool_free(each, size);
    }).join();
    std::sort(blocks.begin(), blocks.end());
    std::size_t reused = 0;
    std::thread([&] {
        std::vector<void*> mine;
        for (int i = 0; i < 1000; ++i) mine.push_back(pool_allocate(size));
        for (void* const each : mine) {
            reused += std::binary_search(blocks.begin(), blocks.end(), each) ? 1 : 0;
            pool_free(each, size);
        }
    }).join();
    EXPECT_GE(reused, 900U);  // all but what the first had in reserve
}

#endif

// One thread makes, another frees: nothing accumulates, nothing is given out twice.
TEST(block_pool, blocks_may_be_freed_by_another_thread) {
    constexpr int rounds = 200;
    constexpr std::size_t each_round = 300;
    std::mutex mutex;
    std::vector<block> handed_over;
    std::atomic<bool> ended{false};
    std::atomic<int> damaged{0};
    std::thread producer([&] {
        std::mt19937 random(7);
        for (int round = 0; round < rounds; ++round) {
            std::vector<block> made;
            for (std::size_t i = 0; i < each_round; ++i) {
                made.emplace_back(16 + 16 * (random() % 8), static_cast<unsigned char>(random()));
            }
            const std::lock_guard lock(mutex);
            handed_over.insert(handed_over.end(), made.begin(), made.end());
        }
        ended = true;
    });
    std::thread consumer([&] {
        for (bool last = false; !last;) {
            last = ended;
            std::vector<block> taken;
            {
                const std::lock_guard lock(mutex);
                taken.swap(handed_over);
            }
            for (const block& b : taken) {
                if (!b.intact()) ++damaged;
                b.free();
            }
        }
    });
    producer.join();
    consumer.join();
    EXPECT_EQ(damaged, 0);
    EXPECT_TRUE(handed_over.empty());
}

// Destructors of thread-local objects may run after the pool has given the thread's blocks back.
struct late_user {
    ~late_user() {
        for (int i = 0; i < 200; ++i) {
            const block b(64, 0x5a);
            if (!b.intact()) std::abort();
            b.free();
        }
        pool_free(kept, 64);
    }
    void* kept = nullptr;
};

TEST(block_pool, may_be_used_while_a_thread_ends) {
    for (int i = 0; i < 20; ++i) {
        std::thread([] {
            static thread_local late_user late;  // made before the pool's own, so destroyed after it
            late.kept = pool_allocate(64);
        }).join();
    }
}

}  // namespace
