// bide/core: the children of a combinator, out of whatever range they come in.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/as_coro.hpp>
#include <bide/detail/core/copyable.hpp>
#include <bide/detail/core/watch.hpp>
#include <bide/task.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

namespace bide::detail {

template <class R>
concept child_range = !awaitable<R> && requires(R& range) {
    std::begin(range);
    std::end(range);
};

template <child_range R>
using child_t = std::remove_cvref_t<decltype(*std::begin(std::declval<R&>()))>;

// The handle by which a child is known once it runs: a coroutine becomes a task.
template <class A>
struct handle_of {
    using type = task<await_result_t<A>>;
};
template <class A>
    requires is_future<A>
struct handle_of<A> {
    using type = A;
};
template <class A>
using handle_of_t = typename handle_of<std::remove_cvref_t<A>>::type;

// A reference to the task or future that stands for `what`; a coroutine is scheduled now.
template <class A>
future_core& make_child(loop_state* loop, A&& what) {
    if constexpr (is_future<std::remove_cvref_t<A>>) {
        return retain(what.core());
    } else {
        const auto made = make_task(*loop, as_coro(std::forward<A>(what)), nullptr);
        return retain(made.core());
    }
}

// The element as it may be taken: moved out of a range that is given away, else as the range gives it.
template <class R, class E>
decltype(auto) element(E&& each) noexcept {
    if constexpr (std::is_lvalue_reference_v<R>) {
        static_assert(!is_coro<std::remove_cvref_t<E>> || !std::is_lvalue_reference_v<E>,
                      "bide: a coro runs once; give the range away with std::move(range)");
        return std::forward<E>(each);
    } else {
        return std::move(each);
    }
}

// Calls `use(count)` for the number of children, which gives the first node, and then sets the child of each node.
// `loop` becomes theirs; coroutines need one that runs.
template <class R, class Use>
void take_children(R&& range, loop_state*& loop, const char* call, Use use) {
    using child = child_t<R>;
    using reference = decltype(*std::begin(range));
    if constexpr (std::is_reference_v<reference> && requires { std::size(range); }) {
        if constexpr (is_future<child>) {
            for (const child& each : range) check_loop(loop, each.core(), call);
        }
        if (!is_future<child> || loop == nullptr) use_running_loop(loop, call);
        watch_node* node = use(static_cast<std::size_t>(std::size(range)));
        for (auto&& each : range)
            (node++)->what = &make_child(loop, element<R>(std::forward<decltype(each)>(each)));
    } else {  // each element is made when it is looked at, or their number is unknown
        std::vector<child> all;
        for (auto&& each : range) all.push_back(element<R>(std::forward<decltype(each)>(each)));
        take_children(std::move(all), loop, call, std::move(use));
    }
}

// The value of a child that is done without failure, moved out if nobody else has a handle.
template <class T>
T take_value(future_core& what) {
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

[[noreturn]] BIDE_COLD void throw_timeout_nan(const char* call);

template <class Rep, class Period>
std::int64_t timeout_ns(std::chrono::duration<Rep, Period> timeout, const char* call) {
    if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
        if (std::isnan(timeout.count())) throw_timeout_nan(call);
    }
    return to_ns(timeout);
}

}  // namespace bide::detail
