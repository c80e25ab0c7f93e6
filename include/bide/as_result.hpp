// bide/core: await without a throw: the failure comes back as a value.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/core/future_awaiter.hpp>
#include <bide/result.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

template <class A>
concept gives_result = requires(A& a) { a.await_result(); };

// Awaits as Awaiter does, and ends with its await_result().
template <class Awaiter>
class result_awaitable : public awaitable_tag {
public:
    template <class... Args>
    explicit result_awaitable(Args&&... args) : inner_(std::forward<Args>(args)...) {}

    [[nodiscard]] bool await_ready() { return inner_.await_ready(); }
    auto await_suspend(std::coroutine_handle<> frame) { return inner_.await_suspend(frame); }
    auto await_resume() { return inner_.await_result(); }

private:
    Awaiter inner_;
};

template <class A>
coro<result<await_result_t<A>>> catch_result(A what) {
    using T = await_result_t<A>;
    std::exception_ptr error;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(what);
            co_return result<T>();
        } else {
            T value = co_await std::move(what);
            co_return result<T>(std::forward<T>(value));
        }
    } catch (const base_exception&) { throw; } catch (...) {
        error = std::current_exception();
    }
    co_return result<T>::failure(error);
}

}  // namespace detail

/// Makes `co_await as_result(x)` give a result<T>: the value, or the failure of x without a throw on the way. A
/// cancellation still throws, so that it cannot be mistaken for a failure of x and forgotten.
/// Python: none (there, try and except).
template <class T>
[[nodiscard]] auto as_result(coro<T>&& what) {
    return detail::result_awaitable<detail::coro_awaiter<T>>(std::move(what).release());
}
template <class A>
    requires detail::is_future<std::remove_cvref_t<A>>
[[nodiscard]] auto as_result(A&& what) {
    return detail::result_awaitable<detail::future_awaiter<await_result_t<A>, std::is_lvalue_reference_v<A>>>(
        what.core());
}
template <class A>
    requires(!detail::is_future<std::remove_cvref_t<A>> && !detail::is_coro<std::remove_cvref_t<A>> &&
             awaitable<A>)
[[nodiscard]] auto as_result(A&& what) {
    if constexpr (detail::gives_result<std::remove_cvref_t<A>>) {
        return detail::result_awaitable<std::remove_cvref_t<A>>(std::forward<A>(what));
    } else {
        return detail::catch_result<std::remove_cvref_t<A>>(std::forward<A>(what));
    }
}

}  // namespace bide
