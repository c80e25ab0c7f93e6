// bide/testing: run_test finds what a body leaks, and its clock jumps.
#include "support/async_test.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using bide::testing::run_test;
using bide::testing::test_failure;
using bide::testing::test_options;

template <class F>
std::string failure_of(F make, test_options options = {}) {
    try {
        run_test(std::move(make), options);
    } catch (const test_failure& e) { return e.what(); }
    return {};
}

// [run_test]
TEST(run_test, sleeping_takes_no_real_time) {
    const auto before = std::chrono::steady_clock::now();
    run_test([]() -> bide::coro<void> {
        const auto start = bide::get_running_loop().time();
        co_await bide::sleep(24h);
        EXPECT_EQ(bide::get_running_loop().time() - start, 24h);
    });
    EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
}
// [/run_test]

TEST(run_test, passes_on_what_the_body_throws) {
    EXPECT_THROW(run_test([]() -> bide::coro<void> {
                     co_await bide::sleep(1s);
                     throw std::out_of_range("thrown");
                 }),
                 std::out_of_range);
}

bide::coro<void> sleep_long() { co_await bide::sleep(1h); }

TEST(run_test, names_a_task_that_is_left_behind) {
    const auto body = []() -> bide::coro<void> {
        auto left = bide::create_task(sleep_long(), bide::task_options().name("straggler"));
        co_await bide::sleep(1s);
    };
    EXPECT_NE(failure_of(body).find("task 'straggler' was left behind"), std::string::npos)
        << failure_of(body);
    EXPECT_EQ(failure_of(body, test_options().allow_tasks()), "");
}

TEST(run_test, names_a_descriptor_that_is_left_open) {
    int kept = -1;
    const auto body = [&kept]() -> bide::coro<void> {
        kept = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        co_return;
    };
    EXPECT_NE(failure_of(body).find("/dev/null"), std::string::npos);
    ::close(kept);
}

TEST(run_test, fails_for_an_exception_that_nobody_looked_at) {
    const auto body = []() -> bide::coro<void> {
        bide::create_task([]() -> bide::coro<void> {
            co_await bide::sleep(0s);
            throw std::runtime_error("nobody looks");
        });
        co_await bide::sleep(1s);
    };
    EXPECT_NE(failure_of(body).find("nobody looks"), std::string::npos);
}

TEST(cancel_everywhere, reaches_every_suspension_and_the_untouched_end) {
    int started = 0;
    int between = 0;
    int ended = 0;
    const auto runs = bide::testing::cancel_everywhere([&]() -> bide::coro<void> {
        ++started;
        co_await bide::sleep(1s);
        ++between;
        co_await bide::sleep(1s);
        ++ended;
    });
    EXPECT_GE(runs, 4U);
    EXPECT_EQ(ended, 1);
    EXPECT_GE(between, 2);
    EXPECT_EQ(started, static_cast<int>(runs) - 1);  // cancelled before its first step, the body never runs
}

TEST(cancel_everywhere, fails_when_a_cancellation_makes_the_body_leak) {
    EXPECT_THROW(bide::testing::cancel_everywhere([]() -> bide::coro<void> {
                     const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
                     co_await bide::sleep(1s);
                     ::close(fd);
                 }),
                 test_failure);
}

}  // namespace
