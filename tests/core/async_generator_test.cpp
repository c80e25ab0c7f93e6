// bide/core: an async generator awaits and yields in turn, and takes what is sent and thrown in.
#include "support/async_test.hpp"

#include <bide/async_generator.hpp>
#include <bide/context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide::async_generator;
using bide::coro;
using bide::invalid_state_error;

// [fibonacci]
async_generator<int> fibonacci(int count) {
    int a = 0, b = 1;
    for (int i = 0; i < count; ++i) {
        co_await bide::sleep(100ms);
        co_yield a;
        b = std::exchange(a, b) + b;
    }
}
// [/fibonacci]

async_generator<int> count_to(int end) {
    for (int i = 0; i < end; ++i) co_yield i;
}

// What the await throws; empty when nothing. Each of the errors here is an invalid_state_error.
template <class A>
coro<std::string> misuse(A operation) {
    std::string text;
    try {
        (void)co_await std::move(operation);
    } catch (const invalid_state_error& e) { text = e.what(); }
    co_return text;
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// async for, anext.

BIDE_TEST(async_generator, fibonacci_in_a_while_loop) {
    std::vector<int> seen;
    // [loop]
    auto gen = fibonacci(10);
    while (auto x = co_await gen.next()) seen.push_back(*x);
    // [/loop]
    EXPECT_EQ(seen, (std::vector<int>{0, 1, 1, 2, 3, 5, 8, 13, 21, 34}));
    EXPECT_TRUE(gen.done());
    auto after = co_await gen.next();
    EXPECT_EQ(after, std::nullopt);
}

BIDE_TEST(async_generator, producer_and_consumer_take_turns) {
    std::vector<std::string> log;
    const auto numbers = [](std::vector<std::string>& out) -> async_generator<int> {
        for (int i = 0; i < 3; ++i) {
            out.push_back("makes " + std::to_string(i));
            co_await bide::sleep(1s);
            co_yield i;
        }
    };
    auto gen = numbers(log);
    EXPECT_TRUE(log.empty());  // nothing runs until a value is awaited
    while (auto i = co_await gen.next()) log.push_back("takes " + std::to_string(*i));
    EXPECT_EQ(log,
              (std::vector<std::string>{"makes 0", "takes 0", "makes 1", "takes 1", "makes 2", "takes 2"}));
}

BIDE_TEST(async_generator, anext_throws_at_the_end_or_gives_the_default) {
    auto gen = count_to(2);
    int first = co_await bide::anext(gen);
    EXPECT_EQ(first, 0);
    int second = co_await bide::anext(gen, 7);
    EXPECT_EQ(second, 1);
    int third = co_await bide::anext(gen, 7);
    EXPECT_EQ(third, 7);
    bool stopped = false;
    try {
        co_await bide::anext(gen);
    } catch (const bide::stop_async_iteration&) { stopped = true; }
    EXPECT_TRUE(stopped);
}

BIDE_TEST(async_generator, awaits_coroutines_tasks_and_other_generators) {
    const auto twice = [](int value) -> coro<int> {
        co_await bide::sleep(1ms);
        co_return value * 2;
    };
    const auto doubled = [](async_generator<int> from, auto times) -> async_generator<int> {
        while (auto x = co_await from.next()) {
            auto work = bide::create_task(times(*x));
            int value = co_await std::move(work);
            int again = co_await times(value);
            co_yield again;
        }
    };
    auto gen = doubled(count_to(3), twice);
    std::vector<int> seen;
    while (auto x = co_await gen.next()) seen.push_back(*x);
    EXPECT_EQ(seen, (std::vector<int>{0, 4, 8}));
}

BIDE_TEST(async_generator, yields_what_is_expensive_or_impossible_to_copy) {
    const auto strings = []() -> async_generator<std::string> {
        std::string kept = "a string that is longer than sixteen";
        co_yield "literal";
        co_await bide::sleep(1ms);
        co_yield kept;
        co_yield kept + "!";
    };
    auto gen = strings();
    std::string all;
    while (auto text = co_await gen.next()) all += *text + "\n";
    EXPECT_EQ(all, "literal\na string that is longer than sixteen\na string that is longer than sixteen!\n");
    const auto boxes = []() -> async_generator<std::unique_ptr<int>> { co_yield std::make_unique<int>(5); };
    auto some = boxes();
    auto box = co_await bide::anext(some);
    EXPECT_EQ(*box, 5);
}

BIDE_TEST(async_generator, of_references_gives_the_very_objects) {
    std::vector<std::string> words(2, "word");
    const auto each = [](std::vector<std::string>& from) -> async_generator<std::string&> {
        for (std::string& word : from) co_yield word;
    };
    auto gen = each(words);
    while (auto* word = co_await gen.next()) *word += "!";
    EXPECT_EQ(words, (std::vector<std::string>(2, "word!")));
    auto again = each(words);
    std::string& first = co_await bide::anext(again);
    EXPECT_EQ(&first, &words[0]);
    co_await again.close();
}

BIDE_TEST(async_generator, as_result_gives_the_failure_without_a_throw) {
    const auto bad = []() -> async_generator<int> {
        co_yield 1;
        throw std::domain_error("bad");
    };
    auto gen = bad();
    auto first = co_await bide::as_result(gen.next());
    EXPECT_TRUE(first && **first == 1);
    auto second = co_await bide::as_result(gen.next());
    EXPECT_FALSE(second);
    auto third = co_await bide::as_result(gen.next());
    EXPECT_TRUE(third && !*third);
    auto ended = co_await bide::as_result(bide::anext(gen));
    EXPECT_FALSE(ended);
    auto other = co_await bide::as_result(bide::anext(gen, 3));
    EXPECT_TRUE(other && *other == 3);
    auto closed = co_await bide::as_result(gen.close());
    EXPECT_TRUE(closed);
}

BIDE_TEST(async_generator, moves_and_says_so_when_it_was_moved_from) {
    auto gen = count_to(3);
    auto step = gen.next();
    auto other = std::move(gen);
    auto first = co_await std::move(step);  // an operation belongs to the frame, not to the handle
    EXPECT_EQ(first, 0);
    EXPECT_FALSE(gen);
    EXPECT_THROW((void)gen.next(), invalid_state_error);
    auto second = co_await other.next();
    EXPECT_EQ(second, 1);
    co_await other.close();
}

BIDE_TEST(async_generator, an_operation_can_be_awaited_once) {
    auto gen = count_to(3);
    auto step = gen.next();
    auto first = co_await std::move(step);
    EXPECT_EQ(first, 0);
    std::string text;
    try {
        co_await std::move(step);
    } catch (const invalid_state_error& e) { text = e.what(); }
    EXPECT_TRUE(has(text, "awaited before")) << text;
    co_await gen.close();
}

// asend.

async_generator<std::string, std::string> echo() {
    std::string text = co_yield "ready";
    for (;;) {
        co_await bide::sleep(1ms);
        text = co_yield "got " + text;
    }
}

BIDE_TEST(async_generator, send_makes_the_yield_evaluate_to_the_value) {
    auto gen = echo();
    auto first = co_await gen.next();
    EXPECT_EQ(first, "ready");
    auto second = co_await gen.send("a");
    EXPECT_EQ(second, "got a");
    auto third = co_await gen.next();  // sends Send(), Python sends None
    EXPECT_EQ(third, "got ");
    co_await gen.close();
    auto closed = co_await gen.send("late");
    EXPECT_EQ(closed, std::nullopt);
}

BIDE_TEST(async_generator, send_before_the_first_value_throws) {
    auto gen = echo();
    std::string text = co_await misuse(gen.send("early"));
    EXPECT_TRUE(has(text, "has not started")) << text;
    auto first = co_await gen.next();
    EXPECT_EQ(first, "ready");
    co_await gen.close();
}

struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
};

