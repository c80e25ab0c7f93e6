// bide/core: what can be awaited, and what an await gives.
#include <bide/awaitable.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"

#include <coroutine>
#include <memory>
#include <string>
#include <type_traits>

namespace {

using namespace std::chrono_literals;

// [concepts]
static_assert(bide::awaitable<bide::coro<int>>);
static_assert(bide::awaitable<bide::task<std::string>>);
static_assert(bide::awaitable<const bide::future<void>&>);
static_assert(bide::awaitable<decltype(bide::sleep(1s))>);
static_assert(!bide::awaitable<int>);
static_assert(!bide::awaitable<std::suspend_always>);  // resumed by whom? Bridge it with a future.

static_assert(std::is_same_v<bide::await_result_t<bide::coro<int>>, int>);
static_assert(std::is_same_v<bide::await_result_t<bide::task<std::unique_ptr<int>>&>, std::unique_ptr<int>>);
// [/concepts]
static_assert(bide::awaitable<bide::any_task>);
static_assert(bide::awaitable<decltype(bide::sleep(1s, std::string()))>);
static_assert(bide::awaitable<decltype(bide::wait_readable(0))>);
static_assert(bide::awaitable<decltype(bide::as_result(std::declval<bide::coro<int>>()))>);
static_assert(!bide::awaitable<void>);
static_assert(!bide::awaitable<bide::coro<int> (*)()>);
static_assert(std::is_same_v<bide::await_result_t<bide::coro<int&>>, int&>);
static_assert(std::is_same_v<bide::await_result_t<bide::future<>>, void>);
static_assert(std::is_same_v<bide::await_result_t<bide::any_task>, void>);
static_assert(std::is_same_v<bide::await_result_t<decltype(bide::sleep(1s, std::string()))>, std::string>);
static_assert(std::is_same_v<bide::await_result_t<decltype(bide::as_result(std::declval<bide::coro<int>>()))>,
                             bide::result<int>>);

// A coro is moved and never copied; handles are copied; a discarded coro is a warning (tests/compile_fail).
static_assert(!std::is_copy_constructible_v<bide::coro<int>> &&
              std::is_nothrow_move_constructible_v<bide::coro<int>>);
static_assert(std::is_copy_constructible_v<bide::task<int>> &&
              std::is_copy_constructible_v<bide::future<int>>);

// A generic function that works with every awaitable.
template <bide::awaitable A>
bide::coro<bide::await_result_t<A>> pass_through(A what) {
    auto value = co_await std::move(what);
    co_return value;
}

bide::coro<int> give(int value) { co_return value; }

BIDE_TEST(awaitable, generic_code_awaits_whatever_it_gets) {
    const int from_coro = co_await pass_through(give(1));
    const int from_task = co_await pass_through(bide::create_task(give(2)));
    const auto future = bide::create_future<int>();
    future.set_result(3);
    const int from_future = co_await pass_through(future);
    const int from_sleep = co_await pass_through(bide::sleep(0s, 4));
    EXPECT_EQ(from_coro * 1000 + from_task * 100 + from_future * 10 + from_sleep, 1234);
}

BIDE_TEST(awaitable, may_be_made_first_and_awaited_later) {
    auto nap = bide::sleep(1s);
    const auto start = bide::get_running_loop().time();
    co_await bide::sleep(1s);
    co_await nap;  // starts now
    EXPECT_EQ(bide::get_running_loop().time() - start, 2s);
}

}  // namespace
