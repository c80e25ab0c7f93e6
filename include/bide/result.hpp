// bide/base: a value or the error that came instead.
#pragma once

#include <bide/error.hpp>

#include <exception>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace bide {

/// What `co_await as_result(x)` gives, and what gather_results() gives for each of its awaitables: the value, or the
/// failure. A failure that came from the operating system carries only its code and was never thrown; one that came
/// out of a coroutine carries the exception itself.
template <class T>
class [[nodiscard]] result {
    using stored =
        std::conditional_t<std::is_void_v<T>, std::monostate,
                           std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;

public:
    using value_type = T;

    result()
        requires std::is_void_v<T>
        : value_(std::in_place) {}
    template <class U = T>
        requires(!std::is_void_v<T> && !std::is_reference_v<T> && std::is_constructible_v<T, U> &&
                 !std::is_same_v<std::remove_cvref_t<U>, result>)
    explicit(!std::is_convertible_v<U, T>) result(U&& value)
        : value_(std::in_place, std::forward<U>(value)) {}
    template <class U>
        requires(std::is_reference_v<T> && std::is_same_v<std::remove_cvref_t<U>, std::remove_cvref_t<T>>)
    result(U& value) : value_(&value) {}

    /// A failure known by its code alone.
    static result failure(std::error_code code) noexcept { return result(code, nullptr, fail{}); }
    /// A failure with its exception.
    static result failure(std::exception_ptr error) noexcept {
        const std::error_code code = error_code_of(error);
        return result(code, std::move(error), fail{});
    }
    /// The same where the code is known: the exception need not be thrown to find out.
    static result failure(std::error_code code, std::exception_ptr error) noexcept {
        return result(code, std::move(error), fail{});
    }

    [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /// The code of the failure; a default-constructed code when there is a value.
    [[nodiscard]] std::error_code error() const noexcept { return code_; }
    /// The exception of the failure, made now when only its code was known; null when there is a value.
    [[nodiscard]] std::exception_ptr exception() const {
        if (has_value() || error_) return error_;
        return std::make_exception_ptr(std::system_error(code_));
    }

    /// The value. Throws: the failure.
    std::add_lvalue_reference_t<T> value() & {
        check();
        return get();
    }
    std::add_lvalue_reference_t<std::add_const_t<T>> value() const& {
        check();
        return get();
    }
    T value() && {
        check();
        return take();
    }
    /// The value, unchecked. Of a temporary it is moved out, so that nothing dangles.
    std::add_lvalue_reference_t<T> operator*() & { return get(); }
    std::add_lvalue_reference_t<std::add_const_t<T>> operator*() const& { return get(); }
    T operator*() && { return take(); }
    auto operator->()
        requires(!std::is_void_v<T>)
    {
        return &get();
    }
    auto operator->() const
        requires(!std::is_void_v<T>)
    {
        return &get();
    }
    /// The value, or `other` in its place.
    template <class U>
    T value_or(U&& other) const&
        requires(!std::is_void_v<T>)
    {
        return has_value() ? get() : static_cast<T>(std::forward<U>(other));
    }
template <class U>
    T value_or(U&& other) &&
    requires(!std::is_void_v<T>) { return has_value() ? take() : static_cast<T>(std::forward<U>(other)); }

    private : struct fail {};
    result(std::error_code code, std::exception_ptr error, fail) noexcept
        : code_(code), error_(std::move(error)) {}

    void check() const {
        if (!has_value()) std::rethrow_exception(exception());
    }
    T take() {
        if constexpr (std::is_void_v<T>) {
            return;
        } else if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(**value_);
        } else {
            return std::move(*value_);
        }
    }
    decltype(auto) get() {
        if constexpr (std::is_void_v<T>) {
            return;
        } else if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(**value_);
        } else {
            return static_cast<T&>(*value_);
        }
    }
    decltype(auto) get() const {
        if constexpr (std::is_void_v<T>) {
            return;
        } else if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(**value_);
        } else {
            return static_cast<const T&>(*value_);
        }
    }

    std::optional<stored> value_;
    std::error_code code_;
    std::exception_ptr error_;
};

}  // namespace bide
