// bide/core: async_generator<T>, a coroutine that produces values one by one and may await in between.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/base/invoke.hpp>
#include <bide/detail/core/generator_async.hpp>
#include <bide/error.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace bide {

/// A coroutine that may both co_await and co_yield. It is read with `while (auto x = co_await gen.next()) use(*x);`.
/// Nothing runs until a value is awaited; then it runs as part of the task that awaits, with its context variables,
/// and a cancellation of that task is thrown at what the generator awaits. One operation at a time: another one, also
/// by its own body, throws invalid_state_error ("already running").
///
/// Close what is left before its end: `co_await gen.close()`, or with_aclosing(), which does so on every way out.
/// Destroying one that is suspended at a yield closes it too, at once, as far as that goes without awaiting: where its
/// clean-up has to await, or fails, that is reported to the loop's exception handler. At the end of run() those that
/// are still alive are closed. Destroying one during an operation lets that operation end first.
/// Movable; owns its frame, which is its only memory. Threads: the loop's only.
/// Python: async generator, collections.abc.AsyncGenerator[T, Send].
template <class T, class Send = void>
class [[nodiscard("an async generator does nothing until a value is awaited")]] async_generator {
public:
    using promise_type = detail::async_generator_promise<T, Send>;
    using value_type = std::remove_cvref_t<T>;
    /// std::optional<T>; a pointer where T is a reference.
    using yielded = detail::yielded_t<T>;

