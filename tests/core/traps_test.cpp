// bide/core: forms that compilers have got wrong, in the shapes that are safe. Each runs, so that a change is noticed.
//
// GCC 12.2 miscompiles or refuses the forms named in the comments; docs/howto/coroutine-traps.md explains them. What is
// tested here is what works everywhere; the marks are where that page cuts its examples from.
#include "support/async_test.hpp"
#include "support/expect.hpp"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::noted;

using names = std::vector<std::string>;

// Long enough to live on the heap: a copy too many or too few shows under the address sanitizer.
const std::string long_text(64, 'x');

bide::coro<bool> yes() {
    co_await bide::sleep(1s);
    co_return true;
}
bide::coro<int> number(int value) {
    co_await bide::sleep(1s);
    co_return value;
}
bide::coro<std::string> text() {
    co_await bide::sleep(1s);
    co_return long_text;
}
bide::coro<std::size_t> length(std::string of) {
    co_await bide::sleep(1s);
    co_return of.size();
}
bide::coro<int> fail() {
    co_await bide::sleep(1s);
    throw std::runtime_error("failed");
}

// --- an await in a condition: needs a variable in the outermost block ---

// [condition]
bide::coro<int> count_answers() {
    int count = 0;  // declared first: GCC 12 needs a variable in this block
    if (co_await yes()) ++count;
    while (count < 3 && co_await yes()) ++count;
    co_return count;
}
// [/condition]

bide::coro<int> every_kind_of_condition() {
    int count = 0;
    if (co_await yes() && co_await yes()) ++count;
    if (!co_await yes() || co_await yes()) ++count;
    if (count == 0) {
        count = -100;
    } else if (co_await yes()) {
        ++count;
    }
    switch (co_await number(2)) {
        case 2: ++count; break;
        default: count = -100;
    }
    do { ++count; } while (co_await number(count) < 6);
    for (int i = co_await number(0); i < co_await number(2); i += co_await number(1)) ++count;
    const int scalar = co_await yes() ? co_await number(10) : co_await number(20);
    co_return count + scalar;
}

bide::coro<int> condition_with_a_variable() {
    if (const int value = co_await number(3); value > 2) {
        if (const bool ok = co_await yes()) co_return ok ? value : 0;
    }
    co_return -1;
}

BIDE_TEST(traps, awaits_in_conditions) {
    const int answers = co_await count_answers();
    EXPECT_EQ(answers, 3);
    const int kinds = co_await every_kind_of_condition();
    EXPECT_EQ(kinds, 18);
    const int with_variable = co_await condition_with_a_variable();
    EXPECT_EQ(with_variable, 3);
}

// --- a lambda that owns something, in the expression of an await: give it a name ---

template <class F>
bide::coro<std::size_t> call(F fn) {
    co_await bide::sleep(1s);
    co_return fn();
}
bide::coro<std::size_t> call_function(std::function<std::size_t()> fn) {
    co_await bide::sleep(1s);
    co_return fn();
}

// [capture]
bide::coro<std::size_t> measure(std::string name) {
    auto size = [owned = std::move(name)] { return owned.size(); };
    const std::size_t n = co_await call(std::move(size));  // not: co_await call([owned = ...] { ... })
    co_return n;
}
// [/capture]

BIDE_TEST(traps, lambdas_that_own_something) {
    const std::size_t size = co_await measure(long_text);
    EXPECT_EQ(size, 64U);
    std::function<std::size_t()> function = [owned = std::make_shared<std::string>(long_text)] {
        return owned->size();
    };
    const std::size_t again = co_await call_function(std::move(function));
    EXPECT_EQ(again, 64U);
    int local = 5;
    const std::size_t by_reference = co_await call([&local] { return static_cast<std::size_t>(local); });
    EXPECT_EQ(by_reference, 5U);
    const std::size_t by_scalar = co_await call([local] { return static_cast<std::size_t>(local); });
    EXPECT_EQ(by_scalar, 5U);
}

// --- an aggregate that owns something, in the expression of an await: a constructor, a setter or a name ---

struct endpoint {  // an aggregate
    std::string host;
    int port = 0;
};
bide::coro<std::size_t> connect(endpoint to) {
    co_await bide::sleep(1s);
    co_return to.host.size() + static_cast<std::size_t>(to.port);
}

class options {  // as bide's own are
public:
    options& host(std::string name) {
        host_ = std::move(name);
        return *this;
    }
    [[nodiscard]] const std::string& host() const { return host_; }

private:
    std::string host_;
};
bide::coro<std::size_t> connect_with(options to) {
    co_await bide::sleep(1s);
    co_return to.host().size();
}

BIDE_TEST(traps, aggregates_as_arguments) {
    // [aggregate]
    endpoint to{long_text, 1};
    const std::size_t named = co_await connect(std::move(to));  // not: co_await connect({long_text, 1})
    // [/aggregate]
    EXPECT_EQ(named, 65U);
    const std::size_t fluent = co_await connect_with(options().host(long_text));
    EXPECT_EQ(fluent, 64U);
    const std::size_t plain = co_await length(std::string(10, 'y'));
    EXPECT_EQ(plain, 10U);
}

// --- an aggregate, an array or a container out of awaits: await into names first ---

