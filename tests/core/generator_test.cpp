// bide/core: a generator hands out values one by one, takes what is sent and thrown in, and ends as Python's does.
// bide-test: once
#include <gtest/gtest.h>

#include <bide/generator.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <ranges>
#include <sstream>
#include <string>
#include <vector>

namespace {

using bide::elements_of;
using bide::generator;
using bide::invalid_state_error;

// [fibonacci]
generator<int> fibonacci(int count) {
    int a = 0, b = 1;
    for (int i = 0; i < count; ++i) {
        co_yield a;
        b = std::exchange(a, b) + b;
    }
}
// [/fibonacci]

generator<int> count_to(int end) {
    for (int i = 0; i < end; ++i) co_yield i;
}

template <class T>
std::vector<T> all_of(generator<T> from) {
    std::vector<T> values;
    for (T& each : from) values.push_back(std::move(each));
    return values;
}

// Python's generator.__next__ and for loops.

TEST(generator, fibonacci_in_a_for_loop) {
    std::vector<int> seen;
    // [loop]
    for (int x : fibonacci(10)) seen.push_back(x);
    // [/loop]
    EXPECT_EQ(seen, (std::vector<int>{0, 1, 1, 2, 3, 5, 8, 13, 21, 34}));
}

TEST(generator, next_gives_each_value_and_then_nothing) {
    auto gen = count_to(2);
    EXPECT_EQ(gen.next(), 0);
    EXPECT_FALSE(gen.done());
    EXPECT_EQ(gen.next(), 1);
    EXPECT_EQ(gen.next(), std::nullopt);
    EXPECT_TRUE(gen.done());
    EXPECT_EQ(gen.next(), std::nullopt);
}

TEST(generator, free_next_throws_stop_iteration_or_gives_the_default) {
    auto gen = count_to(1);
    EXPECT_EQ(bide::next(gen), 0);
    EXPECT_EQ(bide::next(gen, 7), 7);
    EXPECT_THROW(bide::next(gen), bide::stop_iteration);
}

TEST(generator, nothing_runs_until_the_first_value_is_asked_for) {
    bool ran = false;
    const auto make = [](bool& flag) -> generator<int> {
        flag = true;
        co_yield 1;
    };
    auto gen = make(ran);
    EXPECT_FALSE(ran);
    EXPECT_EQ(gen.next(), 1);
    EXPECT_TRUE(ran);
}

TEST(generator, a_second_loop_goes_on_where_the_first_was_left) {
    auto gen = count_to(6);
    std::vector<int> seen;
    for (int x : gen) {
        if (x == 2) break;
        seen.push_back(x);
    }
    for (int x : gen) seen.push_back(x);
    EXPECT_EQ(seen, (std::vector<int>{0, 1, 3, 4, 5}));
}

TEST(generator, is_an_input_range_and_can_be_viewed) {
    static_assert(std::ranges::input_range<generator<int>>);
    static_assert(std::ranges::viewable_range<generator<int>>);
    static_assert(std::ranges::viewable_range<generator<int>&>);
    std::vector<int> seen;
    for (int x : fibonacci(100) | std::views::take(4) | std::views::transform([](int v) { return v * 10; })) {
        seen.push_back(x);
    }
    EXPECT_EQ(seen, (std::vector<int>{0, 10, 10, 20}));
    auto named = count_to(10);
    EXPECT_EQ(std::ranges::distance(named | std::views::filter([](int v) { return v % 2 == 0; })), 5);
}

TEST(generator, yields_what_is_expensive_or_impossible_to_copy) {
    const auto strings = []() -> generator<std::string> {
        std::string kept = "a string that is longer than sixteen";
        co_yield "literal";
        co_yield kept;
        co_yield kept + "!";
        co_yield std::move(kept);
    };
    EXPECT_EQ(all_of(strings()), (std::vector<std::string>{"literal", "a string that is longer than sixteen",
                                                           "a string that is longer than sixteen!",
                                                           "a string that is longer than sixteen"}));
    const auto boxes = []() -> generator<std::unique_ptr<int>> {
        co_yield std::make_unique<int>(1);
        co_yield std::make_unique<int>(2);
    };
    auto gen = boxes();
    auto first = gen.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(**first, 1);
    EXPECT_EQ(*bide::next(gen), 2);
}

struct record {
    int number;
    std::string text;
};

TEST(generator, yields_an_aggregate_that_has_a_name) {  // GCC 12 destroys a temporary one twice
    const auto records = []() -> generator<record> {
        record one{1, "a string that is longer than sixteen"};
        co_yield one;
        co_yield std::move(one);
    };
    std::string all;
    for (record& each : records()) all += each.text + "\n";
    EXPECT_EQ(all, "a string that is longer than sixteen\na string that is longer than sixteen\n");
}

TEST(generator, of_references_gives_the_very_objects) {
    std::vector<std::string> words = {"one", "two"};
    const auto each = [](std::vector<std::string>& from) -> generator<std::string&> {
        for (std::string& word : from) co_yield word;
    };
    for (std::string& word : each(words)) word += "!";
    auto gen = each(words);
    std::string* const first = gen.next();
    EXPECT_EQ(first, &words[0]);
    EXPECT_EQ(&bide::next(gen), &words[1]);
    EXPECT_EQ(gen.next(), nullptr);
    EXPECT_EQ(words, (std::vector<std::string>{"one!", "two!"}));
}

TEST(generator, moves_and_says_so_when_it_was_moved_from) {
    auto gen = count_to(3);
    EXPECT_EQ(gen.next(), 0);
    auto other = std::move(gen);
    EXPECT_FALSE(gen);
    EXPECT_THROW((void)gen.next(), invalid_state_error);
    EXPECT_EQ(other.next(), 1);
    other = count_to(1);
    EXPECT_EQ(other.next(), 0);
}

// Python's generator.send.

generator<std::string, std::string> echo() {
    std::string text = co_yield "ready";
    for (;;) text = co_yield "got " + text;
}

TEST(generator, send_makes_the_yield_evaluate_to_the_value) {
    auto gen = echo();
    EXPECT_EQ(gen.next(), "ready");
    EXPECT_EQ(gen.send("a"), "got a");
    EXPECT_EQ(gen.send(std::string("b")), "got b");
    EXPECT_EQ(gen.next(), "got ");  // next() sends Send(), Python sends None
}

TEST(generator, send_before_the_first_value_throws) {
    auto gen = echo();
    EXPECT_THROW((void)gen.send("early"), invalid_state_error);
    EXPECT_EQ(gen.next(), "ready");
}

TEST(generator, send_after_the_end_gives_nothing) {
    const auto one = []() -> generator<int, int> { co_yield 1; };
    auto gen = one();
    (void)gen.next();
    EXPECT_EQ(gen.send(5), std::nullopt);
    EXPECT_EQ(gen.send(6), std::nullopt);
}

struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
};

