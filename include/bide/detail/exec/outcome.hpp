// bide/exec: what a call on another thread gave: a value, an exception, or nothing yet.
#pragma once

#include <bide/detail/core/future_state.hpp>

#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace bide::detail {

template <class R>
class outcome : private value_slot<stored_t<R>> {
public:
    outcome() noexcept = default;
    // Moved only while it is empty.
    outcome(outcome&&) noexcept {}
    outcome& operator=(outcome&&) = delete;
    ~outcome() {
        if (full_) this->destroy_value();
    }

    // Worker thread.
    template <class Call>
    void set_from(Call& call) noexcept {
        try {
            if constexpr (std::is_void_v<R>) {
                call();
            } else if constexpr (std::is_reference_v<R>) {
                this->value = std::addressof(call());
            } else {
                ::new (static_cast<void*>(std::addressof(this->value))) R(call());
            }
            full_ = true;
        } catch (...) { error = std::current_exception(); }
    }

    R take() {
        if constexpr (std::is_reference_v<R>) {
            return static_cast<R>(*this->value);
        } else if constexpr (!std::is_void_v<R>) {
            return std::move(this->value);
        }
    }

    std::exception_ptr error;

private:
    bool full_ = false;
};

}  // namespace bide::detail
