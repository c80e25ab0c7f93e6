// bide/core: run several awaitables side by side and collect their results.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/child_range.hpp>
#include <bide/detail/core/watch.hpp>
#include <bide/future.hpp>
#include <bide/result.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace bide {

namespace detail {

struct gather_list : watch_list {
    using watch_list::watch_list;

    std::size_t pending = 0;
    bool keep_failures = false;
    bool cancel_requested = false;
    std::exception_ptr first_failure;  // since the cancellation
};

struct gather_ops : future_ops {
    // Builds the value of the gather out of those of its children, which are all done. Throws what a value's copy throws.
    void (*collect)(future_core& outer, const watch_list& children);
};

bool cancel_gather(gather_list& list, const std::string& message);
void start_gather(gather_list& list);
void gather_child_done(watch_list& list, watch_node& node);
void gather_closed(watch_list& list) noexcept;

template <bool Keep, class T>
using slot_t = std::conditional_t<Keep, result<T>, std::conditional_t<std::is_void_v<T>, std::monostate, T>>;

// What one child adds to the results. Its reference goes with it, so that the last slot of a child may move the value.
template <bool Keep, class T>
slot_t<Keep, T> take_slot(watch_node& node) {
    future_core& what = *std::exchange(node.what, nullptr);
    const scope_guard done_with([&]() noexcept { release(what); });
    if constexpr (Keep) {
        if (std::exception_ptr error = failure_of(what)) return result<T>::failure(std::move(error));
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            try {
                return result<T>(take_value<T>(what));
            } catch (...) { return result<T>::failure(std::current_exception()); }
        }
    } else if constexpr (std::is_void_v<T>) {
        return {};
    } else {
        return take_value<T>(what);
    }
}

template <bool Keep, class... T>
struct into_tuple {
    using type =
        std::conditional_t<!Keep && (std::is_void_v<T> && ...), void, std::tuple<slot_t<Keep, T>...>>;

    static void collect(void* at, const watch_list& children) {
        if constexpr (std::is_void_v<type>) {
            static_cast<void>(at);
            static_cast<void>(children);
        } else {
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                ::new (at) type{take_slot<Keep, T>(children.nodes[I])...};
            }(std::index_sequence_for<T...>());
        }
    }
};

template <bool Keep, class T>
struct into_vector {
    using element =
        std::conditional_t<!Keep && std::is_reference_v<T>, std::remove_reference_t<T>*, slot_t<Keep, T>>;
    using type = std::conditional_t<!Keep && std::is_void_v<T>, void, std::vector<element>>;

    static void collect(void* at, const watch_list& children) {
        if constexpr (std::is_void_v<type>) {
            static_cast<void>(at);
            static_cast<void>(children);
        } else {
            type all;
            all.reserve(children.count);
            for (watch_node& node : children) {
                if constexpr (!Keep && std::is_reference_v<T>) {
                    all.push_back(std::addressof(take_slot<Keep, T>(node)));
                } else {
                    all.push_back(take_slot<Keep, T>(node));
                }
            }
            ::new (at) type(std::move(all));
        }
    }
};

// The future that gather() returns, followed by one node for each child.
template <class Into>
struct gather_state final : future_state<typename Into::type> {
    using value_type = typename Into::type;

    gather_state(loop_state* in, std::size_t count, bool keep_failures)
        : future_state<value_type>(in, table), children(kind, nodes_behind(this, count), count) {
        children.awaiter = this;
        children.keep_failures = keep_failures;
        this->set(flag::driven);
    }

    static gather_state& make(loop_state* in, std::size_t count, bool keep_failures) {
        return *::new (allocate_watch<gather_state>(count)) gather_state(in, count, keep_failures);
    }

    gather_list children;

private:
    static gather_list& list_of(future_core& self) noexcept {
        return static_cast<gather_state&>(self).children;
    }
    static void destroy(future_core& self) noexcept { drop_watch(list_of(self)); }
    static bool cancel(future_core& self, const std::string& message) {
        return cancel_gather(list_of(self), message);
    }
    static void collect(future_core& self, const watch_list& from) {
        if constexpr (!std::is_void_v<value_type>) {
            Into::collect(std::addressof(static_cast<gather_state&>(self).value), from);
        }
    }
    static void free(watch_list& list) noexcept {
        free_watch(static_cast<gather_state*>(list.awaiter), list.count);
    }

