// bide/tests: blocks of shared memory against a model: nothing overlaps, nothing is lost, nothing is changed.
// bide-test: once
#include "system/pool_blocks.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

using bide::detail::pool_blocks;
using bide::detail::sys::shared_segment;

namespace {

constexpr std::size_t begin = 4096;
constexpr std::size_t room = 1 << 20;

struct held {
    std::uint64_t block;
    std::size_t size;
    char mark;
};

bool is_whole(const shared_segment& memory, const held& block) {
    const auto* const at = reinterpret_cast<const char*>(memory.data() + block.block);
    for (std::size_t i = 0; i < block.size; ++i) {
        if (at[i] != block.mark) return false;
    }
    return true;
}

}  // namespace

TEST(pool_blocks, random_blocks_keep_what_is_in_them) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        const shared_segment memory(begin + room);
        pool_blocks blocks(memory, begin, room);
        std::mt19937 random(seed);
        std::vector<held> all;
        int refused = 0;
        for (int step = 0; step < 3000; ++step) {
            if (random() % 5 < 3) {
                const std::size_t size = random() % (random() % 4 == 0 ? 100'000 : 3000);
                const std::uint64_t block = blocks.allocate(size, false);
                if (block == 0) {
                    ++refused;
                    continue;
                }
                ASSERT_GE(block, begin);
                ASSERT_LE(block + size, begin + room);
                const char mark = static_cast<char>(random());
                std::memset(memory.data() + block, mark, size);
                all.push_back({block, size, mark});
            } else if (!all.empty()) {
                const std::size_t which = random() % all.size();
                ASSERT_TRUE(is_whole(memory, all[which])) << "seed " << seed << " step " << step;
                pool_blocks::release(memory, all[which].block);
                all[which] = all.back();
                all.pop_back();
            }
        }
        EXPECT_GT(refused, 0);
        for (const held& each : all) {
            EXPECT_TRUE(is_whole(memory, each));
            pool_blocks::release(memory, each.block);
        }
        EXPECT_NE(blocks.allocate(room - 200, false), 0U) << "seed " << seed;  // all of it is one block again
    }
}

TEST(pool_blocks, of_a_process_that_has_ended_only_its_own_are_freed) {
    const shared_segment memory(begin + room);
    pool_blocks first(memory, begin, room);
    const std::uint64_t own = first.allocate(1000, true);
    const std::uint64_t handed = first.allocate(1000, true);
    pool_blocks::head_of(memory, handed).owned_by_worker = 0;
    pool_blocks second(memory, begin, room);
    second.recover();
    EXPECT_EQ(second.allocate(1000, true), own);
    const std::uint64_t next = second.allocate(1000, true);
    EXPECT_NE(next, handed);
    EXPECT_EQ(second.allocate(room, true), 0U);
}

// The owner may be killed between any two stores.
TEST(pool_blocks, a_block_that_grew_is_whole_before_the_end_moves) {
    const shared_segment memory(begin + room);
    pool_blocks blocks(memory, begin, room);
    const std::uint64_t block = blocks.allocate(1000, true);
    const std::uint64_t old_size = pool_blocks::head_of(memory, block).size;
    pool_blocks::release(memory, block);
    EXPECT_EQ(blocks.allocate(5000, true), block);
    // The end has moved, the size has not: the free block behind it must be there.
    pool_blocks::head_of(memory, block).size = old_size;
    pool_blocks next(memory, begin, room);
    next.recover();
    EXPECT_EQ(next.allocate(5000, true), block);
}

TEST(pool_blocks, a_row_that_is_cut_off_is_not_followed) {
    const shared_segment memory(begin + room);
    pool_blocks blocks(memory, begin, room);
    const std::uint64_t first = blocks.allocate(1000, true);
    const std::uint64_t second = blocks.allocate(1000, true);
    pool_blocks::head_of(memory, second).size = 0;
    pool_blocks next(memory, begin, room);
    next.recover();
    EXPECT_EQ(next.allocate(1000, true), first);
    EXPECT_NE(next.allocate(1000, true), second);
}

TEST(pool_blocks, the_last_user_frees_it) {
    const shared_segment memory(begin + room);
    pool_blocks blocks(memory, begin, room);
    const std::uint64_t block = blocks.allocate(room - 200, false);
    pool_blocks::retain(memory, block);
    pool_blocks::release(memory, block);
    EXPECT_EQ(blocks.allocate(room / 2, false), 0U);
    pool_blocks::release(memory, block);
    EXPECT_NE(blocks.allocate(room / 2, false), 0U);
}

TEST(pool_blocks, the_memory_of_a_large_one_goes_back_to_the_system) {
    constexpr std::size_t large = std::size_t{20} << 20;
    const shared_segment memory(begin + 2 * large);
    pool_blocks blocks(memory, begin, 2 * large);
    const std::uint64_t block = blocks.allocate(large, false);
    std::memset(memory.data() + block, 'x', large);
    pool_blocks::release(memory, block);
    EXPECT_EQ(static_cast<int>(memory.data()[block + large / 2]), 0);
}
