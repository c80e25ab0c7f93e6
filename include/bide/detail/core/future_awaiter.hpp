// bide/core: waiting for a task or a future.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/copyable.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/result.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>

namespace bide::detail {

extern const wait_kind future_wait;

// The typed value of a future or task; valid once it is done without failure.
template <class T>
T& value_of(future_core& what) noexcept;

// Throws `error` when it is a base_exception (as_result lets cancellations through).
void pass_on_base_exception(const std::exception_ptr& error);

struct future_wait_state : wait {
    future_core* what;
};

// Throws when the task may not wait for this future: its own, or one of another loop.
void check_may_await(const task_base& task, const future_core& what);

// `Keep`: others may still want the value, so it is copied where it can be.
template <class T, bool Keep>
class future_awaiter : public awaitable_tag {
public:
    explicit future_awaiter(future_core& what) noexcept : state_{{&future_wait}, &retain(what)} {}
    // Moved only before it is awaited; GCC 12 does so with what as_result() gives.
    future_awaiter(future_awaiter&& other) noexcept
        : state_{other.state_, std::exchange(other.state_.what, nullptr)}, waited_(other.waited_) {}
    future_awaiter& operator=(future_awaiter&&) = delete;
    ~future_awaiter() {
        if (state_.what != nullptr) release(*state_.what);
    }

    [[nodiscard]] bool await_ready() const noexcept { return state_.what->has(flag::done); }
    void await_suspend(std::coroutine_handle<> frame) {
        task_base& task = running_task();
        check_may_await(task, *state_.what);
        state_.what->waiters.push_back(task);
        waited_ = true;
        begin_wait(task, state_, frame);
    }
    T await_resume() {
        if (waited_) end_wait(running_task());
        check_result(*state_.what);
        return value();
    }
    result<T> await_result() {
        if (waited_) end_wait(running_task());
        if (const std::exception_ptr error = failure_of(*state_.what)) {
            pass_on_base_exception(error);
            return result<T>::failure(error);
        }
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return result<T>(value());
        }
    }

private:
    T value() {
        if constexpr (!std::is_void_v<T>) {
            future_core& what = *state_.what;
            if constexpr (std::is_reference_v<T>) {
                return static_cast<T>(*value_of<std::remove_reference_t<T>*>(what));
            } else if constexpr (copyable<T>) {
                if (Keep || what.refs > 2) return value_of<T>(what);
                return std::move(value_of<T>(what));
            } else {
                if (what.has(flag::taken)) throw_taken(what);
                what.set(flag::taken);
                return std::move(value_of<T>(what));
            }
        }
    }

    future_wait_state state_;
    bool waited_ = false;
};

}  // namespace bide::detail
