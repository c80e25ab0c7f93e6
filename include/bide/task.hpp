// bide/core: task<T>, a coroutine that the loop runs.
#pragma once

#include <bide/context.hpp>
#include <bide/coro.hpp>
#include <bide/detail/base/invoke.hpp>
#include <bide/detail/core/as_coro.hpp>
#include <bide/detail/core/call_graph.hpp>
#include <bide/future.hpp>
#include <bide/loop.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace bide {

/// What create_task() may be told.
struct task_options {
    /// Default: "Task-N" with a process-wide N.
    task_options& name(std::string text) {
        name_ = std::move(text);
        return *this;
    }
    /// The context variables it starts with. Default: a copy of the current ones.
    task_options& context(bide::context variables) {
        context_ = std::move(variables);
        has_context_ = true;
        return *this;
    }
    /// Runs the coroutine up to its first suspension inside create_task(). Default: false.
    task_options& eager_start(bool now = true) {
        eager_ = now;
        return *this;
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Null when none was given.
    [[nodiscard]] const bide::context* context() const noexcept { return has_context_ ? &context_ : nullptr; }
    [[nodiscard]] std::optional<bool> eager() const noexcept { return eager_; }

private:
    std::string name_;
    bide::context context_;
    bool has_context_ = false;
    std::optional<bool> eager_;
};

namespace detail {

void set_task_name(task_base& task, std::string name);
context task_context(const task_base& task);
std::vector<frame_place> task_stack(task_base& task, std::size_t limit);
std::string task_stack_text(task_base& task, std::size_t limit);
void apply_options(loop_state& loop, task_base& task, task_options options, bool& eager);
// As apply_options and start_task for the usual case: no options, no factory.
void launch(task_base& task, void* frame);
void launch(task_base& task, void* frame, task_options options);
// A task of the library's own: not listed, not named, without context variables; run() does not cancel it when it ends.
void launch_internal(task_base& task, void* frame) noexcept;

}  // namespace detail

/// A shared handle of a coroutine that the loop runs beside the others. Copies refer to the same task; dropping all of
/// them lets it run on. Awaiting it suspends until it is done and gives its result; cancelling a task that awaits it
/// cancels it first. A failure that nobody ever looks at is reported when the last handle is dropped.
/// Threads: the loop's only. Python: asyncio.Task.
template <class T = void>
class task : public detail::future_handle<task<T>, T> {
    using base = detail::future_handle<task<T>, T>;

public:
    static constexpr const char* type_name = "task";

    task() noexcept = default;
    explicit task(detail::future_core& adopted) noexcept : base(adopted) {}

    /// Asks it to end: cancelled_error is thrown at its current await, or at its next one; before its first step, its
    /// body never runs. What it waits for is cancelled first. Counted: see cancelling().
    /// Returns: false when it was done. True does not mean that it will end. Python: Task.cancel.
    bool cancel(const std::string& message = {}) const { return detail::cancel_task(base_(), message); }

    /// Calls of cancel() less calls of uncancel(). Python: Task.cancelling.
    [[nodiscard]] std::size_t cancelling() const { return base_().cancelling; }

    /// Takes one cancel() back from the count; at zero, one that was not delivered yet is withdrawn. For those who
    /// called cancel(), such as timeouts and groups. Returns: the count that is left. Python: Task.uncancel.
    std::size_t uncancel() const { return detail::uncancel_task(base_()); }

    /// Python: Task.get_name, Task.set_name.
    [[nodiscard]] std::string get_name() const { return detail::task_name(base_()); }
    void set_name(std::string name) const { detail::set_task_name(base_(), std::move(name)); }

    /// The context variables it runs with. Python: Task.get_context.
    [[nodiscard]] context get_context() const { return detail::task_context(base_()); }

