// bide/base: move_only_function owns its callable exactly once, in place or on the heap.
#include <bide/detail/base/move_only_function.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

using bide::move_only_function;

// Counts how many exist.
struct counted {
    explicit counted(int& n) : count(&n) { ++*count; }
    counted(const counted& other) : count(other.count) { ++*count; }
    counted(counted&& other) noexcept : count(other.count) { ++*count; }
    counted& operator=(const counted&) = delete;
    ~counted() { --*count; }
    int* count;
};

TEST(move_only_function, calls) {
    move_only_function<int(int, int)> add = [](int a, int b) { return a + b; };
    EXPECT_EQ(add(2, 3), 5);
    EXPECT_TRUE(add);
}

TEST(move_only_function, empty_ones_are_false) {
    move_only_function<void()> none;
    const move_only_function<void()> null = nullptr;
    EXPECT_FALSE(none);
    EXPECT_FALSE(null);
}

TEST(move_only_function, takes_what_only_moves) {
    move_only_function<int()> f = [p = std::make_unique<int>(4)] { return *p; };
    move_only_function<int()> g = std::move(f);
    EXPECT_FALSE(f);  // NOLINT: that it is empty is the test
    EXPECT_EQ(g(), 4);
}

int twice(int n) { return 2 * n; }

TEST(move_only_function, takes_functions_and_members) {
    move_only_function<int(int)> f = twice;
    EXPECT_EQ(f(4), 8);
    f = &twice;
    EXPECT_EQ(f(5), 10);
}

TEST(move_only_function, drops_a_result_that_nobody_wants) {
    int calls = 0;
    move_only_function<void()> f = [&] { return ++calls; };
    f();
    EXPECT_EQ(calls, 1);
}

TEST(move_only_function, keeps_state_between_calls) {
    move_only_function<int()> f = [n = 0]() mutable { return ++n; };
    f();
    EXPECT_EQ(f(), 2);
}

TEST(move_only_function, passes_references_and_moves_values) {
    move_only_function<void(std::string&, std::unique_ptr<int>)> f =
        [](std::string& text, std::unique_ptr<int> n) { text += std::to_string(*n); };
    std::string text = "n=";
    f(text, std::make_unique<int>(7));
    EXPECT_EQ(text, "n=7");
}

template <std::size_t Size>
void destroys_exactly_once() {
    int alive = 0;
    {
        move_only_function<std::size_t()> f = [c = counted(alive), padding = std::array<char, Size>()] {
            return padding.size();
        };
        EXPECT_EQ(alive, 1);
        move_only_function<std::size_t()> g = std::move(f);
        EXPECT_EQ(alive, 1);
        EXPECT_EQ(g(), Size);
        move_only_function<std::size_t()> h = [c = counted(alive)] { return std::size_t{0}; };
        EXPECT_EQ(alive, 2);
        h = std::move(g);
        EXPECT_EQ(alive, 1);
        EXPECT_EQ(h(), Size);
        h = nullptr;
        EXPECT_EQ(alive, 0);
    }
    EXPECT_EQ(alive, 0);
}

TEST(move_only_function, destroys_what_is_stored_in_place) { destroys_exactly_once<8>(); }
TEST(move_only_function, destroys_what_is_stored_on_the_heap) { destroys_exactly_once<200>(); }

TEST(move_only_function, survives_assignment_to_itself) {
    int alive = 0;
    move_only_function<int()> f = [c = counted(alive)] { return *c.count; };
    auto& same = f;
    f = std::move(same);
    EXPECT_EQ(f(), 1);
}

TEST(move_only_function, a_callable_that_cannot_be_built_leaves_nothing) {
    struct fails {
        fails() = default;
        fails(const fails&) { throw std::runtime_error("copy"); }
        void operator()() const {}
    };
    const fails original;
    EXPECT_THROW(move_only_function<void()>{original}, std::runtime_error);
}

TEST(move_only_function, lets_exceptions_through) {
    move_only_function<void()> f = [] { throw std::out_of_range("x"); };
    EXPECT_THROW(f(), std::out_of_range);
}

TEST(move_only_function, keeps_what_is_over_aligned_aligned) {
    struct alignas(64) wide {
        bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
        bool operator()() const { return aligned(); }
    };
    move_only_function<bool()> f = wide();
    move_only_function<bool()> g = std::move(f);
    EXPECT_TRUE(g());
}

}  // namespace
