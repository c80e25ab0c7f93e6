// bide/core: structured children: task_group, with_task_group.
#pragma once

#include <bide/detail/base/invoke.hpp>
#include <bide/detail/core/as_coro.hpp>
#include <bide/detail/core/group_child.hpp>
#include <bide/task.hpp>

#include <concepts>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace bide {

class task_group;

namespace detail {

template <class F>
using group_body_t = std::invoke_result_t<F&, task_group&>;
template <class F>
using group_value_t = typename group_body_t<F>::value_type;
template <class F>
concept group_function = std::invocable<F&, task_group&> && is_coro<group_body_t<F>>;

template <class F>
coro<group_value_t<F>> run_task_group(F body);

}  // namespace detail

/// The children of one piece of a task: with_task_group() makes a group, hands it to its body, and ends only when every
/// child has ended. The first child that fails cancels the others and the body. A child that was cancelled is no failure.
/// Neither copyable nor movable; the reference is good until with_task_group() is done.
/// Threads: the loop's only. Python: asyncio.TaskGroup.
class task_group {
public:
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group();

    /// As the free create_task(), for a child of this group. A child may create further ones, also while the group waits
    /// for its end.
    /// Throws: invalid_state_error when the group is shutting down or has no child left after its body ended; the
    /// coroutine is closed then. Python: TaskGroup.create_task.
    template <class T>
    task<T> create_task(coro<T>&& body) {
        return spawn(std::move(body), nullptr);
    }
    template <class T>
    task<T> create_task(coro<T>&& body, task_options options) {
        return spawn(std::move(body), &options);
    }
    template <class F, class... Args>
        requires detail::coro_function<F, Args...>
    auto create_task(F&& fn, Args&&... args) {
        return spawn(detail::call_in_frame<std::decay_t<F>, std::decay_t<Args>...>(
                         std::forward<F>(fn), std::forward<Args>(args)...),
                     nullptr);
    }
    /// The same for what is awaitable without being a coroutine, such as sleep() and wait_for().
    template <awaitable A>
        requires(!detail::is_coro<std::remove_cvref_t<A>> && !detail::is_future<std::remove_cvref_t<A>>)
    auto create_task(A&& what) {
        return spawn(detail::as_coro(std::forward<A>(what)), nullptr);
    }

    /// Ends the group early: cancels the children that are not done, and the body. with_task_group() then ends without
    /// an error, unless a child fails on the way out. Idempotent.
    /// Python: TaskGroup.cancel (3.15).
    void cancel();

private:
    template <class F>
    friend coro<detail::group_value_t<F>> detail::run_task_group(F body);
    friend detail::group_join;
    friend detail::group_link;

    task_group();

    template <class T>
    task<T> spawn(coro<T>&& body, task_options* options) {
        if (!open()) [[unlikely]] {
            body.close();
            refuse();
        }
        auto* const child = new detail::group_child<T>(parent_.loop);
        task<T> made(*child);
        const auto frame = std::move(body).release();
        frame.promise().root_of(*child);
        start(*child, child->link, frame.address(), options);
        return made;
    }

    [[nodiscard]] bool open() const noexcept { return !aborting_ && !(exiting_ && empty()); }
    [[nodiscard]] bool empty() const noexcept { return children_.after == &children_; }
    [[noreturn]] BIDE_COLD void refuse() const;
    void start(detail::task_base& child, detail::group_link& link, void* frame, task_options* options);

    void child_done(detail::group_link& link);
    void abort() noexcept;
    // The group cancels the task that it belongs to, so that the body ends.
    void cancel_parent();

    void body_ended(const std::exception_ptr& error);
    // The parent was cancelled while it waited for the children.
    void join_cancelled() noexcept;
    // Throws what the group ends with; returns when that is the body's value, or nothing.
    void finish(const std::exception_ptr& body_error);
    [[noreturn]] BIDE_COLD void throw_no_value() const;
    [[noreturn]] BIDE_COLD void throw_base_error();

    detail::task_base& parent_;
    detail::ring_link children_;
    std::vector<std::exception_ptr> errors_;  // in the order in which the children ended
    std::exception_ptr base_error_;           // the first keyboard_interrupt or system_exit
    bool joining_ = false;                    // the parent waits for the children
    bool exiting_ = false;                    // the body has ended
    bool aborting_ = false;                   // the children were cancelled
    bool parent_cancelled_ = false;           // ... and the parent, by this group
    bool cancelled_in_join_ = false;
    bool propagate_ = false;  // a cancellation of the parent that is somebody else's
    std::uint16_t cancels_before_;
};

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class F>
coro<group_value_t<F>> run_task_group(F body) {
    using T = group_value_t<F>;
    task_group group;
    group_body<T> work;
    try {
        work.start(detail::invoke(body, group));
    } catch (...) { work.fail(std::current_exception()); }
    co_await work.run();
    group.body_ended(work.error());
    while (!group.empty())
        co_await group_join(group);  // more than once when the parent is cancelled meanwhile
    group.finish(work.error());
    if constexpr (std::is_void_v<T>) {
        co_return;
    } else {
        if (work.error() != nullptr) {  // group.cancel() ended the body
            if constexpr (is_optional<T>) {
                co_return T();
            } else {
                group.throw_no_value();
            }
        }
        co_return work.take();
    }
}

}  // namespace detail

/// Runs `body(group)`, which gives a coroutine, as part of the running task, and waits until it and every child that was
/// created in the group has ended. The body and its captures live until then.
/// Returns: what the body's coroutine returns. Where group.cancel() ended it before it returned: an empty value if that
/// is a std::optional, else see below.
/// Throws: exception_group "unhandled errors in a task group" with the failures of the children in the order in which
/// they ended, then that of the body; the first keyboard_interrupt or system_exit by itself; cancelled_error;
/// invalid_state_error outside a task, and where group.cancel() left no value to return.
/// Cancellation: of the task cancels the children, and is thrown when all have ended. If children failed meanwhile, the
/// exception_group is thrown, and the cancellation arrives at the task's next await. A cancellation that the group makes
/// itself is taken back.
/// Limits: it waits for its children however long they take.
/// Python: `async with asyncio.TaskGroup() as group:`.
template <class F>
    requires detail::group_function<std::decay_t<F>>
coro<detail::group_value_t<std::decay_t<F>>> with_task_group(F&& body) {
    return detail::run_task_group<std::decay_t<F>>(std::forward<F>(body));
}

// Says what is wrong with a lambda that is no coroutine.
template <class F>
    requires(std::invocable<std::decay_t<F>&, task_group&> &&
             !detail::is_coro<std::invoke_result_t<std::decay_t<F>&, task_group&>>)
coro<void> with_task_group(F&&) {
    static_assert(!std::invocable<std::decay_t<F>&, task_group&>,
                  "bide: the body gives a coroutine: [&](bide::task_group& group) -> bide::coro<void> { "
                  "...; co_return; }");
    co_return;
}

}  // namespace bide
