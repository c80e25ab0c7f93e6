// bide/tests: blocks of shared memory as arguments and results of calls in worker processes.
#include <bide/shared_bytes.hpp>

#include <bide/process_pool.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/children.hpp"
#include "system/pool_functions.hpp"
#include "system/scratch.hpp"

using namespace std::chrono_literals;
using namespace pool_tests;

using bide::process_pool;
using bide::process_pool_options;
using bide::shared_bytes;
using bide_test::has;
using bide_test::outcome;
using bide_test::thrown;
using system_tests::scratch;

namespace {

shared_bytes filled(std::size_t size, char with) {
    shared_bytes made(size);
    std::memset(made.data(), with, made.size());
    return made;
}
std::size_t count(const shared_bytes& block, char what) {
    std::size_t found = 0;
    for (const char each : block.text()) found += each == what;
    return found;
}
// [use]
shared_bytes in_place(shared_bytes block) {
    for (std::byte& each : block.bytes()) each = static_cast<std::byte>(static_cast<char>(each) + 1);
    return block;
}

bide::coro<void> change_bytes_elsewhere(bide::process_pool& pool) {
    shared_bytes block = pool.allocate(std::size_t{100} << 20);
    std::memset(block.data(), 'a', block.size());
    block = co_await pool.submit<&in_place>(std::move(block));
    EXPECT_EQ(block.text().back(), 'b');
}
// [/use]

std::vector<shared_bytes> several(std::size_t number, std::size_t size) {
    std::vector<shared_bytes> all;
    for (std::size_t i = 0; i < number; ++i) all.push_back(filled(size, static_cast<char>('a' + i)));
    return all;
}
shared_bytes remembered;
void remember(const shared_bytes& block) { remembered = block; }
void block_with(const shared_bytes&, const std::string& sign) { block(sign); }
std::string recall() { return std::string(remembered.text().substr(0, 3)); }

struct fails_after_a_block {
    shared_bytes block;
    template <class Archive>
    void save(Archive& archive) const {
        archive(block);
        throw std::runtime_error("after the block");
    }
    template <class Archive>
    void load(Archive&) {}
};
fails_after_a_block give_and_fail() { return {filled(1000, 'x')}; }
void take_and_fail(const fails_after_a_block&) {}

constexpr std::size_t mib = std::size_t{1} << 20;

}  // namespace

BIDE_TEST(shared_bytes, go_both_ways_without_a_copy) {
    process_pool pool(1);
    shared_bytes block = pool.allocate(3 * mib);
    std::memset(block.data(), 'a', block.size());
    const std::size_t found = co_await pool.submit<&count>(block, 'a');
    EXPECT_EQ(found, 3 * mib);
    const shared_bytes back = co_await pool.submit<&in_place>(block);
    EXPECT_EQ(back.data(), block.data());
    EXPECT_EQ(block.text().front(), 'b');
    EXPECT_EQ(block.text().back(), 'b');
    shared_bytes made = co_await pool.submit<&filled>(2 * mib, 'z');
    EXPECT_EQ(made.text(), std::string(2 * mib, 'z'));
    const std::size_t there = co_await pool.submit<&count>(made, 'z');  // a worker's block to a worker
    EXPECT_EQ(there, 2 * mib);
    made.truncate(10);
    const std::size_t fewer = co_await pool.submit<&count>(made, 'z');
    EXPECT_EQ(fewer, 10U);
    EXPECT_THROW(made.truncate(11), std::out_of_range);
}

BIDE_TEST(shared_bytes, a_large_block) {
    process_pool pool(1);
    co_await change_bytes_elsewhere(pool);
}

BIDE_TEST(shared_bytes, inside_other_values_and_empty) {
    process_pool pool(2);
    const std::vector<shared_bytes> all = co_await pool.submit<&several>(5, 1000);
    for (std::size_t i = 0; i < all.size(); ++i)
        EXPECT_EQ(all[i].text(), std::string(1000, static_cast<char>('a' + i)));
    const shared_bytes none = co_await pool.submit<&in_place>(shared_bytes());
    EXPECT_EQ(none.size(), 0U);
    EXPECT_EQ(none.data(), nullptr);
    const shared_bytes of_size_0 = co_await pool.submit<&filled>(0, 'x');
    EXPECT_TRUE(of_size_0.text().empty());
}

