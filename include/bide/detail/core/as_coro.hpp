// bide/core: any awaitable as a coroutine, and a result out of a handle that is done.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/core/copyable.hpp>
#include <bide/detail/core/future_state.hpp>

#include <type_traits>
#include <utility>

namespace bide::detail {

template <class A>
coro<await_result_t<A>> await_in_coro(A what) {
    co_return co_await std::move(what);
}

template <class A>
inline constexpr bool is_callable = std::is_function_v<A> || requires { &A::operator(); };

// A coroutine is passed on as it is; anything else is awaited by one.
template <class A>
auto as_coro(A&& what) {
    static_assert(awaitable<A> || !is_callable<std::remove_cvref_t<A>>,
                  "bide: this is a function; call it, and pass what it returns");
    static_assert(awaitable<A>, "bide: this type cannot be awaited");
    if constexpr (is_coro<std::remove_cvref_t<A>>) {
        static_assert(!std::is_lvalue_reference_v<A>,
                      "bide: a coro runs once; give it away with std::move(c)");
        return std::forward<A>(what);
    } else {
        return await_in_coro<std::remove_cvref_t<A>>(std::forward<A>(what));
    }
}

// The value of a task or future that is done, moved out if nobody else has a handle. Throws its failure.
template <class Handle>
auto move_result(Handle&& handle) -> typename std::remove_cvref_t<Handle>::value_type {
    using T = typename std::remove_cvref_t<Handle>::value_type;
    future_core& what = handle.core();
    check_result(what);
    if constexpr (std::is_void_v<T>) {
        return;
    } else if constexpr (std::is_reference_v<T>) {
        return static_cast<T>(*value_of<std::remove_reference_t<T>*>(what));
    } else if constexpr (copyable<T>) {
        if (what.refs > 1) return value_of<T>(what);
        return std::move(value_of<T>(what));
    } else {
        if (what.has(flag::taken)) throw_taken(what);
        what.set(flag::taken);
        return std::move(value_of<T>(what));
    }
}

}  // namespace bide::detail
