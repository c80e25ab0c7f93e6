// bide/core: wait until some or all of several tasks are done.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/child_range.hpp>
#include <bide/detail/core/watch.hpp>
#include <bide/task.hpp>
#include <bide/time.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bide {

/// When wait() ends. Python: FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED.
enum class return_when {
    all_completed,    ///< all are done
    first_completed,  ///< one is done, in whatever way
    first_exception,  ///< one has failed, or all are done; a cancelled one has not failed
};
using enum return_when;

/// What wait() may be told; a return_when or a duration alone will do.
class wait_options {
public:
    wait_options() = default;
    wait_options(bide::return_when when) noexcept : when_(when) {}
    template <class Rep, class Period>
    wait_options(std::chrono::duration<Rep, Period> limit) : timeout_(detail::timeout_ns(limit, "wait")) {}

    /// Default: all_completed.
    wait_options& return_when(bide::return_when when) noexcept {
        when_ = when;
        return *this;
    }
    /// Default: none. Zero or less looks once, after one turn of the loop. Throws: std::invalid_argument for NaN.
    template <class Rep, class Period>
    wait_options& timeout(std::chrono::duration<Rep, Period> limit) {
        timeout_ = detail::timeout_ns(limit, "wait");
        return *this;
    }

    [[nodiscard]] bide::return_when return_when() const noexcept { return when_; }
    /// Nanoseconds; detail::no_deadline for none.
    [[nodiscard]] std::int64_t timeout() const noexcept { return timeout_; }

private:
    std::int64_t timeout_ = detail::no_deadline;
    bide::return_when when_ = bide::return_when::all_completed;
};

/// What wait() gives: the same handles, each once, in the order of the arguments.
template <class Handle>
struct wait_result {
    wait_result() = default;

    std::vector<Handle> done;
    std::vector<Handle> pending;
};

namespace detail {

struct wait_block : watch_list {
    wait_block(const wait_options& how, std::size_t count) noexcept;

    wait_options options;
    std::size_t pending = 0;
    bool timed = false;  // the task is in the loop's timers, or was until its time came
    bool woken = false;  // the task is in the ready queue, or was never suspended
};

struct multi_wait : wait {
    wait_block* block;
};

extern const wait_kind multi_wait_kind;

// Throws std::invalid_argument for an empty set.
wait_block& make_wait_block(const wait_options& how, std::size_t count);
void begin_multi_wait(multi_wait& what, std::coroutine_handle<> frame);
// Stops watching. Throws the cancellation where there is one.
void end_multi_wait(wait_block& block);

template <class Handle>
class wait_awaitable : public awaitable_tag {
public:
    wait_awaitable() noexcept : state_{{&multi_wait_kind}, nullptr} {}
    wait_awaitable(wait_awaitable&& other) noexcept
        : state_{other.state_, std::exchange(other.state_.block, nullptr)} {}
    wait_awaitable& operator=(wait_awaitable&&) = delete;
    ~wait_awaitable() {
        if (state_.block != nullptr) drop_watch(*state_.block);
    }

    watch_node* watch(const wait_options& how, std::size_t count) {
        state_.block = &make_wait_block(how, count);
        return state_.block->nodes;
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) { begin_multi_wait(state_, frame); }
    wait_result<Handle> await_resume() {
        end_multi_wait(*state_.block);
        wait_result<Handle> outcome;
        for (watch_node& node : *state_.block) {
            if (node.what == nullptr) continue;  // named before
            auto& list = node.what->has(flag::done) ? outcome.done : outcome.pending;
            list.push_back(Handle(*std::exchange(node.what, nullptr)));
        }
        return outcome;
    }

private:
    multi_wait state_;
};

}  // namespace detail

/// Waits until tasks and futures are done as `options` say: all of them, the first, the first failure, and for how long.
/// Names each only once. Nothing happens before it is awaited; then it suspends for at least one turn of the loop.
///
/// Returns: `auto [done, pending] = co_await wait(tasks, first_completed);`, two vectors of the handles that were given.
/// More than one may be in `done`. Failures stay in the tasks, unlooked at.
/// Throws: std::invalid_argument for an empty range; invalid_state_error for the task that waits itself and for those of
/// another loop. Never timeout_error: when the time is up, what is not done is in `pending`.
/// Cancellation: only the wait ends; it never cancels what it waits for.
/// Coroutines are refused: make tasks of them first, or there would be no handle to find the result by.
/// Python: asyncio.wait. Difference: vectors in the order of the arguments in place of sets.
template <detail::child_range R>
[[nodiscard("wait does nothing until it is awaited")]] auto wait(R&& range, wait_options options = {}) {
    using child = detail::child_t<R>;
    static_assert(
        detail::is_future<child>,
        "bide: wait takes tasks and futures; call create_task on each coroutine first, so that you keep a "
        "handle to find its result by");
    detail::wait_awaitable<child> made;
    if constexpr (detail::is_future<child>) {
        detail::loop_state* loop = nullptr;
        detail::take_children(std::forward<R>(range), loop, "wait",
                              [&](std::size_t count) { return made.watch(options, count); });
    }
    return made;
}

/// As wait(range, wait_options().return_when(when).timeout(limit)).
template <detail::child_range R, class Rep, class Period>
[[nodiscard("wait does nothing until it is awaited")]] auto wait(R&& range, return_when when,
                                                                 std::chrono::duration<Rep, Period> limit) {
    wait_options options(limit);
    return wait(std::forward<R>(range), options.return_when(when));
}

template <awaitable A>
void wait(A&&, wait_options = {}) {
    static_assert(!awaitable<A>,
                  "bide: wait takes a range of tasks and futures, such as a std::vector; co_await a "
                  "single one, or use wait_for");
}

/// Tasks of different types as one range: `co_await wait(any_tasks(a, b), first_completed)`. Python: a set of tasks.
template <class... T>
[[nodiscard]] std::vector<any_task> any_tasks(const task<T>&... tasks) {
    std::vector<any_task> all;
    all.reserve(sizeof...(T));
    (all.emplace_back(tasks), ...);
    return all;
}

}  // namespace bide