BIDE_TEST(traps, building_from_results) {
    // [build]
    std::string host = co_await text();
    const int port = co_await number(80);
    const endpoint built{std::move(host), port};  // not: endpoint{co_await text(), co_await number(80)}
    // [/build]
    EXPECT_EQ(built.host, long_text);
    const std::pair<std::string, int> pair(co_await text(), co_await number(1));
    EXPECT_EQ(pair.first, long_text);
    const std::tuple<int, std::string> tuple(co_await number(2), co_await text());
    EXPECT_EQ(std::get<0>(tuple), 2);
    std::vector<std::string> list;
    for (int i = 0; i < 3; ++i) list.push_back(co_await text());
    EXPECT_EQ(list.back(), long_text);
    const auto owned = std::make_unique<std::string>(co_await text());
    EXPECT_EQ(*owned, long_text);
    std::map<std::string, std::string> table;
    table.emplace("key", co_await text());
    EXPECT_EQ(table["key"], long_text);
}

// --- ?: of class type ---

BIDE_TEST(traps, choosing_between_awaits) {
    std::string chosen;
    const bool first = co_await yes();
    if (first) {  // not: chosen = first ? co_await text() : co_await other()
        chosen = co_await text();
    } else {
        chosen = "none";
    }
    EXPECT_EQ(chosen, long_text);
}

// --- forms that have always worked, kept as they are ---

bide::coro<std::size_t> sum_of_sizes(std::string a, std::string b) { co_return a.size() + b.size(); }

BIDE_TEST(traps, nested_awaits_and_class_arguments_by_value) {
    const std::size_t nested = co_await length(co_await text());
    EXPECT_EQ(nested, 64U);
    const std::size_t two = co_await sum_of_sizes(co_await text(), co_await text());
    EXPECT_EQ(two, 128U);
}

BIDE_TEST(traps, an_exception_from_an_await_among_the_arguments) {
    std::string caught;
    try {
        const std::size_t size = co_await length(std::to_string(co_await fail()) + co_await text());
        static_cast<void>(size);
    } catch (const std::runtime_error& e) { caught = e.what(); }
    EXPECT_EQ(caught, "failed");
}

// [after_catch]
bide::coro<std::string> try_and_fall_back() {
    std::exception_ptr error;
    try {
        co_await fail();
    } catch (const std::runtime_error&) { error = std::current_exception(); }
    std::string answer = "fine";
    if (error) answer = co_await text();  // C++ allows no co_await inside a catch block
    co_return answer;
}
// [/after_catch]

BIDE_TEST(traps, awaiting_after_a_catch_block) {
    const std::string answer = co_await try_and_fall_back();
    EXPECT_EQ(answer, long_text);
}

BIDE_TEST(traps, locals_in_scopes_and_loops_go_in_time) {
    names log;
    for (int i = 0; i < 2; ++i) {
        const noted each(log, "loop " + std::to_string(i));
        co_await bide::sleep(1s);
    }
    {
        const noted scoped(log, "scope");
        const std::string value = co_await text();
        log.push_back("in scope");
    }
    std::optional<noted> maybe;
    maybe.emplace(log, "optional");
    co_await bide::sleep(1s);
    maybe.reset();
    EXPECT_EQ(log, (names{"loop 0", "loop 1", "in scope", "scope", "optional"}));
}

BIDE_TEST(traps, structured_bindings_and_arrays_live_across_awaits) {
    const auto pair = []() -> bide::coro<std::pair<std::string, int>> {
        co_await bide::sleep(1s);
        co_return std::pair<std::string, int>(long_text, 3);
    };
    auto [name, count] = co_await pair();
    std::array<std::string, 3> array;
    for (std::string& each : array) each = name;
    co_await bide::sleep(1s);
    EXPECT_EQ(array[2], long_text);
    EXPECT_EQ(count, 3);
}

// --- lifetimes: what dangles, and what to write instead ---

// A coroutine keeps references as references. By value it keeps the object itself.
// [by_value]
bide::coro<std::size_t> by_value(std::string name) {  // not: const std::string& or std::string_view
    co_await bide::sleep(1s);
    co_return name.size();
}
// [/by_value]

BIDE_TEST(traps, parameters_by_value_outlive_the_call) {
    bide::task<std::size_t> task;
    {
        const std::string local = long_text;
        task = bide::create_task(by_value(local));
    }
    const std::size_t size = co_await task;
    EXPECT_EQ(size, 64U);
}

// A lambda's coroutine refers to the lambda, which must live as long: create_task(fn) keeps it in the task.
BIDE_TEST(traps, create_task_of_a_callable_keeps_its_captures) {
    bide::task<std::size_t> task;
    {
        // [callable]
        auto body = [name = long_text]() -> bide::coro<std::size_t> {
            co_await bide::sleep(1s);
            co_return name.size();
        };
        task =
            bide::create_task(std::move(body));  // not: create_task(body()), which leaves the captures behind
        // [/callable]
    }
    const std::size_t size = co_await task;
    EXPECT_EQ(size, 64U);
}

// An object that needs more than 16-byte alignment does not get it in a frame: keep it on the heap.
struct alignas(64) cache_line {
    int value = 0;
};

BIDE_TEST(traps, over_aligned_objects_belong_on_the_heap) {
    // [aligned]
    const auto line = std::make_unique<cache_line>();  // not: cache_line line;
    // [/aligned]
    co_await bide::sleep(1s);
    line->value = 1;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(line.get()) % 64, 0U);
}

TEST(traps, a_cancel_sweep_destroys_what_each_form_holds) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        const int kinds = co_await every_kind_of_condition();
        const std::size_t size = co_await measure(long_text);
        const std::size_t two = co_await sum_of_sizes(co_await text(), co_await text());
        endpoint to{long_text, kinds};
        const std::size_t named = co_await connect(std::move(to));
        const std::string answer = co_await try_and_fall_back();
        EXPECT_EQ(size + two + named + answer.size(), 64U + 128U + 82U + 64U);
    });
}

}  // namespace
