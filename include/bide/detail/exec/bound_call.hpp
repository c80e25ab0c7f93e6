// bide/exec: a callable with its arguments, kept until it is called once on another thread.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/base/invoke.hpp>

#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bide::detail {

template <class F, class... Args>
concept thread_callable = std::is_invocable_v<std::decay_t<F>, std::decay_t<Args>...>;

// F and Args are decayed types.
template <class F, class... Args>
class bound_call {
public:
    using result_type = std::invoke_result_t<F, Args...>;
    static_assert(
        !is_coro<std::remove_cvref_t<result_type>>,
        "bide: a coroutine does not run on a worker thread; give the thread an ordinary function, or run the "
        "coroutine with create_task");

    template <class G, class... Given>
    explicit bound_call(std::in_place_t, G&& function, Given&&... args)
        : parts_(std::in_place, std::forward<G>(function), std::forward<Given>(args)...) {}

    // The callable and its arguments are destroyed when it has returned.
    result_type operator()() {
        const auto drop = [](bound_call* self) noexcept { self->parts_.reset(); };
        const std::unique_ptr<bound_call, decltype(drop)> at_end(this, drop);
        return std::apply(
            [](F&& function, Args&&... args) -> result_type {
                return detail::invoke(std::forward<F>(function), std::forward<Args>(args)...);
            },
            std::move(*parts_));
    }

    void reset() noexcept { parts_.reset(); }

private:
    std::optional<std::tuple<F, Args...>> parts_;
};

template <class F, class... Args>
using bound = bound_call<std::decay_t<F>, std::decay_t<Args>...>;

// Copies or moves them.
template <class F, class... Args>
bound<F, Args...> bind_call(F&& fn, Args&&... args) {
    return bound<F, Args...>(std::in_place, std::forward<F>(fn), std::forward<Args>(args)...);
}

}  // namespace bide::detail
