// bide/testing: the conformance suite finds streams that break a rule.
#include <bide/testing/stream_conformance.hpp>

#include <bide/bide.hpp>
#include <bide/testing/memory_stream.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"

namespace {

using bide::testing::memory_options;
using bide::testing::stream_pair;
using bide::testing::stream_traits;
using bide_test::has;
using bide_test::thrown;

// [conformance]
bide::coro<stream_pair> my_streams() {
    auto made = bide::testing::memory_streams();  // in its place: the streams to be proved
    co_return stream_pair(std::move(made.first), std::move(made.second));
}

TEST(my_stream, keeps_every_rule) { bide::testing::check_stream(my_streams); }
// [/conformance]

bide::coro<stream_pair> made_with(memory_options first, memory_options second) {
    auto made = bide::testing::memory_streams(std::move(first), std::move(second));
    co_return stream_pair(std::move(made.first), std::move(made.second));
}

std::string broken(memory_options first, memory_options second, const stream_traits& traits = {}) {
    return thrown<bide::testing::test_failure>([&] {
        bide::testing::check_stream([&] { return made_with(first, second); }, traits);
        return 0;
    });
}

TEST(stream_conformance, names_every_rule_that_is_broken) {
    const std::string why = broken(memory_options(), memory_options().fail_receiving_at(100'000));
    EXPECT_TRUE(has(why, "bytes_arrive_whole_at_every_size: receive from memory"));
    EXPECT_TRUE(has(why, "close_sends_what_is_unsent"));
    EXPECT_FALSE(has(why, "only_one_task_reads"));
}

TEST(stream_conformance, finds_a_stream_that_claims_a_half_close_it_has_not) {
    const auto whole = memory_options().half_close(false);
    EXPECT_TRUE(has(broken(whole, whole), "half_close_leaves_the_other_direction: can_write_eof is false"));
    EXPECT_EQ(broken(whole, whole, stream_traits().half_close(false)), "(nothing was thrown)");
}

TEST(stream_conformance, finds_one_that_buffers_without_bound) {
    const auto vast = memory_options().capacity(std::size_t{1} << 30);
    EXPECT_TRUE(has(broken(vast, vast), "drain_waits_from_the_high_mark_to_the_low_mark", "64 MiB"));
}

TEST(stream_conformance, rules_depend_on_what_the_stream_can_do) {
    const auto all = bide::testing::stream_rules();
    const auto one_way = bide::testing::stream_rules(stream_traits().two_way(false));
    EXPECT_GT(all.size(), 35U);
    EXPECT_LT(one_way.size(), all.size());
    EXPECT_THROW(bide::testing::check_stream_rule("no_such_rule", my_streams), std::invalid_argument);
}

}  // namespace
