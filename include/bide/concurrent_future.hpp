// bide/exec: concurrent_future<T>, a result that another thread sets and any thread may wait for.
#pragma once

#include <bide/detail/core/copyable.hpp>
#include <bide/detail/core/future_state.hpp>
#include <bide/detail/exec/concurrent_core.hpp>
#include <bide/error.hpp>
#include <bide/time.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

// Nanoseconds of the monotonic clock, which is not the loop's under virtual time: what waits here is a real thread.
std::int64_t thread_deadline(std::int64_t delay) noexcept;
[[noreturn]] BIDE_COLD void throw_empty_concurrent_future();

template <class T>
class concurrent_state : public concurrent_core, public value_slot<stored_t<T>> {
public:
    ~concurrent_state() override {
        if (this->holds_value()) this->destroy_value();
    }

    template <class... U>
    void set_value(bool later, U&&... value) {
        this->finish(later, [&] {
            if constexpr (std::is_reference_v<T>) {
                this->value = std::addressof(value...);
            } else if constexpr (!std::is_void_v<T>) {
                ::new (static_cast<void*>(std::addressof(this->value))) T(std::forward<U>(value)...);
            }
        });
    }

    // What the call gives, be it a value or an exception.
    template <class Call>
    void set_from(bool later, Call& call) noexcept {
        std::exception_ptr error;
        try {
            if constexpr (std::is_void_v<T>) {
                call();
                set_value(later);
            } else {
                set_value(later, call());
            }
            return;
        } catch (...) { error = std::current_exception(); }
        try {
            this->fail(std::move(error), later);
        } catch (
            const invalid_state_error&) {  // somebody else set a result: Python's executors ignore that, too
        }
    }
};

}  // namespace detail

/// A shared handle of a result that another thread sets. Copies refer to the same state. An exception that nobody ever
/// looks at is reported when the last handle is dropped.
/// Threads: any, in every call. In a coroutine: `co_await wrap_future(f)`. Python: concurrent.futures.Future.
template <class T = void>
class concurrent_future {
    using state = detail::concurrent_state<T>;
    using phase = detail::concurrent_core::phase;

public:
    using value_type = T;

    concurrent_future() noexcept = default;
    explicit concurrent_future(state& adopted) noexcept : state_(&adopted) {}
    concurrent_future(const concurrent_future& other) noexcept : state_(other.state_) {
        if (state_ != nullptr) state_->retain();
    }
    concurrent_future(concurrent_future&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    concurrent_future& operator=(concurrent_future other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~concurrent_future() {
        if (state_ != nullptr) state_->release();
    }

    /// False for a default-constructed or moved-from handle; every other call on such a one throws.
    explicit operator bool() const noexcept { return state_ != nullptr; }
    friend bool operator==(const concurrent_future& a, const concurrent_future& b) noexcept {
        return a.state_ == b.state_;
    }

    /// Takes the job back if it has not started. False when it runs or has ended. Python: cancel.
    bool cancel() const { return core().cancel(); }
    [[nodiscard]] bool cancelled() const { return core().now() == phase::cancelled; }
    [[nodiscard]] bool running() const { return core().now() == phase::running; }
    [[nodiscard]] bool done() const { return core().done(); }

    /// Blocks the calling thread until there is a result, and returns it.
    /// Throws: its exception; cancelled_error; invalid_state_error on the thread of a loop that has to produce it.
    /// Python: result().
    std::add_lvalue_reference_t<std::add_const_t<T>> result() const& { return get(detail::no_deadline); }
    T result() && { return take(detail::no_deadline); }

    /// As result(), for at most `limit`; the job goes on. Throws: timeout_error as well. Python: result(timeout).
    template <class Rep, class Period>
    std::add_lvalue_reference_t<std::add_const_t<T>> result(std::chrono::duration<Rep, Period> limit) const& {
        return get(detail::thread_deadline(detail::to_ns(limit)));
    }
    template <class Rep, class Period>
    T result(std::chrono::duration<Rep, Period> limit) && {
        return take(detail::thread_deadline(detail::to_ns(limit)));
    }

    /// Blocks as result() does; the exception it ended with, null when there is a value.
    /// Throws: cancelled_error, timeout_error, invalid_state_error. Python: exception(timeout).
    [[nodiscard]] std::exception_ptr exception() const { return exception_until(detail::no_deadline); }
    template <class Rep, class Period>
    [[nodiscard]] std::exception_ptr exception(std::chrono::duration<Rep, Period> limit) const {
        return exception_until(detail::thread_deadline(detail::to_ns(limit)));
    }

    /// Calls fn(future) once it is done: at that moment, on the thread that completes or cancels it; at once, here, when
    /// it is done already. In order of registration. What fn throws is reported and ignored. Python: add_done_callback.
    template <class F>
        requires std::is_invocable_v<std::decay_t<F>&, concurrent_future>
    void add_done_callback(F&& fn) const {
        core().add_callback([fn = std::decay_t<F>(std::forward<F>(fn))](detail::concurrent_core& of) mutable {
            of.retain();
            fn(concurrent_future(static_cast<state&>(of)));
        });
    }

    /// For those who run jobs of their own. False: it was cancelled, skip the job.
    /// Throws: invalid_state_error when called twice. Python: set_running_or_notify_cancel.
    bool set_running_or_notify_cancel() const { return core().start(); }

    /// Throws: invalid_state_error when it is done. Python: set_result, set_exception.
    template <class U = T>
        requires(!std::is_void_v<T>)
    void set_result(U&& value) const {
        core().set_value(false, std::forward<U>(value));
    }
    void set_result() const
        requires std::is_void_v<T>
    {
        core().set_value(false);
    }
    void set_exception(std::exception_ptr error) const { core().fail(std::move(error), false); }

    /// For bide's own layers.
    [[nodiscard]] state& core() const {
        if (state_ == nullptr) [[unlikely]]
            detail::throw_empty_concurrent_future();
        return *state_;
    }

private:
    std::add_lvalue_reference_t<std::add_const_t<T>> get(std::int64_t deadline) const {
        state& what = core();
        what.wait(deadline);
        what.check();
        if constexpr (std::is_reference_v<T>) {
            return *what.value;
        } else if constexpr (!std::is_void_v<T>) {
            return what.value;
        }
    }

    // The value is moved out when nobody else can want it, or when it cannot be copied.
    T take(std::int64_t deadline) {
        state& what = core();
        what.wait(deadline);
        what.check();
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(*what.value);
        } else if constexpr (!std::is_void_v<T>) {
            if constexpr (detail::copyable<T>) {
                if (!what.sole()) return what.value;
            } else {
                what.take_once();
            }
            return std::move(what.value);
        }
    }

    std::exception_ptr exception_until(std::int64_t deadline) const {
        state& what = core();
        what.wait(deadline);
        if (cancelled()) what.check();
        return what.failure();
    }

    state* state_ = nullptr;
};

/// A result that the program itself will set. Python: concurrent.futures.Future().
template <class T = void>
[[nodiscard]] concurrent_future<T> create_concurrent_future() {
    return concurrent_future<T>(*new detail::concurrent_state<T>);
}

}  // namespace bide