    async_generator(async_generator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    async_generator& operator=(async_generator&& other) noexcept {
        if (this != &other) {
            drop();
            frame_ = std::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~async_generator() { drop(); }

    /// False when moved from.
    explicit operator bool() const noexcept { return frame_ != nullptr; }
    /// True when there is nothing more to come: it ran to its end, threw, or was closed.
    [[nodiscard]] bool done() const { return promise().state() == detail::generator_state::finished; }

    /// Runs the body to its next yield. Returns: the value; empty when the body has ended, now or before.
    /// Suspends: where the body does. Throws: what the body throws, once, and it is over then; invalid_state_error
    /// while another operation is running, or when a stop_iteration leaves the body.
    /// Cancellation: thrown at what the body awaits; the generator is over unless the body catches it.
    /// Python: async_generator.__anext__, without StopAsyncIteration: see anext(gen).
    [[nodiscard("it runs when it is awaited")]] detail::async_next<T, Send> next() {
        return detail::async_next<T, Send>(promise());
    }

    /// As next(); the yield at which the body is paused evaluates to `value`.
    /// Throws: invalid_state_error before the first value, when no yield could take it. Python: async_generator.asend.
    template <class S = Send>
        requires(!std::is_void_v<S> && std::is_convertible_v<S, Send>)
    [[nodiscard("it runs when it is awaited")]] detail::async_send<T, Send> send(S value) {
        return detail::async_send<T, Send>(promise(), Send(std::move(value)));
    }

    /// Throws `error` at the yield at which the body is paused. Returns: the next value, when the body catches it.
    /// Throws: the error where it is not caught; before the first value the body does not run.
    /// Python: async_generator.athrow; there, a generator that has ended swallows the error.
    [[nodiscard("it runs when it is awaited")]] detail::async_throw<T, Send>
    throw_exception(std::exception_ptr error) {
        detail::check_error(error);
        return detail::async_throw<T, Send>(promise(), std::move(error));
    }
    template <class E>
        requires(!std::is_convertible_v<E, std::exception_ptr>)
    [[nodiscard("it runs when it is awaited")]] detail::async_throw<T, Send> throw_exception(E error) {
        return detail::async_throw<T, Send>(promise(), std::make_exception_ptr(std::move(error)));
    }

    /// Throws generator_exit at the yield at which the body is paused, so that it ends; its clean-up may await. Before
    /// the first value the body does not run; after its end nothing happens.
    /// Throws: what the body throws in its place; invalid_state_error when the body yields again, or while another
    /// operation is running. Python: async_generator.aclose.
    [[nodiscard("it runs when it is awaited")]] detail::async_close close() {
        return detail::async_close(promise());
    }

    /// From here on, destroying it destroys the frame and no more: destructors run, but no generator_exit is thrown
    /// and nothing is reported. Python: none.
    async_generator& allow_drop() & {
        promise().allow_drop();
        return *this;
    }
    async_generator&& allow_drop() && {
        promise().allow_drop();
        return std::move(*this);
    }

private:
    friend promise_type;
    template <class U, class S>
    friend detail::async_anext<U, S> anext(async_generator<U, S>& gen);
    template <class U, class S>
    friend detail::async_anext_or<U, S> anext(async_generator<U, S>& gen, std::type_identity_t<U> other);
    explicit async_generator(promise_type& frame) noexcept : frame_(&frame) {}

    promise_type& promise() const {
        if (frame_ == nullptr) [[unlikely]]
            detail::throw_moved_generator();
        return *frame_;
    }
    void drop() noexcept {
        if (frame_ != nullptr) frame_->drop();
    }

    promise_type* frame_;
};

/// `co_await anext(gen)` gives the next value. Throws: stop_async_iteration when there is none; what gen.next() throws.
/// Python: anext(async_iterator).
template <class T, class Send>
[[nodiscard("it runs when it is awaited")]] detail::async_anext<T, Send>
anext(async_generator<T, Send>& gen) {
    return detail::async_anext<T, Send>(gen.promise());
}

/// `co_await anext(gen, other)` gives the next value, or `other` when there is none.
/// Python: anext(async_iterator, default).
template <class T, class Send>
[[nodiscard("it runs when it is awaited")]] detail::async_anext_or<T, Send>
anext(async_generator<T, Send>& gen, std::type_identity_t<T> other) {
    return detail::async_anext_or<T, Send>(gen.promise(), std::forward<T>(other));
}

/// Runs body(gen), which gives a coroutine, and then closes the generator, whichever way the body was left: by its
/// end, an exception or a cancellation. Returns: what the body returns. Throws: what the body throws, or else what
/// closing throws; where both do, the other one is reported to the loop's exception handler, and a cancellation goes
/// before an error. Python: async with contextlib.aclosing(gen).
template <class T, class Send, class F>
    requires detail::is_coro<std::invoke_result_t<F&, async_generator<T, Send>&>>
std::invoke_result_t<F&, async_generator<T, Send>&> with_aclosing(async_generator<T, Send> gen, F body) {
    using R = typename std::invoke_result_t<F&, async_generator<T, Send>&>::value_type;
    std::exception_ptr error;
    std::exception_ptr close_error;
    std::optional<detail::kept_t<R>> value;
    try {
        auto run = detail::invoke(body, gen);
        if constexpr (std::is_void_v<R>) {
            co_await std::move(run);
        } else if constexpr (std::is_reference_v<R>) {
            R got = co_await std::move(run);
            value.emplace(std::addressof(got));
        } else {
            value.emplace(co_await std::move(run));
        }
    } catch (...) { error = std::current_exception(); }
    try {
        co_await gen.close();
    } catch (...) { close_error = std::current_exception(); }
    detail::throw_after_close(std::move(error), std::move(close_error));
    if constexpr (std::is_reference_v<R>) {
        co_return static_cast<R>(**value);
    } else if constexpr (!std::is_void_v<R>) {
        co_return std::move(*value);
    }
}

/// Closes every async generator of the running loop that has started and not ended, the newest first, each in a task
/// of its own; waits for them and reports what they throw to the exception handler. Part of the clean-up of run().
/// Python: loop.shutdown_asyncgens.
coro<void> shutdown_asyncgens();

namespace detail {

template <class T, class Send>
async_generator<T, Send>
async_generator_promise<T, Send>::get_return_object(std::source_location defined) noexcept {
    at(defined);
    return async_generator<T, Send>(*this);
}

}  // namespace detail
}  // namespace bide
