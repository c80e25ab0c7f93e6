// bide/exec: tasks that take turns by hand, on one thread.
#pragma once

#include <bide/detail/core/task_base.hpp>
#include <bide/run.hpp>
#include <bide/task.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>

namespace bide {

class scheduler;

namespace detail {

extern const wait_kind pause_wait;

// Suspends the running task until resume_task() or switch_to() names it.
class pause_awaitable : public awaitable_tag, public wait {
public:
    pause_awaitable(scheduler& in, any_task next) noexcept
        : wait{&pause_wait}, scheduler_(&in), next_(std::move(next)) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> frame);
    void await_resume() const { end_wait(running_task()); }

    void leave(task_base& task) noexcept;  // the list of those that are paused

private:
    scheduler* scheduler_;
    any_task next_;  // that runs in place of the one that pauses; empty: whoever is ready
};

}  // namespace detail

/// A loop whose tasks decide who runs: to see how coroutines work, or to drive them from a loop of one's own, such as a
/// game's. Tasks are ordinary tasks, and they may also sleep and await as everywhere. Ready tasks run one at a time, in
/// the order in which they became ready; switch_to() jumps the queue.
/// Destroying it cancels the tasks that are left and lets them end, as run() does.
/// Threads: one. Python: none (greenlet's switch is the nearest).
class scheduler {
public:
    scheduler() : scheduler(run_options()) {}
    explicit scheduler(run_options options) : host_(in_order(std::move(options))) {}
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;
    ~scheduler() = default;

    /// Makes a task, ready to run; its first step is taken in run(), or when a task switches to it.
    /// Returns: an ordinary task; its result is there when it is done. Throws: invalid_state_error after close().
    template <class T>
    task<T> start_new_task(coro<T>&& body, task_options options = {}) {
        return create_task(loop(), std::move(body), std::move(options));
    }
    /// As above for fn(args...), which gives a coroutine; the callable and its arguments live as long as the task.
    template <class F, class... Args>
        requires detail::coro_function<F, Args...>
    auto start_new_task(F&& fn, Args&&... args) {
        return create_task(loop(), detail::call_in_frame<std::decay_t<F>, std::decay_t<Args>...>(
                                       std::forward<F>(fn), std::forward<Args>(args)...));
    }

    /// Awaited in a task: pauses it and runs `target`, which is paused or ready, at once, before everybody who is ready.
    /// Switching to oneself does nothing. Throws: invalid_state_error when the target is done, waits for something
    /// else or belongs to another loop. Cancellation: the pause ends with cancelled_error.
    [[nodiscard]] detail::pause_awaitable switch_to(const any_task& target) {
        return detail::pause_awaitable(*this, target);
    }

    /// Awaited in a task: pauses it until somebody resumes it or switches to it.
    [[nodiscard]] detail::pause_awaitable pause() { return detail::pause_awaitable(*this, any_task()); }

    /// Makes a paused task ready, behind those that are. Returns: false when it is not paused.
    /// From tasks, callbacks and between two runs. Throws: invalid_state_error for a task of another loop.
    bool resume_task(const any_task& target);

    /// Runs until nothing is ready and nothing can become so without resume_task(): every task is done or paused, or
    /// waits for one that is. Sleeps and operations are waited for. Exceptions stay in their tasks.
    /// Throws: invalid_state_error inside a running loop or after close().
    void run();

    /// For a loop of one's own: runs the tasks that are ready now, each for one step, and those that they switch to;
    /// never waits. Returns: whether there is a task that is not done. Throws: as run().
    bool run_once();

    /// Cancels what is left, waits for it and closes the loop. Idempotent.
    void close() { host_.close(); }

    /// The loop underneath.
    [[nodiscard]] event_loop& loop() { return host_.get_loop(); }

private:
    friend class detail::pause_awaitable;

    static run_options in_order(run_options options);
    void take_out(detail::task_base& target);

    detail::wait_list paused_;
    runner host_;  // ends first: the tasks that it cancels are in the list
};

}  // namespace bide
