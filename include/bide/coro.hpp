// bide/core: coro<T>, a coroutine that starts when it is awaited.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/future_awaiter.hpp>
#include <bide/detail/core/promise.hpp>
#include <bide/error.hpp>
#include <bide/result.hpp>

#include <coroutine>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace bide {

template <class T = void>
class coro;

namespace detail {

template <class T>
class coro_promise;

// Destroys a coroutine that has not started, and in checked builds reports that it was dropped. What it held is not
// reported as well, and neither is what goes because an exception passes.
BIDE_COLD void drop_unawaited(std::coroutine_handle<promise_base> frame) noexcept;
// Checked builds: remembers what is needed to tell where a coroutine was made.
BIDE_NOINLINE void note_made(const promise_base& promise, const void* returns_to) noexcept;
// Without a report.
BIDE_COLD void destroy_unawaited(std::coroutine_handle<> frame) noexcept;
[[noreturn]] BIDE_COLD void throw_moved_from();

template <class T>
class coro_awaiter {
public:
    explicit coro_awaiter(std::coroutine_handle<coro_promise<T>> child) noexcept : child_(child) {}
    // Moved only before it is awaited; GCC 12 does so with what as_result() gives.
    coro_awaiter(coro_awaiter&& other) noexcept : child_(std::exchange(other.child_, nullptr)) {}
    coro_awaiter& operator=(coro_awaiter&&) = delete;
    ~coro_awaiter() {
        if (child_ == nullptr) return;
        if constexpr (BIDE_CHECKED != 0) {
            if (!child_.promise().has_started()) {
                drop_unawaited(promise_base::handle_of(child_));
                return;
            }
        }
        child_.destroy();
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    transfer await_suspend(std::coroutine_handle<> parent) noexcept {
        child_.promise().awaited_by(parent.address());
        return transfer_to(child_);
    }
    T await_resume() {
        coro_promise<T>& promise = child_.promise();
        if (promise.failed()) [[unlikely]]
            std::rethrow_exception(promise.error());
        return promise.take();
    }
    // For as_result: the failure is handed over, not thrown.
    result<T> await_result() {
        coro_promise<T>& promise = child_.promise();
        if (promise.failed()) return failure_unless_cancelled(promise.error());
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return result<T>(promise.take());
        }
    }

private:
    static result<T> failure_unless_cancelled(const std::exception_ptr& error) {
        pass_on_base_exception(error);
        return result<T>::failure(error);
    }

    std::coroutine_handle<coro_promise<T>> child_;
};

class await_transforms : public promise_base {
public:
    template <class T>
    coro_awaiter<T> await_transform(coro<T>&& child,
                                    std::source_location here = std::source_location::current()) {
        at(here);
        return coro_awaiter<T>(std::move(child).release());
    }

    template <class A>
        requires is_future<std::remove_cvref_t<A>>
    auto await_transform(A&& what, std::source_location here = std::source_location::current()) {
        at(here);
        return future_awaiter<await_result_t<A>, std::is_lvalue_reference_v<A>>(what.core());
    }

    template <class A>
        requires(!is_future<std::remove_cvref_t<A>>)
    A&& await_transform(A&& what, std::source_location here = std::source_location::current()) noexcept {
        static_assert(!is_coro<std::remove_cvref_t<A>>,
                      "bide: a coro runs once; give it away with co_await std::move(c)");
        static_assert(
            is_coro<std::remove_cvref_t<A>> || std::is_base_of_v<awaitable_tag, std::remove_cvref_t<A>>,
            "bide: this type cannot be awaited: leave out the co_await, or bridge it with a future<T>");
        at(here);
        return static_cast<A&&>(what);
    }
};

template <class U, class T>
using may_refer_to =
    std::bool_constant<std::is_lvalue_reference_v<U> &&
                       std::is_convertible_v<std::remove_reference_t<U>*, std::remove_reference_t<T>*>>;

template <class T>
class coro_promise final : public await_transforms {
    static_assert(!std::is_rvalue_reference_v<T>,
                  "bide: a coro<T&&> would refer to what has ended; use coro<T>");
    static_assert(!std::is_const_v<T> && !std::is_volatile_v<T>,
                  "bide: use coro<T> in place of coro<const T>");
    using stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;

public:
    coro_promise() noexcept {
        static_assert(alignof(stored) <= pool_step,
                      "bide: results are aligned to 16 bytes at most; return a pointer");
    }
    ~coro_promise() {
        if (has_value()) value_.~stored();
    }

