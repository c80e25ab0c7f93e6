// bide/net: where bytes lie until they are read.
// bide-test: once
#include "net/receive_buffer.hpp"

#include <bide/detail/base/block_pool.hpp>
#include <bide/detail/os/op.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

namespace {

using bide::detail::lent_size;
using bide::detail::receive_block;
using bide::detail::receive_buffer;

void append_piece(receive_buffer& to, std::string_view bytes) {
    auto* const piece = static_cast<char*>(bide::detail::pool_allocate(lent_size));
    std::memcpy(piece, bytes.data(), bytes.size());
    to.append_piece(piece, bytes.size());
}

void append_block(receive_buffer& to, std::string_view bytes) {
    receive_block block = receive_block::acquire();
    std::memcpy(block.data(), bytes.data(), bytes.size());
    to.append(std::move(block), bytes.size());
}

TEST(receive_buffer, a_piece_is_read_where_it_arrived) {
    receive_buffer buffer;
    auto* const piece = static_cast<char*>(bide::detail::pool_allocate(lent_size));
    std::memcpy(piece, "hello", 5);
    buffer.append_piece(piece, 5);
    EXPECT_EQ(static_cast<const void*>(buffer.view().data()), piece);
    EXPECT_EQ(buffer.take(2), "he");
    EXPECT_EQ(buffer.view(), "llo");
}

TEST(receive_buffer, what_was_passed_stays_until_the_next_call) {
    receive_buffer buffer;
    append_piece(buffer, "hello");
    const std::string_view seen = buffer.view();
    buffer.pass(seen.size());
    EXPECT_EQ(buffer.size(), 0U);
    EXPECT_EQ(seen, "hello");
    append_piece(buffer, "next");
    EXPECT_EQ(buffer.view(), "next");
}

TEST(receive_buffer, gathers_what_is_unread_before_a_wait) {
    receive_buffer buffer;
    append_piece(buffer, "half a line");
    buffer.drop(5);
    const void* const piece = buffer.view().data();
    buffer.gather();
    EXPECT_NE(static_cast<const void*>(buffer.view().data()), piece);
    EXPECT_EQ(buffer.view(), "a line");
    append_piece(buffer, " and its end");
    EXPECT_EQ(buffer.view(), "a line and its end");
}

// Whatever the pieces are and however they are read, the bytes come out in their order.
TEST(receive_buffer, keeps_the_order_of_what_comes_in_all_ways) {
    std::mt19937 random(7);
    const auto upto = [&](std::size_t most) { return random() % (most + 1); };
    for (int round = 0; round < 300; ++round) {
        receive_buffer buffer;
        std::string expected;
        char next = 'a';
        for (int step = 0; step < 40; ++step) {
            const std::size_t large = upto(3) == 0 ? receive_block::size : 3 * lent_size;
            std::string bytes(upto(large), next);
            next = next == 'z' ? 'a' : static_cast<char>(next + 1);
            switch (upto(6)) {
                case 0: buffer.append(bytes); break;
                case 1: append_block(buffer, bytes); break;
                case 2: buffer.text().append(bytes); break;
                case 3:
                    bytes.resize(std::min(bytes.size(), lent_size));
                    append_piece(buffer, bytes);
                    break;
                case 4:
                    buffer.gather();
                    bytes.clear();
                    break;
                default: {
                    bytes.clear();
                    const std::size_t count = upto(expected.size());
                    const std::string wanted = expected.substr(0, count);
                    switch (upto(2)) {
                        case 0: EXPECT_EQ(buffer.take(count), wanted); break;
                        case 1:
                            EXPECT_EQ(buffer.view().substr(0, count), wanted);
                            buffer.drop(count);
                            break;
                        default: buffer.pass(count);
                    }
                    expected.erase(0, count);
                }
            }
            expected += bytes;
            ASSERT_EQ(buffer.size(), expected.size());
            ASSERT_TRUE(buffer.view() == expected) << "round " << round << " step " << step;
        }
    }
}

}  // namespace
