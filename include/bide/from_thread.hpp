// bide/exec: reach a loop, its coroutines and its tasks from other threads.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/concurrent_future.hpp>
#include <bide/detail/core/as_coro.hpp>
#include <bide/detail/exec/bound_call.hpp>
#include <bide/detail/exec/loop_visitor.hpp>
#include <bide/detail/exec/threadsafe_run.hpp>
#include <bide/detail/exec/wrapped_future.hpp>
#include <bide/future.hpp>
#include <bide/loop.hpp>
#include <bide/task.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace bide {

/// Runs a coroutine as a task of `loop`, which runs on another thread.
/// Returns: a future of its result, exception or cancellation. Cancelling it takes effect at once and asks the task to
/// end; a task that will not, goes on unseen. Waiting for it on the loop's own thread throws invalid_state_error.
/// When the loop closes before the task is done, the future is cancelled.
/// Throws: invalid_state_error when the loop is closed; the coroutine is destroyed. Threads: any; the loop must exist.
/// Python: asyncio.run_coroutine_threadsafe (there, waiting on the loop's thread hangs).
template <class T>
concurrent_future<T> run_coroutine_threadsafe(coro<T>&& body, event_loop& loop) {
    auto* const state = new detail::threadsafe_task<T>(loop);
    concurrent_future<T> result(*state);
    detail::post_start(loop, *state, detail::ready_body<T>(std::move(body)));
    return result;
}

/// As above for another awaitable, such as wait_for(). Tasks and futures have a loop already: see threadsafe_handle().
template <class A>
    requires(awaitable<A> && !detail::is_coro<std::remove_cvref_t<A>> &&
             !detail::is_future<std::remove_cvref_t<A>>)
auto run_coroutine_threadsafe(A&& what, event_loop& loop) {
    return run_coroutine_threadsafe(detail::as_coro(std::forward<A>(what)), loop);
}

/// As above for fn(args...), which gives a coroutine: it is called on the loop's thread, and the callable and its arguments,
/// which are copied or moved, live as long as the task.
template <class F, class... Args>
    requires detail::coro_function<F, Args...>
auto run_coroutine_threadsafe(event_loop& loop, F&& fn, Args&&... args) {
    using T = typename detail::coro_of<F, Args...>::value_type;
    auto* const state = new detail::threadsafe_task<T>(loop);
    concurrent_future<T> result(*state);
    detail::post_start(loop, *state,
                       detail::called_body<T, std::decay_t<F>, std::decay_t<Args>...>(
                           std::forward<F>(fn), std::forward<Args>(args)...));
    return result;
}

/// A future of the running loop that ends as `source` does, and cancels it when it is cancelled itself (which succeeds
/// while the job has not started; the future is cancelled in any case). Nothing is delivered into a closed loop.
/// Throws: invalid_state_error when no loop runs. Threads: the loop's. Python: asyncio.wrap_future.
template <class T>
future<T> wrap_future(concurrent_future<T> source) {
    return detail::wrap(detail::current_loop_state("wrap_future"), std::move(source));
}

/// A way to cancel a task from any thread. Copies refer to the same task; none keeps it running. While there is one, the
/// loop counts as one that may still be woken. Made by threadsafe_handle(). Python: none (there,
/// loop.call_soon_threadsafe(task.cancel)).
class task_handle {
public:
    task_handle() noexcept = default;

    /// Asks the task to end, as task::cancel() on the loop's thread in a later turn.
    /// Returns: false when the loop is closed; the task has ended then. Threads: any.
    bool cancel_threadsafe(std::string message = {}) const;

    explicit operator bool() const noexcept { return visitor_ != nullptr; }

    /// For bide's own layers.
    explicit task_handle(std::shared_ptr<detail::loop_visitor> visitor) noexcept
        : visitor_(std::move(visitor)) {}

private:
    std::shared_ptr<detail::loop_visitor> visitor_;
};

/// Throws: invalid_state_error when the loop is closed. Threads: the loop's.
[[nodiscard]] task_handle threadsafe_handle(const any_task& task);

/// A way into a loop that any thread may keep, longer than the loop itself. While there is one, the loop counts as one that
/// may still be woken, so waiting for what its holder will do is no deadlock. Copies share the same count.
/// Python: none.
class event_loop_handle {
public:
    event_loop_handle() noexcept = default;
    /// Throws: invalid_state_error when the loop is closed. Threads: the loop's, or before it runs.
    explicit event_loop_handle(event_loop& loop) : visitor_(detail::visit(loop.state(), nullptr)) {}

    /// As event_loop::call_soon_threadsafe(), but a loop that is closed is no error: false. Threads: any.
    template <class F, class... Args>
    bool call_soon_threadsafe(F&& fn, Args&&... args) const {
        if (visitor_ == nullptr) return false;
        return detail::post_call(
            *visitor_,
            [call = detail::bind_call(std::forward<F>(fn), std::forward<Args>(args)...)]() mutable {
                static_cast<void>(call());
            });
    }

    explicit operator bool() const noexcept { return visitor_ != nullptr; }

private:
    std::shared_ptr<detail::loop_visitor> visitor_;
};

}  // namespace bide
