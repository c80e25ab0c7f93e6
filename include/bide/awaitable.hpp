// bide/core: what can be awaited, stated once.
//
// Inside a coroutine of bide, `co_await` accepts a coro<T> (by value: it runs once), a task<T> or future<T> (any number
// of times), and bide's own awaitables such as sleep(). Awaiters of other libraries are refused at compile time: they
// resume a coroutine from wherever they like, and then neither order, nor cancellation, nor the current task would
// hold. Bridge them with a future<T>.
//
// An awaitable of bide answers three questions about cancellation (detail/core/wait.hpp): may the wait be taken back,
// will it end by itself, or is it over already.
#pragma once

#include <coroutine>
#include <type_traits>
#include <utility>

namespace bide {

template <class T>
class coro;
template <class T>
class task;
template <class T>
class future;
class any_task;

namespace detail {

// Base of every awaitable of bide that is awaited directly.
struct awaitable_tag {};

template <class A>
inline constexpr bool is_coro = false;
template <class T>
inline constexpr bool is_coro<coro<T>> = true;

template <class A>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<task<T>> = true;
template <class T>
inline constexpr bool is_future<future<T>> = true;

template <>
inline constexpr bool is_future<any_task> = true;

template <class A>
struct await_traits;
template <>
struct await_traits<any_task> {
    using type = void;
};
template <class T>
struct await_traits<coro<T>> {
    using type = T;
};
template <class T>
struct await_traits<task<T>> {
    using type = T;
};
template <class T>
struct await_traits<future<T>> {
    using type = T;
};
template <class A>
    requires std::is_base_of_v<awaitable_tag, A>
struct await_traits<A> {
    using type = decltype(std::declval<A&>().await_resume());
};

}  // namespace detail

/// Anything that a coroutine of bide can co_await. Python: Awaitable.
template <class A>
concept awaitable = requires { typename detail::await_traits<std::remove_cvref_t<A>>::type; };

/// What `co_await` of an A gives.
template <awaitable A>
using await_result_t = typename detail::await_traits<std::remove_cvref_t<A>>::type;

}  // namespace bide