BIDE_TEST(async_generator, next_throws_where_nothing_can_be_sent) {
    const auto sum = []() -> async_generator<int, no_default> {
        int total = 0;
        for (;;) {
            no_default got = co_yield total;
            total += got.value;
        }
    };
    auto gen = sum();
    auto first = co_await gen.next();
    EXPECT_EQ(first, 0);
    std::string text = co_await misuse(gen.next());
    EXPECT_TRUE(has(text, "send(value)")) << text;
    auto second = co_await gen.send(no_default(3));
    EXPECT_EQ(second, 3);
    co_await gen.close();
}

// athrow.

BIDE_TEST(async_generator, throw_exception_is_thrown_at_the_yield_and_gives_the_next_value) {
    const auto robust = []() -> async_generator<std::string> {
        for (;;) {
            std::string caught;
            try {
                co_yield "waiting";
            } catch (const std::runtime_error& e) { caught = e.what(); }
            co_await bide::sleep(1ms);
            if (!caught.empty()) co_yield "caught " + caught;
        }
    };
    auto gen = robust();
    auto first = co_await gen.next();
    EXPECT_EQ(first, "waiting");
    auto second = co_await gen.throw_exception(std::runtime_error("x"));
    EXPECT_EQ(second, "caught x");
    auto third = co_await gen.next();
    EXPECT_EQ(third, "waiting");
    auto failed = co_await bide::as_result(gen.throw_exception(std::logic_error("y")));
    EXPECT_FALSE(failed);
    auto ended = co_await gen.next();
    EXPECT_EQ(ended, std::nullopt);
}

