// bide/core: a generator that hands over to another one, and what generators cost.
// bide-test: once
#include <gtest/gtest.h>

#include <bide/generator.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/allocation_count.hpp"

namespace {

using bide::elements_of;
using bide::generator;
using bide::invalid_state_error;

generator<int> count_to(int end) {
    for (int i = 0; i < end; ++i) co_yield i;
}

std::vector<int> all_of(generator<int> from) {
    std::vector<int> values;
    for (int each : from) values.push_back(each);
    return values;
}

// Python's yield from.

// [elements_of]
struct tree {
    int value;
    std::unique_ptr<tree> left, right;
};

generator<int> in_order(const tree* node) {
    if (node == nullptr) co_return;
    co_yield elements_of(in_order(node->left.get()));
    co_yield node->value;
    co_yield elements_of(in_order(node->right.get()));
}
// [/elements_of]

std::unique_ptr<tree> leaf(int value) { return std::make_unique<tree>(tree{value, nullptr, nullptr}); }

TEST(generator_delegation, walks_a_tree) {
    const auto root =
        std::make_unique<tree>(tree{4, std::make_unique<tree>(tree{2, leaf(1), leaf(3)}), leaf(5)});
    EXPECT_EQ(all_of(in_order(root.get())), (std::vector<int>{1, 2, 3, 4, 5}));
}

TEST(generator_delegation, takes_any_range) {
    const auto both = []() -> generator<int> {
        std::vector<int> numbers(2, 7);
        co_yield elements_of(numbers);
        co_yield elements_of(std::vector<int>(1, 8));
        const int fixed[] = {9, 10};
        co_yield elements_of(fixed);
    };
    EXPECT_EQ(all_of(both()), (std::vector<int>{7, 7, 8, 9, 10}));
}

TEST(generator_delegation, goes_on_with_a_generator_that_has_started) {
    const auto rest = [](generator<int> inner) -> generator<int> {
        co_yield 100;
        co_yield elements_of(std::move(inner));
        co_yield 200;
    };
    auto inner = count_to(3);
    EXPECT_EQ(inner.next(), 0);
    EXPECT_EQ(all_of(rest(std::move(inner))), (std::vector<int>{100, 1, 2, 200}));
    auto used_up = count_to(0);
    EXPECT_EQ(used_up.next(), std::nullopt);
    EXPECT_EQ(all_of(rest(std::move(used_up))), (std::vector<int>{100, 200}));
}

TEST(generator_delegation, an_inner_chain_is_adopted_whole) {
    const auto wrap = [](generator<int> inner) -> generator<int> {
        co_yield elements_of(std::move(inner));
        co_yield 50;
    };
    auto middle = wrap(count_to(3));
    EXPECT_EQ(middle.next(), 0);  // now suspended inside count_to
    auto outer = wrap(std::move(middle));
    EXPECT_EQ(all_of(std::move(outer)), (std::vector<int>{1, 2, 50, 50}));
}

generator<std::string, std::string, int> inner_echo(int answer) {
    for (;;) {
        std::string got;
        bool failed = false;
        try {
            got = co_yield "?";
        } catch (const std::runtime_error&) { failed = true; }
        if (failed) co_yield "caught inside";
        if (got == "end") co_return answer;
    }
}

generator<std::string, std::string> outer_echo(std::vector<std::string>& log) {
    const int answer = co_yield elements_of(inner_echo(42));
    log.push_back(std::to_string(answer));
    std::string caught;
    try {
        co_yield elements_of(inner_echo(0));
    } catch (const std::logic_error& e) { caught = e.what(); } catch (const bide::generator_exit&) {
        log.emplace_back("exit");
        throw;
    }
    co_yield "outer caught " + caught;
}

TEST(generator_delegation, send_throw_and_close_reach_the_inner_generator_and_its_result_comes_back) {
    std::vector<std::string> log;
    auto gen = outer_echo(log);
    EXPECT_EQ(gen.next(), "?");
    EXPECT_EQ(gen.send("x"), "?");
    EXPECT_EQ(gen.throw_exception(std::runtime_error("x")), "caught inside");
    EXPECT_EQ(gen.send("ignored"), "?");
    EXPECT_EQ(gen.send("end"), "?");  // of the second inner generator
    EXPECT_EQ(log, std::vector<std::string>{"42"});
    EXPECT_EQ(gen.throw_exception(std::logic_error("y")), "outer caught y");
    EXPECT_EQ(gen.next(), std::nullopt);

    auto closed = outer_echo(log);
    (void)closed.next();
    (void)closed.send("end");
    closed.close();
    EXPECT_EQ(log, (std::vector<std::string>{"42", "42", "exit"}));
}

TEST(generator_delegation, destroying_the_outer_one_ends_the_inner_one) {
    int destroyed = 0;
    const auto guarded = [](int& count) -> generator<int> {
        const std::shared_ptr<int> guard(&count, [](int* c) { ++*c; });
        for (;;) co_yield 1;
    };
    const auto outer = [](generator<int> inner) -> generator<int> { co_yield elements_of(std::move(inner)); };
    {
        auto gen = outer(guarded(destroyed));
        (void)gen.next();
    }
    EXPECT_EQ(destroyed, 1);
    {
        auto gen = outer(outer(guarded(destroyed)));
        (void)gen.next();
        (void)gen.next();
    }
    EXPECT_EQ(destroyed, 2);
    {
        auto started = guarded(destroyed);
        (void)started.next();
        auto gen = outer(std::move(started));
        (void)gen.next();
    }
    EXPECT_EQ(destroyed, 3);
}

TEST(generator_delegation, a_generator_cannot_delegate_to_itself) {
    generator<int>* self = nullptr;
    const auto make = [](generator<int>*& me) -> generator<int> {
        bool refused = false;
        try {
            co_yield elements_of(std::move(*me));
        } catch (const invalid_state_error&) { refused = true; }
        co_yield refused ? 1 : 0;
    };
    auto gen = make(self);
    self = &gen;
    EXPECT_EQ(gen.next(), 1);
}

// Cost.

TEST(generator_cost, a_million_yields_in_a_row) {
    long sum = 0;
    for (int x : count_to(1'000'000)) sum += x;
    EXPECT_EQ(sum, 499'999'500'000);
}

TEST(generator_cost, a_million_delegations_in_a_row) {
    const auto many = []() -> generator<int> {
        for (int i = 0; i < 1'000'000; ++i) co_yield elements_of(count_to(1));
    };
    long count = 0;
    for (int x : many()) count += 1 + x;
    EXPECT_EQ(count, 1'000'000);
}

generator<int> nested(int depth) {
    if (depth > 0) co_yield elements_of(nested(depth - 1));
    co_yield depth;
}

TEST(generator_cost, deep_delegation_gives_every_value_once) {
    int expected = 0;
    for (int x : nested(500)) EXPECT_EQ(x, expected++);
    EXPECT_EQ(expected, 501);
}

TEST(generator_cost, needs_no_memory_but_its_frame) {
    long sum = 0;
    for (int x : count_to(1)) sum += x;  // the pool has its first blocks now
    auto gen = count_to(1000);
    const long before = bide_test::allocations;
    while (auto x = gen.next()) sum += *x;
    for (int x : gen) sum += x;
    EXPECT_EQ(bide_test::allocations - before, 0);
    EXPECT_EQ(sum, 499'500);
}

}  // namespace
