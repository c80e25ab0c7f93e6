// bide/core: whether a value can really be copied.
#pragma once

#include <bide/result.hpp>

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace bide::detail {

// A std::vector<std::unique_ptr<T>> claims to be copy-constructible and fails to compile when it is copied, and so does
// all that holds one. So the answer for a container is that for its elements.
template <class T>
inline constexpr bool copyable = std::is_copy_constructible_v<T>;

template <class T>
    requires requires {
        typename T::value_type;
        typename T::allocator_type;
    } && (!std::is_same_v<typename T::value_type, T>)
inline constexpr bool copyable<T> = std::is_copy_constructible_v<T> && copyable<typename T::value_type>;

template <class A, class B>
inline constexpr bool copyable<std::pair<A, B>> = copyable<A> && copyable<B>;
template <class... T>
inline constexpr bool copyable<std::tuple<T...>> = (copyable<T> && ...);
template <class... T>
inline constexpr bool copyable<std::variant<T...>> = (copyable<T> && ...);
template <class T>
inline constexpr bool copyable<std::optional<T>> = copyable<T>;
template <class T>
inline constexpr bool copyable<result<T>> = std::is_void_v<T> || copyable<T>;

}  // namespace bide::detail