    /// Where it is suspended: its frames from the outermost coroutine to the innermost, at most `limit` of the
    /// innermost ones. Empty when done. Python: Task.get_stack (there only the outermost frame), print_stack.
    [[nodiscard]] std::vector<detail::frame_place> get_stack(std::size_t limit = SIZE_MAX) const {
        return detail::task_stack(base_(), limit);
    }
    [[nodiscard]] std::string format_stack(std::size_t limit = SIZE_MAX) const {
        return detail::task_stack_text(base_(), limit);
    }

private:
    [[nodiscard]] detail::task_base& base_() const { return detail::as_task(this->core()); }
};

namespace detail {

template <class T>
task<T> make_task(loop_state& loop, coro<T>&& body, task_options* options) {
    auto* const state = new task_state<T>(&loop);
    task<T> made(*state);  // owns the state if what follows throws
    const auto frame = std::move(body).release();
    frame.promise().root_of(*state);
    if (options == nullptr) {
        launch(*state, frame.address());
    } else {
        launch(*state, frame.address(), std::move(*options));
    }
    return made;
}

template <class T>
task<T> make_internal_task(loop_state& loop, coro<T>&& body) {
    auto* const state = new task_state<T>(&loop);
    task<T> made(*state);
    const auto frame = std::move(body).release();
    frame.promise().root_of(*state);
    launch_internal(*state, frame.address());
    return made;
}

template <class F, class... Args>
using coro_of = std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>;

template <class F, class... Args>
concept coro_function =
    std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...> && is_coro<coro_of<F, Args...>>;

// GCC warns that the frame holds a lambda that only one file knows; so does only that file's instantiation.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif
// Keeps the callable, and with it a lambda's captures, alive for as long as its coroutine runs.
template <class F, class... Args>
std::invoke_result_t<F&, Args...> call_in_frame(F function, Args... args) {
    auto body = detail::invoke(function, std::move(args)...);
    co_return co_await std::move(body);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

}  // namespace detail

/// Schedules a coroutine on the running loop as a task of its own. Its first step runs in a later turn, in the order of
/// creation (at once with eager_start). The loop owns the task until it is done.
/// Throws: invalid_state_error when no loop runs; the coroutine stays with the caller then.
/// Python: asyncio.create_task.
template <class T>
task<T> create_task(coro<T>&& body) {
    return detail::make_task(detail::current_loop_state("create_task"), std::move(body), nullptr);
}
template <class T>
task<T> create_task(coro<T>&& body, task_options options) {
    return detail::make_task(detail::current_loop_state("create_task"), std::move(body), &options);
}

/// Schedules fn(args...), which gives a coroutine. The callable and its arguments are copied or moved into the task and
/// live as long as it does, so a lambda may use its captures across awaits.
template <class F, class... Args>
    requires detail::coro_function<F, Args...>
auto create_task(F&& fn, Args&&... args) {
    detail::loop_state& loop = detail::current_loop_state("create_task");
    auto body = detail::call_in_frame<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(fn),
                                                                              std::forward<Args>(args)...);
    return detail::make_task(loop, std::move(body), nullptr);
}

/// The same for what is awaitable without being a coroutine, such as sleep(), a read of a stream or get() of a queue.
template <awaitable A>
    requires(!detail::is_coro<std::remove_cvref_t<A>> && !detail::is_future<std::remove_cvref_t<A>>)
auto create_task(A&& what) {
    return create_task(detail::as_coro(std::forward<A>(what)));
}

/// Schedules a coroutine on a loop that need not run yet. Threads: the loop's, or before it runs.
/// Python: loop.create_task.
template <class T>
task<T> create_task(event_loop& loop, coro<T>&& body, task_options options = {}) {
    return detail::make_task(loop.state(), std::move(body), &options);
}
template <class F, class... Args>
    requires detail::coro_function<F, Args...>
auto create_task(event_loop& loop, F&& fn, Args&&... args) {
    auto body = detail::call_in_frame<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(fn),
                                                                              std::forward<Args>(args)...);
    return create_task(loop, std::move(body));
}

/// A handle of a task whose result type does not matter.
class any_task : public detail::future_handle<any_task, void> {
    using base = detail::future_handle<any_task, void>;

public:
    static constexpr const char* type_name = "task";

    any_task() noexcept = default;
    explicit any_task(detail::future_core& adopted) noexcept : base(adopted) {}
    template <class T>
    any_task(const task<T>& other) : base(detail::retain(other.core())) {}

    bool cancel(const std::string& message = {}) const { return detail::cancel_task(base_(), message); }
    [[nodiscard]] std::size_t cancelling() const { return base_().cancelling; }
    std::size_t uncancel() const { return detail::uncancel_task(base_()); }
    [[nodiscard]] std::string get_name() const { return detail::task_name(base_()); }
    void set_name(std::string name) const { detail::set_task_name(base_(), std::move(name)); }
    [[nodiscard]] context get_context() const { return detail::task_context(base_()); }
    [[nodiscard]] std::vector<detail::frame_place> get_stack(std::size_t limit = SIZE_MAX) const {
        return detail::task_stack(base_(), limit);
    }
    [[nodiscard]] std::string format_stack(std::size_t limit = SIZE_MAX) const {
        return detail::task_stack_text(base_(), limit);
    }

private:
    [[nodiscard]] detail::task_base& base_() const { return detail::as_task(core()); }
};

/// The task that is running; an empty handle inside a plain callback. Throws: invalid_state_error when no loop runs.
/// Python: asyncio.current_task.
[[nodiscard]] any_task current_task();

/// Every task of the running loop (or of `loop`) that is not done, oldest first. Python: asyncio.all_tasks.
[[nodiscard]] std::vector<any_task> all_tasks();
[[nodiscard]] std::vector<any_task> all_tasks(event_loop& loop);

/// A task factory that starts every task eagerly unless its options say otherwise; for event_loop::set_task_factory.
/// Python: asyncio.eager_task_factory.
void eager_task_factory(event_loop& loop, task_options& options);

}  // namespace bide
