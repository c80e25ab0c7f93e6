// bide/core: as_result: failures as values.
#include <bide/as_result.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using bide::as_result;
using bide_test::outcome;
using bide_test::thrown;

bide::coro<int> give(int value) {
    co_await bide::sleep(1s);
    co_return value;
}
bide::coro<int> fail() {
    co_await bide::sleep(1s);
    throw std::out_of_range("failed");
}
bide::coro<void> fail_with(std::error_code code) {
    co_await bide::sleep(1s);
    throw std::system_error(code, "connect");
}
bide::coro<void> nothing() { co_await bide::sleep(1s); }
bide::coro<std::unique_ptr<int>> give_unique() { co_return std::make_unique<int>(5); }
bide::coro<int&> refer(int& to) { co_return to; }
bide::coro<int> sleep_long() {
    co_await bide::sleep(1h);
    co_return 1;
}

BIDE_TEST(as_result, of_a_coroutine) {
    const bide::result<int> good = co_await as_result(give(5));
    EXPECT_TRUE(good);
    EXPECT_EQ(*good, 5);
    EXPECT_FALSE(good.error());
    const bide::result<int> bad = co_await as_result(fail());
    EXPECT_FALSE(bad);
    EXPECT_EQ(bide::describe_exception(bad.exception()), "failed");
    EXPECT_EQ(bad.value_or(7), 7);
    EXPECT_EQ(thrown<std::out_of_range>([&] { return bad.value(); }), "failed");
    // [code]
    const bide::result<void> refused =
        co_await as_result(fail_with(std::make_error_code(std::errc::connection_refused)));
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error(), std::errc::connection_refused);
    // [/code]
    const bide::result<void> done = co_await as_result(nothing());
    EXPECT_TRUE(done);
    bide::result<std::unique_ptr<int>> owned = co_await as_result(give_unique());
    EXPECT_EQ(**owned, 5);
    int target = 1;
    const bide::result<int&> reference = co_await as_result(refer(target));
    EXPECT_EQ(&reference.value(), &target);
}

BIDE_TEST(as_result, of_a_task_and_of_a_future) {
    const auto good = bide::create_task(give(5));
    const bide::result<int> first = co_await as_result(good);
    const bide::result<int> second = co_await as_result(good);
    EXPECT_EQ(*first + *second, 10);
    const auto bad = bide::create_task(fail());
    const bide::result<int> failed = co_await as_result(bad);
    EXPECT_EQ(bide::describe_exception(failed.exception()), "failed");
    const bide::result<int> moved = co_await as_result(bide::create_task(give(6)));
    EXPECT_EQ(*moved, 6);
    const auto future = bide::create_future<std::unique_ptr<int>>();
    future.set_result(std::make_unique<int>(8));
    const bide::result<std::unique_ptr<int>> owned = co_await as_result(future);
    EXPECT_EQ(**owned, 8);
    const bide::result<void> any = co_await as_result(bide::any_task(bad));
    EXPECT_FALSE(any);
}

BIDE_TEST(as_result, of_any_other_awaitable) {
    const bide::result<void> slept = co_await as_result(bide::sleep(1s));
    EXPECT_TRUE(slept);
    const bide::result<int> with_value = co_await as_result(bide::sleep(1s, 3));
    EXPECT_EQ(*with_value, 3);
    const bide::result<std::size_t> closed = co_await as_result(bide::wait_readable(-1));
    EXPECT_FALSE(closed);
    EXPECT_EQ(closed.error(), std::errc::bad_file_descriptor);
}

BIDE_TEST(as_result, counts_as_retrieving) {
    {
        const auto bad = bide::create_task(fail());
        const bide::result<int> failed = co_await as_result(bad);
        EXPECT_FALSE(failed);
    }
    co_await bide::sleep(1s);  // a report would fail the test
}

// A cancellation cannot be mistaken for a failure and forgotten.
BIDE_TEST(as_result, a_cancellation_is_thrown) {
    for (int which = 0; which < 3; ++which) {
        const auto body = [](int kind) -> bide::coro<std::string> {
            std::string ended = "none";
            try {
                if (kind == 0) static_cast<void>(co_await as_result(sleep_long()));
                if (kind == 1) static_cast<void>(co_await as_result(bide::create_task(sleep_long())));
                if (kind == 2) static_cast<void>(co_await as_result(bide::sleep(1h)));
                ended = "value";
            } catch (const bide::cancelled_error&) { ended = "cancelled"; }
            co_return ended;
        };
        const auto task = bide::create_task(body(which));
        co_await bide::sleep(1s);
        task.cancel();
        const std::string ended = co_await task;
        EXPECT_EQ(ended, "cancelled") << which;
    }
}

BIDE_TEST(as_result, keyboard_interrupt_and_system_exit_are_thrown) {
    const auto leave = []() -> bide::coro<int> {
        throw bide::system_exit(4);
        co_return 0;
    };
    int code = 0;
    try {
        static_cast<void>(co_await as_result(leave()));
    } catch (const bide::system_exit& e) { code = e.code(); }
    EXPECT_EQ(code, 4);
}

BIDE_TEST(as_result, of_an_operation_that_fails_throws_nothing) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    const bide::result<std::size_t> writable = co_await as_result(bide::wait_writable(ends[0]));
    EXPECT_TRUE(writable);
    bide::event_loop& loop = bide::get_running_loop();
    loop.call_later(1s, [&] { loop.forget(ends[0]); });
    const bide::result<std::size_t> forgotten = co_await as_result(bide::wait_readable(ends[0]));
    EXPECT_EQ(forgotten.error(), std::errc::operation_canceled);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(as_result, a_sweep) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        const bide::result<int> first = co_await as_result(fail());
        const bide::result<int> second = co_await as_result(give(1));
        EXPECT_TRUE(!first && second);
    });
}

}  // namespace