TEST(generator, next_throws_where_nothing_can_be_sent) {
    const auto sum = []() -> generator<int, no_default> {
        int total = 0;
        for (;;) {
            no_default got = co_yield total;
            total += got.value;
        }
    };
    auto gen = sum();
    EXPECT_EQ(gen.next(), 0);
    EXPECT_EQ(gen.send(no_default(3)), 3);
    EXPECT_THROW((void)gen.next(), invalid_state_error);
    EXPECT_EQ(gen.send(no_default(4)), 7);
}

// Python's generator.throw.

TEST(generator, throw_exception_is_thrown_at_the_yield_and_gives_the_next_value) {
    const auto robust = []() -> generator<std::string> {
        for (;;) {
            std::string caught;
            try {
                co_yield "waiting";
            } catch (const std::runtime_error& e) { caught = e.what(); }
            if (!caught.empty()) co_yield "caught " + caught;
        }
    };
    auto gen = robust();
    EXPECT_EQ(gen.next(), "waiting");
    EXPECT_EQ(gen.throw_exception(std::runtime_error("x")), "caught x");
    EXPECT_EQ(gen.next(), "waiting");
    EXPECT_THROW((void)gen.throw_exception(std::logic_error("y")), std::logic_error);
    EXPECT_EQ(gen.next(), std::nullopt);
}

TEST(generator, throw_exception_before_the_start_does_not_run_the_body) {
    bool ran = false;
    const auto make = [](bool& flag) -> generator<int> {
        flag = true;
        co_yield 1;
    };
    auto gen = make(ran);
    EXPECT_THROW((void)gen.throw_exception(std::out_of_range("x")), std::out_of_range);
    EXPECT_FALSE(ran);
    EXPECT_EQ(gen.next(), std::nullopt);
    EXPECT_THROW((void)gen.throw_exception(std::out_of_range("again")), std::out_of_range);
    EXPECT_THROW((void)gen.throw_exception(std::exception_ptr()), std::invalid_argument);
}

TEST(generator, what_the_body_throws_comes_out_once) {
    const auto bad = []() -> generator<int> {
        co_yield 1;
        throw std::domain_error("bad");
    };
    auto gen = bad();
    EXPECT_EQ(gen.next(), 1);
    EXPECT_THROW((void)gen.next(), std::domain_error);
    EXPECT_TRUE(gen.done());
    EXPECT_EQ(gen.next(), std::nullopt);
    EXPECT_THROW(
        {
            for (int x : bad()) EXPECT_EQ(x, 1);
        },
        std::domain_error);
}

