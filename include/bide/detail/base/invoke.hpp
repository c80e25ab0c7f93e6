// bide/base: std::invoke without <functional>, which costs every file that includes bide a twentieth of a second.
#pragma once

#include <tuple>
#include <utility>

namespace bide::detail {

template <class F, class... Args>
constexpr decltype(auto) invoke(F&& function, Args&&... args) {
    return std::apply(std::forward<F>(function), std::forward_as_tuple(std::forward<Args>(args)...));
}

}  // namespace bide::detail
