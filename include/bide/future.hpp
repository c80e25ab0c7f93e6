// bide/core: future<T>, a result that somebody else sets.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/future_awaiter.hpp>
#include <bide/detail/core/future_state.hpp>
#include <bide/error.hpp>
#include <bide/handle.hpp>
#include <bide/loop.hpp>

#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

// Puts a done callback where finish_future finds it, or queues it when `what` is done already.
handle add_done_callback(future_core& what, callback& node);
bool remove_done_callback(future_core& what, const handle& which) noexcept;
event_loop& loop_of(const future_core& what);
void set_failure(future_core& what, std::exception_ptr error);
void before_set(const future_core& what, const char* call);
loop_state& current_loop_state(const char* call);
void use_hooks(loop_state& loop) noexcept;

// What task<T> and future<T> share. Handles: copies refer to the same state.
template <class Handle, class T>
class future_handle {
public:
    using value_type = T;

    future_handle() noexcept = default;
    future_handle(const future_handle& other) noexcept : core_(other.core_) {
        if (core_ != nullptr) retain(*core_);
    }
    future_handle(future_handle&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    future_handle& operator=(future_handle other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~future_handle() {
        if (core_ != nullptr) release(*core_);
    }

    /// False for a default-constructed or moved-from handle; every other call on such a one throws.
    explicit operator bool() const noexcept { return core_ != nullptr; }
    /// Whether both are handles of the same state.
    friend bool operator==(const future_handle& a, const future_handle& b) noexcept {
        return a.core_ == b.core_;
    }

    /// True when there is a result, an exception or a cancellation. Python: done.
    [[nodiscard]] bool done() const { return core().has(flag::done); }
    /// True when it ended by cancellation. Python: cancelled.
    [[nodiscard]] bool cancelled() const { return core().has(flag::cancelled); }

    /// The value. Throws: its exception, cancelled_error, invalid_state_error when it is not done.
    /// Python: result.
    decltype(auto) result() const {
        future_core& what = core();
        if (!what.has(flag::done)) throw_not_ready(what);
        check_result(what);
        if constexpr (std::is_void_v<T>) {
            return;
        } else if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(*value_of<std::remove_reference_t<T>*>(what));
        } else {
            if (what.has(flag::taken)) throw_taken(what);
            return static_cast<const T&>(value_of<T>(what));
        }
    }

    /// The exception it ended with; null when it has a value.
    /// Throws: cancelled_error, invalid_state_error when it is not done. Python: exception.
    [[nodiscard]] std::exception_ptr exception() const {
        future_core& what = core();
        if (!what.has(flag::done)) throw_not_ready(what);
        if (what.has(flag::cancelled)) check_result(what);
        return failure_of(what);
    }

    /// Calls fn(handle) in a later turn of the loop once it is done; callbacks run in the order of their registration.
    /// Returns: a handle for remove_done_callback(). Python: add_done_callback.
    template <class F>
    handle add_done_callback(F&& fn) const {
        future_core& what = core();
        static_assert(std::is_invocable_v<std::decay_t<F>&, Handle>,
                      "bide: a done callback takes the task or future");
        callback& node = make_callback([source = &what, fn = std::decay_t<F>(std::forward<F>(fn))]() mutable {
            fn(Handle(retain(*source)));
        });
        return detail::add_done_callback(what, node);
    }
    /// True when the callback was still waiting. Python: remove_done_callback, by function instead of by handle.
    bool remove_done_callback(const handle& which) const {
        return detail::remove_done_callback(core(), which);
    }

    /// Python: get_loop.
    [[nodiscard]] event_loop& get_loop() const { return loop_of(core()); }

    /// For bide's own layers.
    [[nodiscard]] future_core& core() const {
        if (core_ == nullptr) [[unlikely]]
            throw_empty_handle(Handle::type_name);
        return *core_;
    }

protected:
    explicit future_handle(future_core& adopted) noexcept : core_(&adopted) {}

    future_core* core_ = nullptr;
};

}  // namespace detail

/// A shared handle of a result that is set elsewhere. Awaiting one that is done does not suspend; awaiting one that is
/// not suspends until it is. Cancelling a task that awaits it cancels the future. An exception that nobody ever looks
/// at is reported when the last handle is dropped.
/// Threads: the loop's only. Python: asyncio.Future.
template <class T = void>
class [[nodiscard]] future : public detail::future_handle<future<T>, T> {
    using base = detail::future_handle<future<T>, T>;

public:
    static constexpr const char* type_name = "future";

    future() noexcept = default;
    explicit future(detail::future_core& adopted) noexcept : base(adopted) {}

    /// Sets the value and makes those who wait ready. Throws: invalid_state_error when done. Python: set_result.
    template <class U = T>
        requires(!std::is_void_v<T>)
    void set_result(U&& value) const {
        auto& state = static_cast<detail::future_state<T>&>(this->core());
        detail::before_set(state, "set_result");
        if constexpr (std::is_reference_v<T>) {
            state.value = std::addressof(value);
        } else {
            ::new (static_cast<void*>(std::addressof(state.value))) T(std::forward<U>(value));
        }
        detail::finish_future(state);
    }
    void set_result() const
        requires std::is_void_v<T>
    {
        detail::before_set(this->core(), "set_result");
        detail::finish_future(this->core());
    }

    /// Sets a failure. Throws: invalid_state_error when done, std::invalid_argument for a null pointer.
    /// Python: set_exception.
    void set_exception(std::exception_ptr error) const {
        detail::before_set(this->core(), "set_exception");
        detail::set_failure(this->core(), std::move(error));
    }
    template <class E>
        requires(!std::is_same_v<std::remove_cvref_t<E>, std::exception_ptr>)
    void set_exception(E&& error) const {
        set_exception(std::make_exception_ptr(std::forward<E>(error)));
    }

    /// Cancels it at once; those who wait get cancelled_error. False when it was done. Python: cancel.
    bool cancel(const std::string& message = {}) const { return detail::cancel_any(this->core(), message); }
};

/// A future of the running loop. Throws: invalid_state_error when no loop runs. Python: loop.create_future.
template <class T = void>
future<T> create_future() {
    detail::loop_state& loop = detail::current_loop_state("create_future");
    return future<T>(*new detail::future_state<T>(&loop));
}

/// A future of a loop that need not run yet.
template <class T = void>
future<T> create_future(event_loop& loop) {
    detail::use_hooks(loop.state());
    return future<T>(*new detail::future_state<T>(&loop.state()));
}

}  // namespace bide
