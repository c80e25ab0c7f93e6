// bide/exec: await a blocking call on a worker thread.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/context.hpp>
#include <bide/coro.hpp>
#include <bide/detail/exec/bound_call.hpp>
#include <bide/detail/exec/executor_job.hpp>
#include <bide/detail/exec/outcome.hpp>
#include <bide/detail/exec/thread_call.hpp>
#include <bide/result.hpp>

#include <coroutine>
#include <exception>
#include <utility>

namespace bide {

class thread_pool;

/// For to_thread(): the await gives way to a cancellation at once, and the call goes on without it.
struct abandon_on_cancel_t {
    explicit abandon_on_cancel_t() = default;
};
inline constexpr abandon_on_cancel_t abandon_on_cancel{};

namespace detail {

template <class Call>
class to_thread_awaitable : public awaitable_tag, private thread_call {
    using R = typename Call::result_type;

public:
    to_thread_awaitable(thread_pool* in, Call&& call)
        : thread_call(table), pool_(in), call_(std::move(call)) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) { start_thread_call(*this, pool_, frame); }
    R await_resume() {
        end_thread_call(*this, outcome_.error);
        if (outcome_.error != nullptr) std::rethrow_exception(outcome_.error);
        return outcome_.take();
    }
    result<R> await_result() {
        end_thread_call(*this, outcome_.error);
        if (outcome_.error != nullptr) {
            pass_on_base_exception(outcome_.error);
            return result<R>::failure(outcome_.error);
        }
        if constexpr (std::is_void_v<R>) {
            return {};
        } else {
            return result<R>(outcome_.take());
        }
    }

private:
    static void run(worker_job& job) noexcept {
        auto& self = static_cast<to_thread_awaitable&>(static_cast<thread_call&>(job));
        const context_scope scope(self.context);
        self.outcome_.set_from(self.call_);
    }
    static void drop(worker_job& job, const std::exception_ptr& why) noexcept {
        auto& self = static_cast<to_thread_awaitable&>(static_cast<thread_call&>(job));
        self.outcome_.error = why;
        self.dropped = true;
        finish_thread_call(job);
    }
    static constexpr worker_job_ops table{run, finish_thread_call, drop};

    thread_pool* pool_;
    Call call_;
    outcome<R> outcome_;
};

template <class R, class Call>
coro<R> call_and_abandon(Call call) {
    const context variables = copy_context();
    future<R> end = start_in_executor(nullptr, variables.data(), std::move(call));
    co_return co_await std::move(end);
}

}  // namespace detail

/// Calls fn(args...) on a thread of the loop's default executor and suspends the task until it has returned. The call
/// sees a copy of the task's context variables. The callable and its arguments are copied or moved into the awaitable,
/// which starts the call when it is awaited.
/// Returns: what the call returns. Throws: what it throws; invalid_state_error when the default executor is shut down.
/// Cancellation: a call that has not started is taken back. One that runs cannot be: the task waits for it, and then
/// cancelled_error is thrown; its result is dropped, its exception goes to the loop's exception handler.
/// Threads: the loop's. Limits: at most min(32, processors + 4) calls run at a time, the others wait in order.
/// Python: asyncio.to_thread, whose await ends at once when it is cancelled: see abandon_on_cancel.
template <class F, class... Args>
    requires detail::thread_callable<F, Args...>
[[nodiscard("to_thread does nothing until it is awaited")]] auto to_thread(F&& fn, Args&&... args) {
    return detail::to_thread_awaitable<detail::bound<F, Args...>>(
        nullptr, detail::bind_call(std::forward<F>(fn), std::forward<Args>(args)...));
}

/// As above, on a thread of `pool`.
template <class F, class... Args>
    requires detail::thread_callable<F, Args...>
[[nodiscard("to_thread does nothing until it is awaited")]] auto to_thread(thread_pool& pool, F&& fn,
                                                                           Args&&... args) {
    return detail::to_thread_awaitable<detail::bound<F, Args...>>(
        &pool, detail::bind_call(std::forward<F>(fn), std::forward<Args>(args)...));
}

/// As to_thread(fn, args...), but a cancellation ends the await at once and the call goes on by itself: everything it
/// touches must belong to it. Its result is dropped, its exception goes to the loop's exception handler.
template <class F, class... Args>
    requires detail::thread_callable<F, Args...>
auto to_thread(abandon_on_cancel_t, F&& fn, Args&&... args) {
    using R = typename detail::bound<F, Args...>::result_type;
    return detail::call_and_abandon<R>(detail::bind_call(std::forward<F>(fn), std::forward<Args>(args)...));
}

}  // namespace bide
