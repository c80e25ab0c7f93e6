// bide/core: deadlines for a piece of a task: timeout, with_timeout, with_timeout_at, wait_for.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/timed.hpp>
#include <bide/detail/core/wait_for.hpp>

#include <type_traits>
#include <utility>

namespace bide {

/// Runs `body(scope)` (or `body()`), which gives a coroutine, as part of the running task, with a deadline. When it
/// passes, the task is cancelled at its current await, and when the body ends by that cancellation, timeout_error is
/// thrown in its place. `delay` is any std::chrono duration; std::nullopt sets no deadline (the body may set one later);
/// zero or less fires at the first suspension. The body and its captures live until its coroutine has ended.
/// Returns: what the body's coroutine returns, also when the time had run out by then.
/// Throws: timeout_error, naming the time and what the task waited for; what the body throws; std::invalid_argument for
/// NaN; invalid_state_error outside a task.
/// Cancellation: of the task by anybody else passes through, and wins when the time runs out as well. Of nested scopes
/// whose time runs out together only the outermost throws.
/// Limits: it ends when the body has ended, however long after the deadline.
/// Python: `async with asyncio.timeout(delay) as scope:`.
template <detail::time_span D, class F>
    requires detail::scope_body<std::decay_t<F>>
[[nodiscard("with_timeout does nothing until it is awaited")]] auto with_timeout(D delay, F&& body) {
    return detail::timeout_scope<std::decay_t<F>>(detail::limit_after(delay), std::forward<F>(body));
}

/// As with_timeout(), with a moment of the loop's clock in place of a span.
/// Python: `async with asyncio.timeout_at(when) as scope:`.
template <detail::moment M, class F>
    requires detail::scope_body<std::decay_t<F>>
[[nodiscard("with_timeout_at does nothing until it is awaited")]] auto with_timeout_at(M when, F&& body) {
    return detail::timeout_scope<std::decay_t<F>>(detail::limit_at(when), std::forward<F>(body));
}

/// Awaits anything with a deadline. A coroutine runs as part of the running task; a task or future is cancelled when the
/// time runs out. With std::nullopt it is a plain await. With zero or less nothing starts: a task or future that is
/// done gives its result, one that is not is cancelled, anything else is dropped; then timeout_error.
/// Returns: the result, also when the time had run out by then. `co_await as_result(wait_for(...))` gives
/// std::errc::timed_out as a value.
/// Throws: timeout_error; what the awaitable throws; std::invalid_argument for NaN; invalid_state_error outside a task.
/// Cancellation: what is awaited is cancelled too; shield() lets it live on.
/// Limits: it ends when what it awaits has ended, however long after the deadline.
/// Python: asyncio.wait_for.
template <class A, detail::time_span D>
[[nodiscard("wait_for does nothing until it is awaited")]] auto wait_for(A&& what, D limit) {
    using type = std::remove_cvref_t<A>;
    static_assert(awaitable<type>, "bide: this type cannot be awaited");
    if constexpr (detail::is_coro<type>) {
        static_assert(!std::is_lvalue_reference_v<A>,
                      "bide: a coro runs once; give it away with std::move(c)");
        return detail::wait_for_coro<typename type::value_type>(std::move(what), detail::limit_after(limit));
    } else if constexpr (detail::is_future<type>) {
        return detail::wait_for_future<type>(std::forward<A>(what), detail::limit_after(limit));
    } else {
        return detail::wait_for_any<type>(std::forward<A>(what), detail::limit_after(limit));
    }
}

// These say what is wrong with a limit without a unit, with arguments in another order, with a coroutine as a body.
template <class A, class N>
    requires std::is_arithmetic_v<N>
auto wait_for(A&& what, N) {
    static_assert(
        !std::is_arithmetic_v<N>,
        "bide: a number has no unit; write 2s or 500ms, with `using namespace std::chrono_literals`");
    return std::forward<A>(what);
}
template <detail::time_span D, awaitable A>
auto wait_for(D, A&& what) {
    static_assert(!detail::time_span<D>, "bide: wait_for takes what it waits for first: wait_for(what, 2s)");
    return std::forward<A>(what);
}
template <class D, awaitable A>
auto with_timeout(D, A&& body) {
    static_assert(!awaitable<A>, "bide: the body is a function that gives a coroutine; for one awaitable, "
                                 "wait_for(what, 2s)");
    return std::forward<A>(body);
}

}  // namespace bide
