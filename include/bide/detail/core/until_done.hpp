// bide/core: wait until a task or future is done, without looking at how it ended.
#pragma once

#include <bide/detail/core/future_awaiter.hpp>

namespace bide::detail {

// Cancelling the waiting task does not cancel what it waits for.
extern const wait_kind until_done_wait;

class until_done : public awaitable_tag {
public:
    explicit until_done(future_core& what) noexcept : state_{{&until_done_wait}, &retain(what)} {}
    // GCC 12 moves what is awaited into the frame before it asks whether it is ready.
    until_done(until_done&& other) noexcept
        : state_{other.state_, std::exchange(other.state_.what, nullptr)} {}
    until_done& operator=(until_done&&) = delete;
    ~until_done() {
        if (state_.what != nullptr) release(*state_.what);
    }

    [[nodiscard]] bool await_ready() const noexcept { return state_.what->has(flag::done); }
    void await_suspend(std::coroutine_handle<> frame) {
        task_base& task = running_task();
        check_may_await(task, *state_.what);
        state_.what->waiters.push_back(task);
        begin_wait(task, state_, frame);
    }
    void await_resume() const { end_wait(running_task()); }

private:
    future_wait_state state_;
};

}  // namespace bide::detail
