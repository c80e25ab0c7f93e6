// bide/core: several tasks in the order in which they get done.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/child_range.hpp>
#include <bide/detail/core/watch.hpp>
#include <bide/time.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace bide {

namespace detail {

struct completion_block : watch_list {
    completion_block(std::int64_t timeout, std::size_t count) noexcept;

    std::int64_t timeout;  // from start_completions() on, the deadline
    loop_state* loop = nullptr;
    std::size_t total = 0;  // children, each counted once
    std::size_t left = 0;   // those that next() has not given yet
    wait_list done;         // nodes of those that are done, in that order
    bool expired = false;
    bool woken = false;  // the reader is in the ready queue
};

struct completion_wait : wait {
    completion_block* block;
};

extern const wait_kind completion_wait_kind;

completion_block& make_completion_block(std::int64_t timeout, std::size_t count);
void start_completions(completion_block& block, loop_state* loop) noexcept;
bool completion_ready(completion_block* block);
void begin_completion_wait(completion_wait& what, std::coroutine_handle<> frame);
// The next child that is done, with its reference; null at the end. Throws the cancellation, or timeout_error.
future_core* end_completion_wait(completion_block& block, bool waited);

template <class Handle>
class next_completion : public awaitable_tag {
public:
    explicit next_completion(completion_block* block) noexcept : state_{{&completion_wait_kind}, block} {}

    [[nodiscard]] bool await_ready() const { return completion_ready(state_.block); }
    void await_suspend(std::coroutine_handle<> frame) {
        begin_completion_wait(state_, frame);
        waited_ = true;
    }
    std::optional<Handle> await_resume() {
        future_core* const next = end_completion_wait(*state_.block, waited_);
        return next == nullptr ? std::optional<Handle>() : std::optional<Handle>(Handle(*next));
    }

private:
    completion_wait state_;
    bool waited_ = false;
};

}  // namespace detail

/// What as_completed() gives: tasks or futures that hand themselves over as they get done. Destroying it early is safe
/// and cancels nothing. Threads: the loop's only; one task at a time may wait in next().
template <class Handle>
class [[nodiscard]] completions {
public:
    explicit completions(detail::completion_block& block) noexcept : block_(&block) {}
    completions(completions&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    completions& operator=(completions other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~completions() {
        if (block_ != nullptr) detail::drop_watch(*block_);
    }

    /// The next one that is done, as the handle that was given (a coroutine's is its task); empty when all have come.
    /// Suspends: only if none is done.
    /// Throws: timeout_error once for each one that was not done in time; invalid_state_error when another task waits
    /// here, or when it was moved from.
    /// Cancellation: nothing is lost; the next call gives what this one would have given.
    /// Python: `async for` over as_completed, __anext__.
    [[nodiscard]] detail::next_completion<Handle> next() const {
        return detail::next_completion<Handle>(block_);
    }

private:
    detail::completion_block* block_;
};

namespace detail {

template <class R>
auto complete_in_order(R&& range, std::int64_t timeout) {
    loop_state* loop = nullptr;
    completion_block* block = nullptr;
    std::optional<completions<handle_of_t<child_t<R>>>> made;
    take_children(std::forward<R>(range), loop, "as_completed", [&](std::size_t count) {
        block = &make_completion_block(timeout, count);
        made.emplace(*block);
        return block->nodes;
    });
    use_running_loop(loop, "as_completed");
    start_completions(*block, loop);
    return std::move(*made);
}

}  // namespace detail

/// Gives tasks or futures in the order in which they get done, each once:
///
///     auto done = bide::as_completed(tasks);
///     while (auto next = co_await done.next()) use(co_await *next);
///
/// Coroutines (a range that is given away with std::move) become tasks here and now. With a timeout, which is for the
/// whole iteration and starts here, next() throws timeout_error for what is not done in time; those that were done
/// before it come first. Nothing is cancelled.
/// Throws: std::invalid_argument for a timeout of NaN and for children of different loops; invalid_state_error when a
/// coroutine is given and no loop runs.
/// Python: asyncio.as_completed in its asynchronous form. Difference: no plain iterator that gives coroutines.
template <detail::child_range R>
auto as_completed(R&& range) {
    return detail::complete_in_order(std::forward<R>(range), detail::no_deadline);
}
template <detail::child_range R, class Rep, class Period>
auto as_completed(R&& range, std::chrono::duration<Rep, Period> timeout) {
    return detail::complete_in_order(std::forward<R>(range), detail::timeout_ns(timeout, "as_completed"));
}

}  // namespace bide
