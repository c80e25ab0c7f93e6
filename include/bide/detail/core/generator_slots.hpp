// bide/core: what a generator hands out at a yield, and what it is handed back.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace bide::detail {

enum class generator_state : unsigned char {
    created,    // nothing has run
    suspended,  // at a yield
    running,    // or, for an async generator, suspended at an await of its own
    finished,
};

// What next() gives. Either can be tested and dereferenced, so `while (auto x = gen.next()) use(*x);` fits both.
template <class T>
struct yielded {
    static_assert(std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>,
                  "bide: a generator yields a plain type or an lvalue reference");
    static_assert(alignof(T) <= 16,
                  "bide: coroutine frames are aligned to 16 bytes; yield a pointer to this type");
    using type = std::optional<T>;
};
template <class T>
struct yielded<T&> {
    using type = T*;
};
template <class T>
using yielded_t = typename yielded<T>::type;

// U can be yielded by a generator of T. A reference must bind to the very object, never to a temporary made for it.
template <class U, class T>
concept yieldable = (std::is_reference_v<T> &&
                     std::is_convertible_v<std::remove_reference_t<U>*, std::remove_reference_t<T>*>) ||
                    (!std::is_reference_v<T> && std::is_constructible_v<T, U>);

// The value lives here, not in the co_yield expression: GCC keeps a place in the frame for each of those.
template <class T>
class yield_slot {
public:
    template <class U>
    void put(U&& value) {
        value_.emplace(std::forward<U>(value));
    }
    void clear() noexcept { value_.reset(); }
    T& get() noexcept { return *value_; }
    std::optional<T> take() {
        // Not a copy of the whole optional: reading at once what was written in two parts stalls the processor.
        std::optional<T> taken(std::in_place, std::move(*value_));
        value_.reset();
        return taken;
    }

private:
    std::optional<T> value_;
};
template <class T>
class yield_slot<T&> {
public:
    template <class U>
    void put(U&& value) noexcept {
        value_ = std::addressof(value);
    }
    void clear() noexcept {}
    T& get() noexcept { return *value_; }
    T* take() noexcept { return value_; }

private:
    T* value_ = nullptr;
};

// What a co_yield evaluates to: the value of send(), or Send() after a next(), as None in Python.
template <class Send>
class send_slot {
public:
    static constexpr bool next_sends = std::default_initializable<Send>;

    void put(Send&& value) { value_.emplace(std::move(value)); }
    void clear() noexcept { value_.reset(); }
    Send take() {
        if constexpr (next_sends) {
            if (!value_) return Send();
        }
        Send taken(std::move(*value_));
        value_.reset();
        return taken;
    }

private:
    std::optional<Send> value_;
};
template <>
class send_slot<void> {
public:
    static constexpr bool next_sends = true;

    void clear() noexcept {}
    void take() noexcept {}
};

}  // namespace bide::detail