BIDE_TEST(async_generator, throw_exception_before_the_start_does_not_run_the_body) {
    bool ran = false;
    const auto make = [](bool& flag) -> async_generator<int> {
        flag = true;
        co_yield 1;
    };
    auto gen = make(ran);
    EXPECT_THROW((void)gen.throw_exception(std::exception_ptr()), std::invalid_argument);
    for (int round = 0; round < 2; ++round) {  // the second time it has ended; Python swallows the error then
        bool thrown = false;
        try {
            co_await gen.throw_exception(std::out_of_range("x"));
        } catch (const std::out_of_range&) { thrown = true; }
        EXPECT_TRUE(thrown);
    }
    auto ended = co_await gen.next();
    EXPECT_EQ(ended, std::nullopt);
    EXPECT_FALSE(ran);
}

// StopIteration and StopAsyncIteration that escape the body become RuntimeErrors.

BIDE_TEST(async_generator, a_stop_async_iteration_that_leaves_the_body_is_an_error) {
    const auto careless = []() -> async_generator<int> {
        auto inner = count_to(1);
        for (;;) {
            int value = co_await bide::anext(inner);
            co_yield value;
        }
    };
    auto gen = careless();
    auto first = co_await gen.next();
    EXPECT_EQ(first, 0);
    std::string text = co_await misuse(gen.next());
    EXPECT_TRUE(has(text, "stop_async_iteration")) << text;
    EXPECT_TRUE(gen.done());
}

// 92. Two operations on one async generator at a time.

BIDE_TEST(section17, s92_a_second_operation_while_one_is_suspended_throws) {
    auto gen = fibonacci(3);
    const auto take = [](async_generator<int>& from) -> coro<int> { co_return co_await bide::anext(from); };
    auto busy = bide::create_task(take(gen));
    co_await bide::sleep(10ms);  // inside the generator's sleep
    std::string text = co_await misuse(gen.next());
    EXPECT_TRUE(has(text, "next: the async generator is already running")) << text;
    text = co_await misuse(gen.throw_exception(std::runtime_error("x")));
    EXPECT_TRUE(has(text, "throw_exception: the async generator is already running")) << text;
    text = co_await misuse(gen.close());
    EXPECT_TRUE(has(text, "close: the async generator is already running")) << text;
    int first = co_await busy;
    EXPECT_EQ(first, 0);
    auto second = co_await gen.next();  // unharmed
    EXPECT_EQ(second, 1);
    co_await gen.close();
}

BIDE_TEST(async_generator, its_own_body_cannot_use_it) {
    async_generator<int>* self = nullptr;
    std::string text;
    const auto make = [](async_generator<int>*& me, std::string& out) -> async_generator<int> {
        co_yield 1;
        out = co_await misuse(me->next());
        co_yield 2;
    };
    auto gen = make(self, text);
    self = &gen;
    co_await gen.next();
    auto second = co_await gen.next();
    EXPECT_EQ(second, 2);
    EXPECT_TRUE(has(text, "already running")) << text;
    co_await gen.close();
}

// What the body runs in.

BIDE_TEST(async_generator, runs_as_part_of_the_task_that_awaits_it) {
    static bide::context_var<int> number(0);
    const auto read = []() -> async_generator<int> {
        for (;;) {
            co_await bide::sleep(1ms);
            co_yield number.get();
        }
    };
    auto gen = read();
    const auto ask = [](async_generator<int>& from, int value) -> coro<int> {
        number.set(value);
        co_return co_await bide::anext(from);
    };
    auto one = bide::create_task(ask(gen, 1));
    int first = co_await one;
    auto two = bide::create_task(ask(gen, 2));
    int second = co_await two;
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 2);
    co_await gen.close();
}

BIDE_TEST(async_generator, the_stack_of_its_task_shows_the_generator_and_who_awaits_it) {
    auto gen = fibonacci(2);
    const auto reader = [](async_generator<int>& from) -> coro<void> {
        while (auto x = co_await from.next()) {}
    };
    auto task = bide::create_task(reader(gen));
    for (int round = 0; round < 2; ++round) {
        co_await bide::sleep(round == 0 ? 50ms : 100ms);
        const std::string stack = task.format_stack();
        EXPECT_TRUE(has(stack, "fibonacci")) << stack;
        EXPECT_EQ(std::count(stack.begin(), stack.end(), '\n'), 2) << stack;
    }
    co_await task;
}

// Cost.

BIDE_TEST(async_generator, a_million_yields_in_a_row) {
    auto gen = count_to(1'000'000);
    long sum = 0;
    while (auto x = co_await gen.next()) sum += *x;
    EXPECT_EQ(sum, 499'999'500'000);
}

BIDE_TEST(async_generator, a_million_generators_in_a_row) {
    long sum = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        auto gen = count_to(1);
        while (auto x = co_await gen.next()) sum += 1 + *x;
    }
    EXPECT_EQ(sum, 1'000'000);
}

}  // namespace
