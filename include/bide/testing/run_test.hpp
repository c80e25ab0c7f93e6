// bide/testing: run a test body on a loop of its own, in virtual time, and find what it leaks.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/base/move_only_function.hpp>
#include <bide/loop.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bide::testing {

/// What was wrong after a body had run; the text lists all of it. Every test framework takes it for a failure.
class test_failure : public std::runtime_error {
public:
    explicit test_failure(const std::string& what);
    ~test_failure() override;
};

/// Settings of run_test().
class test_options {
public:
    /// The real clock in place of the virtual one; for tests with peers outside the process.
    test_options& real_time(bool on = true) noexcept {
        real_time_ = on;
        return *this;
    }
    /// Does not fail for what reaches the loop's exception handler; a body that sets its own handler need not say this.
    test_options& allow_reports(bool on = true) noexcept {
        allow_reports_ = on;
        return *this;
    }
    /// Does not fail for tasks that are alive when the body ends; they are cancelled as run() does.
    test_options& allow_tasks(bool on = true) noexcept {
        allow_tasks_ = on;
        return *this;
    }
    /// The loop's settings. Default: poll before every turn, as asyncio does; backend from BIDE_BACKEND.
    test_options& loop(loop_options options) noexcept {
        loop_ = options;
        return *this;
    }

    [[nodiscard]] bool real_time() const noexcept { return real_time_; }
    [[nodiscard]] bool allow_reports() const noexcept { return allow_reports_; }
    [[nodiscard]] bool allow_tasks() const noexcept { return allow_tasks_; }
    [[nodiscard]] const loop_options& loop() const noexcept { return loop_; }

private:
    bool real_time_ = false;
    bool allow_reports_ = false;
    bool allow_tasks_ = false;
    loop_options loop_ = loop_options().poll_interval(1);
};

namespace detail {

using body = move_only_function<coro<void>()>;

void run_test(body make, const test_options& options);

// What one run of a sweep does to the body, and what came of it.
struct intervention {
    std::uint64_t cancel_at_turn =
        UINT64_MAX;  // turn of the loop, from 0, in which the body's task is cancelled
    std::uint64_t fail_operation = UINT64_MAX;  // operation, from 0, that fails
    int error = 0;
    bool happened = false;  // out: it took place before the body ended
};
void run_with(body make, const test_options& options, intervention& what);

}  // namespace detail

/// Runs the coroutine that `make` gives, to its end, on a new loop whose clock stands still while anything can happen
/// and jumps to the next deadline when nothing can: sleeps cost no time, and timeouts fire in order.
/// Throws: what the body throws; test_failure when it leaves tasks, coroutine frames or descriptors behind, or when
/// something was reported to the loop's exception handler. The text then says what the body threw, too, and names the
/// seed of a shuffled ready queue.
/// Threads: one test at a time in a process that counts descriptors. Python: IsolatedAsyncioTestCase, without the clock.
template <class F>
void run_test(F make, test_options options = {}) {
    detail::run_test(detail::body(std::move(make)), options);
}

}  // namespace bide::testing