    coro<T> get_return_object(std::source_location defined = std::source_location::current()) noexcept;

    // A result that is a reference must refer to an object, not to a temporary that is made in co_return.
    template <class U = T>
        requires std::conditional_t<std::is_reference_v<T>, may_refer_to<U, T>,
                                    std::is_constructible<T, U&&>>::value
    void return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>) {
        if constexpr (std::is_reference_v<T>) {
            value_ = std::addressof(static_cast<T>(value));
        } else {
            ::new (static_cast<void*>(std::addressof(value_))) T(std::forward<U>(value));
        }
        link_ |= value_bit;
    }

    T take() {
        if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(*value_);
        } else {
            return std::move(value_);
        }
    }

private:
    union {
        stored value_;
    };
};

template <>
class coro_promise<void> final : public await_transforms {
public:
    coro<void> get_return_object(std::source_location defined = std::source_location::current()) noexcept;
    void return_void() const noexcept {}
    void take() const noexcept {}
};

}  // namespace detail

/// A lazy coroutine. Nothing runs until it is awaited or made a task; then it runs once, as part of whoever awaits it,
/// without a trip through the loop. Movable; owns its frame; destroying one that was never awaited destroys the
/// arguments and reports the loss in checked builds.
/// Python: the coroutine object that calling an `async def` function gives.
template <class T>
class [[nodiscard("a coro does nothing until it is awaited: co_await it or create_task it")]] coro {
public:
    using promise_type = detail::coro_promise<T>;
    using value_type = T;

    coro(coro&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    coro& operator=(coro&& other) noexcept {
        if (this != &other) {
            drop();
            frame_ = std::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~coro() { drop(); }

    /// False when moved from or closed.
    explicit operator bool() const noexcept { return frame_ != nullptr; }

    /// Destroys the coroutine, which has not started, and its arguments; without a report.
    /// Python: coroutine.close.
    void close() noexcept {
        if (frame_ != nullptr) detail::destroy_unawaited(std::exchange(frame_, nullptr));
    }

    /// For bide's own layers: gives up the frame. Throws: invalid_state_error when moved from.
    std::coroutine_handle<promise_type> release() && {
        if (frame_ == nullptr) [[unlikely]]
            detail::throw_moved_from();
        return std::exchange(frame_, nullptr);
    }

private:
    friend promise_type;
    explicit coro(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    void drop() noexcept {
        if (frame_ == nullptr) return;
        if constexpr (BIDE_CHECKED != 0) {
            detail::drop_unawaited(detail::promise_base::handle_of(frame_));
        } else {
            frame_.destroy();
        }
    }

    std::coroutine_handle<promise_type> frame_;
};

namespace detail {

// Inlined, so that __builtin_return_address is the coroutine function's.
template <class T>
BIDE_INLINE coro<T> coro_promise<T>::get_return_object(std::source_location defined) noexcept {
    at(defined);
    if constexpr (BIDE_CHECKED != 0) note_made(*this, __builtin_return_address(0));
    return coro<T>(std::coroutine_handle<coro_promise>::from_promise(*this));
}

BIDE_INLINE coro<void> coro_promise<void>::get_return_object(std::source_location defined) noexcept {
    at(defined);
    if constexpr (BIDE_CHECKED != 0) note_made(*this, __builtin_return_address(0));
    return coro<void>(std::coroutine_handle<coro_promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace bide
