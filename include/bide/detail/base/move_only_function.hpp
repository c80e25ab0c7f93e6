// bide/base: a callable that can be moved but need not be copied (C++23 has one; C++20 does not).
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace bide {

template <class Signature>
class move_only_function;

/// Owns any callable with the signature R(Args...). Callables of up to three pointers that move without throwing are
/// stored in place; others on the heap. Calling an empty one is a precondition violation.
template <class R, class... Args>
class move_only_function<R(Args...)> {
    static constexpr std::size_t room = 3 * sizeof(void*);

    struct table {
        R (*call)(void*, Args&&...);
        void (*relocate)(void* from, void* to) noexcept;
        void (*destroy)(void*) noexcept;
    };

    template <class F>
    static constexpr bool in_place =
        sizeof(F) <= room && alignof(F) <= alignof(void*) && std::is_nothrow_move_constructible_v<F>;

    template <class F>
    static F& stored(void* at) noexcept {
        if constexpr (in_place<F>) {
            return *static_cast<F*>(at);
        } else {
            return **static_cast<F**>(at);
        }
    }

    template <class F>
    static constexpr table table_for{[](void* at, Args&&... args) -> R {
                                         return static_cast<R>(stored<F>(at)(std::forward<Args>(args)...));
                                     },
                                     [](void* from, void* to) noexcept {
                                         if constexpr (in_place<F>) {
                                             ::new (to) F(std::move(stored<F>(from)));
                                             stored<F>(from).~F();
                                         } else {
                                             ::new (to) F*(*static_cast<F**>(from));
                                         }
                                     },
                                     [](void* at) noexcept {
                                         if constexpr (in_place<F>) {
                                             stored<F>(at).~F();
                                         } else {
                                             delete *static_cast<F**>(at);
                                         }
                                     }};

public:
    move_only_function() noexcept = default;
    move_only_function(std::nullptr_t) noexcept {}

    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, move_only_function> &&
                 std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
    move_only_function(F&& f) {
        using stored_type = std::decay_t<F>;
        if constexpr (in_place<stored_type>) {
            ::new (static_cast<void*>(at_)) stored_type(std::forward<F>(f));
        } else {
            ::new (static_cast<void*>(at_)) stored_type*(new stored_type(std::forward<F>(f)));
        }
        table_ = &table_for<stored_type>;
    }

    move_only_function(move_only_function&& other) noexcept : table_(std::exchange(other.table_, nullptr)) {
        if (table_ != nullptr) table_->relocate(other.at_, at_);
    }

    move_only_function& operator=(move_only_function&& other) noexcept {
        if (this != &other) {
            reset();
            table_ = std::exchange(other.table_, nullptr);
            if (table_ != nullptr) table_->relocate(other.at_, at_);
        }
        return *this;
    }

    ~move_only_function() { reset(); }

    explicit operator bool() const noexcept { return table_ != nullptr; }

    R operator()(Args... args) { return table_->call(at_, std::forward<Args>(args)...); }

private:
    void reset() noexcept {
        if (table_ != nullptr) std::exchange(table_, nullptr)->destroy(at_);
    }

    const table* table_ = nullptr;
    alignas(void*) std::byte at_[room];
};

}  // namespace bide