// StopIteration that escapes the body becomes a RuntimeError.

TEST(generator, a_stop_iteration_that_leaves_the_body_is_an_error) {
    const auto careless = []() -> generator<int> {
        auto inner = count_to(1);
        for (;;) co_yield bide::next(inner);
    };
    auto gen = careless();
    EXPECT_EQ(gen.next(), 0);
    try {
        (void)gen.next();
        ADD_FAILURE() << "nothing was thrown";
    } catch (const invalid_state_error& e) {
        EXPECT_NE(std::string(e.what()).find("stop_iteration"), std::string::npos);
        EXPECT_THROW(std::rethrow_if_nested(e), bide::stop_iteration);
    }
}

// Python's generator.close, and its call when the generator is collected.

generator<int> notes_exit(std::vector<std::string>& log) {
    try {
        co_yield 1;
        co_yield 2;
    } catch (const bide::generator_exit&) {
        log.emplace_back("exit");
        throw;
    }
}

TEST(generator, close_throws_generator_exit_at_the_yield) {
    std::vector<std::string> log;
    auto gen = notes_exit(log);
    EXPECT_EQ(gen.next(), 1);
    gen.close();
    EXPECT_EQ(log, std::vector<std::string>{"exit"});
    EXPECT_EQ(gen.next(), std::nullopt);
    gen.close();
    EXPECT_EQ(log.size(), 1U);
}

TEST(generator, close_before_the_start_does_not_run_the_body) {
    std::vector<std::string> log;
    auto gen = notes_exit(log);
    gen.close();
    EXPECT_EQ(gen.next(), std::nullopt);
    EXPECT_TRUE(log.empty());
}

TEST(generator, a_yield_while_being_closed_is_an_error) {
    const auto stubborn = []() -> generator<int> {
        for (int i = 0; i < 4; ++i) {
            try {
                co_yield i;
            } catch (const bide::generator_exit&) {}
        }
    };
    auto gen = stubborn();
    EXPECT_EQ(gen.next(), 0);
    EXPECT_THROW(gen.close(), invalid_state_error);
    EXPECT_EQ(gen.next(), 2);  // as in Python it lives on
    EXPECT_EQ(gen.next(), 3);
    EXPECT_EQ(gen.next(), std::nullopt);
}

TEST(generator, close_passes_on_what_the_body_throws_instead) {
    const auto failing = []() -> generator<int> {
        try {
            co_yield 1;
        } catch (const bide::generator_exit&) { throw std::runtime_error("clean-up failed"); }
    };
    auto gen = failing();
    (void)gen.next();
    EXPECT_THROW(gen.close(), std::runtime_error);
    EXPECT_TRUE(gen.done());
}

TEST(generator, destroying_it_runs_the_destructors_of_its_body) {
    std::vector<std::string> log;
    const auto guarded = [](std::vector<std::string>& out) -> generator<int> {
        const std::shared_ptr<void> guard(nullptr, [&out](void*) { out.emplace_back("destroyed"); });
        for (int x : notes_exit(out)) co_yield x;
    };
    for (int x : guarded(log)) {
        if (x == 1) break;
    }
    EXPECT_EQ(log, std::vector<std::string>{
                       "destroyed"});  // notes_exit does not see the end; close() would show it
    { auto never_started = guarded(log); }
    EXPECT_EQ(log.size(), 1U);
}

// "generator already executing".

TEST(generator, its_own_body_cannot_use_it) {
    generator<int>* self = nullptr;
    const auto make = [](generator<int>*& me) -> generator<int> {
        co_yield 1;
        EXPECT_THROW((void)me->next(), invalid_state_error);
        EXPECT_THROW(me->close(), invalid_state_error);
        EXPECT_THROW((void)me->throw_exception(std::runtime_error("x")), invalid_state_error);
        EXPECT_THROW((void)me->begin(), invalid_state_error);
        co_yield 2;
    };
    auto gen = make(self);
    self = &gen;
    EXPECT_EQ(gen.next(), 1);
    EXPECT_EQ(gen.next(), 2);
}

// The return value, and yield from: see generator_delegation_test.

TEST(generator, result_is_what_it_ended_with) {
    const auto averager = []() -> generator<int, std::optional<int>, std::string> {
        int total = 0;
        for (;;) {
            std::optional<int> got = co_yield total;
            if (!got) break;
            total += *got;
        }
        co_return "total " + std::to_string(total);
    };
    auto gen = averager();
    (void)gen.next();
    (void)gen.send(4);
    EXPECT_THROW((void)gen.result(), invalid_state_error);
    (void)gen.send(6);
    EXPECT_EQ(gen.next(), std::nullopt);
    EXPECT_EQ(gen.result(), "total 10");
}

}  // namespace