    static constexpr gather_ops table{{destroy, cancel, "gather"}, collect};
    static constexpr watch_kind kind{gather_child_done, free, gather_closed};
};

template <bool Keep, class... A>
auto gather_all(const char* call, A&&... what) {
    using state_type = gather_state<into_tuple<Keep, await_result_t<A>...>>;
    loop_state* loop = nullptr;
    [[maybe_unused]] const auto look = [&](const auto& each) {
        if constexpr (is_future<std::remove_cvref_t<decltype(each)>>) check_loop(loop, each.core(), call);
    };
    (look(what), ...);
    if (loop == nullptr || !(is_future<std::remove_cvref_t<A>> && ...)) use_running_loop(loop, call);
    auto& state = state_type::make(loop, sizeof...(A), Keep);
    future<typename state_type::value_type> outer(state);
    [[maybe_unused]] watch_node* node = state.children.nodes;
    (((node++)->what = &make_child(loop, std::forward<A>(what))), ...);
    start_gather(state.children);
    return outer;
}

template <bool Keep, class R>
auto gather_range(const char* call, R&& range) {
    using state_type = gather_state<into_vector<Keep, await_result_t<child_t<R>>>>;
    loop_state* loop = nullptr;
    future<typename state_type::value_type> outer;
    take_children(std::forward<R>(range), loop, call, [&](std::size_t count) {
        auto& state = state_type::make(loop, count, Keep);
        outer = future<typename state_type::value_type>(state);
        return state.children.nodes;
    });
    start_gather(static_cast<state_type&>(outer.core()).children);
    return outer;
}

}  // namespace detail

/// Runs awaitables side by side and collects their results in the order of the arguments. Coroutines and other
/// awaitables become tasks here and now; tasks and futures are watched as they are; one that is named twice is awaited
/// once and fills both places.
///
/// Returns: future<std::tuple<...>>, so that `auto [a, b] = co_await gather(f(), g());`. A void result takes its place as
/// std::monostate; when all are void, or there are none, it is a future<void>.
/// Fails: with the first failure of a child, at once. The others run on; what they fail with later is not reported. A
/// child that was cancelled is a failure with cancelled_error: the future fails, its cancelled() is false.
/// Cancellation: of the future, or of the task that awaits it, cancels every child that is not done. The future ends
/// when all of them have ended: with cancelled_error even if they completed all the same, or with what one failed with
/// while it was cancelled. Once it is done, cancelling it does nothing. Dropping it cancels nobody; the children run on,
/// each on its own.
/// Throws: invalid_state_error when a coroutine is given and no loop runs, std::invalid_argument when the children belong
/// to different loops.
/// Python: asyncio.gather. Difference: on cancellation it waits for all children; asyncio leaves when the first has ended.
template <awaitable... A>
auto gather(A&&... what) {
    return detail::gather_all<false>("gather", std::forward<A>(what)...);
}

/// The same for a range of coroutines (given away with std::move), tasks or futures.
/// Returns: future<std::vector<T>>; future<void> when T is void; for a T& the vector holds pointers.
template <detail::child_range R>
auto gather(R&& range) {
    return detail::gather_range<false>("gather", std::forward<R>(range));
}

/// As gather(), with every outcome kept: a tuple or vector of result<T>. A child that was cancelled gives a result whose
/// error() is std::errc::operation_canceled and whose exception() is the cancelled_error. The future fails only when it
/// is cancelled itself, with cancelled_error.
/// Python: asyncio.gather(..., return_exceptions=True).
template <awaitable... A>
auto gather_results(A&&... what) {
    return detail::gather_all<true>("gather_results", std::forward<A>(what)...);
}
template <detail::child_range R>
auto gather_results(R&& range) {
    return detail::gather_range<true>("gather_results", std::forward<R>(range));
}

}  // namespace bide
