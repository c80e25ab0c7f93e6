// bide/core: awaits neither grow the stack nor overflow it: long loops of awaits that complete at once, deep chains.
// bide-test: no-shuffle
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::outcome;

constexpr int many = 1'000'000;
constexpr int deep = 10'000;

bide::coro<int> one() { co_return 1; }
bide::coro<int> one_through_another() {
    const int value = co_await one();
    co_return value;
}
bide::coro<int> fail_at_once() {
    throw std::runtime_error("at once");
    co_return 0;
}

BIDE_TEST(deep_await, a_million_coroutines_that_complete_at_once) {
    int sum = 0;
    for (int i = 0; i < many; ++i) {
        const int value = co_await one();
        sum += value;
    }
    EXPECT_EQ(sum, many);
}

BIDE_TEST(deep_await, two_levels_and_results) {
    int sum = 0;
    for (int i = 0; i < many / 4; ++i) {
        const int value = co_await one_through_another();
        const bide::result<int> again = co_await bide::as_result(one());
        sum += value + *again;
    }
    EXPECT_EQ(sum, many / 2);
}

BIDE_TEST(deep_await, a_million_futures_that_are_done) {
    const auto done = bide::create_future<int>();
    done.set_result(1);
    int sum = 0;
    for (int i = 0; i < many; ++i) {
        const int value = co_await done;
        sum += value;
    }
    EXPECT_EQ(sum, many);
}

BIDE_TEST(deep_await, many_failures) {
    int failures = 0;
    for (int i = 0; i < many / 100; ++i) {
        try {
            co_await fail_at_once();
        } catch (const std::runtime_error&) { ++failures; }
    }
    EXPECT_EQ(failures, many / 100);
}

BIDE_TEST(deep_await, a_million_turns) {
    for (int i = 0; i < many / 4; ++i) co_await bide::sleep(0s);
}

enum class bottom { give, fail, suspend };

bide::coro<int> nest(int depth, bottom what) {
    int value = depth;
    if (depth > 0) {
        value = co_await nest(depth - 1, what);
    } else {
        if (what == bottom::fail) throw std::runtime_error("at the bottom");
        if (what == bottom::suspend) co_await bide::sleep(1h);
    }
    co_return value;
}

BIDE_TEST(deep_await, a_deep_chain_returns) {
    const int at_once = co_await nest(deep, bottom::give);
    EXPECT_EQ(at_once, 0);
    const int later = co_await nest(deep, bottom::suspend);
    EXPECT_EQ(later, 0);
}

BIDE_TEST(deep_await, a_deep_chain_throws) {
    const std::string ended = co_await outcome(nest(deep, bottom::fail));
    EXPECT_EQ(ended, "at the bottom");
}

BIDE_TEST(deep_await, a_deep_chain_is_cancelled) {
    const auto task = bide::create_task(nest(deep, bottom::suspend));
    co_await bide::sleep(1s);
    EXPECT_EQ(task.get_stack().size(), static_cast<std::size_t>(deep) + 1);
    task.cancel();
    const std::string ended = co_await outcome(task);
    EXPECT_EQ(ended, "cancelled");
}

// Here each frame destroys the one that it awaits, so the depth costs stack: little, but not under the sanitizers.
constexpr int deep_to_destroy = BIDE_ASAN != 0 || BIDE_TSAN != 0 ? deep / 10 : deep;

TEST(deep_await, a_deep_chain_is_destroyed_with_its_loop) {
    testing::internal::CaptureStderr();
    {
        bide::event_loop loop;
        bide::create_task(loop, nest(deep_to_destroy, bottom::suspend));
        const auto turn = []() -> bide::coro<void> { co_await bide::sleep(0s); };
        loop.run_until_complete(turn());
    }
    EXPECT_TRUE(has(testing::internal::GetCapturedStderr(), "Task was destroyed but it is pending"));
}

}  // namespace
