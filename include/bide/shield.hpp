// bide/core: protect what is awaited from the cancellation of its waiter.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/child_range.hpp>
#include <bide/detail/core/watch.hpp>
#include <bide/future.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

struct shield_list : watch_list {
    using watch_list::watch_list;

    bool alone = false;   // the outer future was cancelled; it lives until the inner one is done
    bool waited = false;  // ... and whoever awaits the inner one has had a turn to look at its failure
};

struct shield_ops : future_ops {
    // Copies or moves the value of `inner`, which is done without failure, into the outer future.
    void (*pass_on)(future_core& outer, future_core& inner);
};

bool cancel_shield(shield_list& list, const std::string& message);
void shielded_done(watch_list& list, watch_node& node);
void shield_closed(watch_list& list) noexcept;

template <class T>
struct shield_state final : future_state<T> {
    explicit shield_state(future_core& inner) : future_state<T>(inner.loop, table), list(kind, &node, 1) {
        list.awaiter = this;
        node.what = &retain(inner);
        this->set(flag::driven);
        start_watching(list, node);
    }

    shield_list list;
    watch_node node;

private:
    static shield_list& list_of(future_core& self) noexcept { return static_cast<shield_state&>(self).list; }
    static void destroy(future_core& self) noexcept { drop_watch(list_of(self)); }
    static bool cancel(future_core& self, const std::string& message) {
        return cancel_shield(list_of(self), message);
    }
    static void pass_on(future_core& outer, future_core& inner) {
        if constexpr (std::is_reference_v<T>) {
            static_cast<shield_state&>(outer).value = value_of<std::remove_reference_t<T>*>(inner);
        } else if constexpr (!std::is_void_v<T>) {
            ::new (static_cast<void*>(std::addressof(static_cast<shield_state&>(outer).value)))
                T(take_value<T>(inner));
        }
    }
    static void free(watch_list& list) noexcept { delete static_cast<shield_state*>(list.awaiter); }

    static constexpr shield_ops table{{destroy, cancel, "shield"}, pass_on};
    static constexpr watch_kind kind{shielded_done, free, shield_closed};
};

}  // namespace detail

/// A future that ends as the awaitable does, but whose cancellation stops there: a task that waits in
/// `co_await shield(x)` and is cancelled gets cancelled_error, and x runs on. A coroutine becomes a task here and now.
///
/// Returns: a future with the result of x; x itself when it is a task or future that is done.
/// Fails: as x does. When x is cancelled, the future is cancelled.
/// When x fails after the future was cancelled, and nobody else awaits it, its exception goes to the loop's exception
/// handler as "Unhandled exception in shielded future".
/// Throws: invalid_state_error when a coroutine is given and no loop runs.
/// Python: asyncio.shield. Difference: there the report comes even if somebody else awaits x and sees the failure.
template <awaitable A>
auto shield(A&& what) {
    using T = await_result_t<A>;
    detail::loop_state* loop = nullptr;
    if constexpr (!detail::is_future<std::remove_cvref_t<A>>) detail::use_running_loop(loop, "shield");
    future<T> inner(detail::make_child(loop, std::forward<A>(what)));
    if (inner.done()) return inner;
    detail::check_loop(loop, inner.core(), "shield");
    return future<T>(*new detail::shield_state<T>(inner.core()));
}

}  // namespace bide