// The memory is enough for a few at a time only.
BIDE_TEST(shared_bytes, every_way_to_let_go_of_them_frees_them) {
    scratch folder;
    process_pool pool(process_pool_options().workers(1).shared_memory(4 * mib));
    for (int i = 0; i < 20; ++i) {
        shared_bytes argument = pool.allocate(mib);
        const shared_bytes result = co_await pool.submit<&in_place>(std::move(argument));
        const shared_bytes made = co_await pool.submit<&filled>(mib, 'x');
        const shared_bytes copy = made;
        EXPECT_EQ(copy.data(), made.data());
    }
    for (int i = 0; i < 20; ++i) {  // cancelled while queued, while it runs, and with its result on the way
        auto call = pool.submit<&in_place>(pool.allocate(mib));
        auto other = pool.submit<&filled>(mib, 'x');
        for (int turn = 0; turn < i; ++turn) co_await bide::sleep(0s);
        call.cancel();
        other.cancel();
        co_await outcome(call);
        co_await outcome(other);
        co_await pool.submit<&square>(1);
    }
    for (int i = 0; i < 20; ++i) {  // failures while packing
        auto call = pool.submit<&take_and_fail>(fails_after_a_block{pool.allocate(mib)});
        const std::string there = co_await outcome(call);
        EXPECT_TRUE(has(there, "after the block"));
        const std::string back = co_await outcome(pool.submit<&give_and_fail>());
        EXPECT_EQ(back, "after the block");
    }
    const shared_bytes last = pool.allocate(3 * mib);
    EXPECT_EQ(last.size(), 3 * mib);
}

BIDE_TEST(shared_bytes, a_worker_may_keep_one) {
    process_pool pool(1);
    {
        shared_bytes block = pool.allocate(1000);
        std::memcpy(block.data(), "abc", 3);
        co_await pool.submit<&remember>(block);
    }
    shared_bytes other = pool.allocate(1000);
    std::memset(other.data(), 'x', other.size());
    const std::string text = co_await pool.submit<&recall>();
    EXPECT_EQ(text, "abc");
    pool.close();
    co_await pool.join();  // it ends with the block in a static object
    EXPECT_TRUE(bide_test::childless());
}

TEST(shared_bytes, may_outlive_the_pool_and_the_loop) {
    shared_bytes kept;
    auto body = [&kept]() -> bide::coro<void> {
        process_pool pool(1);
        kept = co_await pool.submit<&filled>(mib, 'k');
    };
    bide::run(body());
    EXPECT_EQ(kept.text(), std::string(mib, 'k'));
    kept = {};
}

BIDE_TEST(shared_bytes, misuse) {
    process_pool pool(process_pool_options().workers(1).shared_memory(mib));
    process_pool other(1);
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([] { return shared_bytes(10); }), "process_pool::allocate()"));
    EXPECT_TRUE(has(thrown<std::length_error>([&] { return pool.allocate(2 * mib); }), "2097152 bytes"));
    const std::string foreign = co_await outcome(pool.submit<&in_place>(other.allocate(10)));
    EXPECT_TRUE(has(foreign, "another process pool"));
    const std::string too_large = co_await outcome(pool.submit<&filled>(2 * mib, 'x'));
    EXPECT_TRUE(has(too_large, "2097152 bytes"));
    std::string packed;
    bide::detail::memory_packer counter;
    counter(shared_bytes());
    EXPECT_EQ(counter.size(), 16U);
}

BIDE_TEST(shared_bytes, a_worker_that_is_killed_leaves_its_memory_to_the_next) {
    scratch folder;
    process_pool pool(process_pool_options().workers(1).shared_memory(3 * mib).kill_on_cancel());
    for (int i = 0; i < 5; ++i) {
        const shared_bytes kept = co_await pool.submit<&filled>(mib, static_cast<char>('0' + i));
        auto call = pool.submit<&block>(folder / std::to_string(i));
        co_await made(folder / std::to_string(i));
        call.cancel();
        co_await outcome(call);
        EXPECT_EQ(kept.text(), std::string(mib, static_cast<char>('0' + i)));
    }
    const shared_bytes last = co_await pool.submit<&filled>(mib, 'x');
    EXPECT_EQ(last.size(), mib);
}

BIDE_TEST(shared_bytes, a_worker_that_is_killed_for_its_call_gives_its_arguments_back) {
    scratch folder;
    process_pool pool(process_pool_options().workers(1).shared_memory(3 * mib).kill_on_cancel());
    for (int i = 0; i < 5; ++i) {
        const std::string sign = folder / std::to_string(i);
        auto call = pool.submit<&block_with>(pool.allocate(2 * mib), sign);
        co_await made(sign);
        call.cancel();
        co_await outcome(call);
        co_await pool.submit<&square>(1);  // in another worker
    }
    const shared_bytes last = pool.allocate(2 * mib);
    EXPECT_EQ(last.size(), 2 * mib);
}
