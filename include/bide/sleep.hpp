// bide/core: suspend for a time, or for one turn of the loop.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/time.hpp>

#include <chrono>
#include <cmath>
#include <coroutine>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

extern const wait_kind sleep_wait;
extern const wait_kind yield_wait;

void start_sleep(task_base& task, std::int64_t delay) noexcept;
[[noreturn]] BIDE_COLD void throw_sleep_nan();

class sleep_awaitable : public awaitable_tag, private wait {
public:
    explicit sleep_awaitable(std::int64_t delay) noexcept : wait{&sleep_wait}, delay_(delay) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) {
        task_base& task = running_task();
        if (delay_ <= 0) {
            kind = &yield_wait;
            make_ready(task, *task.loop);
        } else {
            start_sleep(task, delay_);
        }
        begin_wait(task, *this, frame);
    }
    void await_resume() const { end_wait(running_task()); }

private:
    std::int64_t delay_;
};

template <class T>
class sleep_awaitable_with_result : public awaitable_tag {
public:
    sleep_awaitable_with_result(std::int64_t delay, T value) : sleep_(delay), value_(std::move(value)) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) { sleep_.await_suspend(frame); }
    T await_resume() {
        sleep_.await_resume();
        return std::move(value_);
    }

private:
    sleep_awaitable sleep_;
    T value_;
};

template <class Rep, class Period>
std::int64_t sleep_delay(std::chrono::duration<Rep, Period> delay) {
    if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
        if (std::isnan(delay.count())) throw_sleep_nan();
    }
    return to_ns(delay);
}

}  // namespace detail

/// Suspends the running task for `delay`; zero or less suspends it for exactly one turn of the loop, without a timer.
/// Throws: std::invalid_argument for NaN; invalid_state_error outside a task.
/// Cancellation: the timer is taken back and cancelled_error thrown. Units: any std::chrono duration; a delay that the
/// clock cannot hold lasts for ever. Python: asyncio.sleep.
template <class Rep, class Period>
[[nodiscard("sleep does nothing until it is awaited")]] detail::sleep_awaitable
sleep(std::chrono::duration<Rep, Period> delay) {
    return detail::sleep_awaitable(detail::sleep_delay(delay));
}

/// As sleep(delay); the await gives `result`. Python: asyncio.sleep(delay, result).
template <class Rep, class Period, class T>
[[nodiscard("sleep does nothing until it is awaited")]] auto sleep(std::chrono::duration<Rep, Period> delay,
                                                                   T result) {
    return detail::sleep_awaitable_with_result<T>(detail::sleep_delay(delay), std::move(result));
}

// Says so where a number was given.
template <class N, class... T>
    requires std::is_arithmetic_v<N>
detail::sleep_awaitable sleep(N, T&&...) {
    static_assert(
        !std::is_arithmetic_v<N>,
        "bide: a number has no unit; write 1s or 1500ms, with `using namespace std::chrono_literals`");
    return detail::sleep_awaitable(0);
}

}  // namespace bide
