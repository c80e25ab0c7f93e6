// bide/core: context variables: values that follow a task and what it starts.
#pragma once

#include <bide/detail/loop/loop_state.hpp>
#include <bide/error.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace bide {

namespace detail {

// A value of some type, shared by every context that holds it.
using context_value = std::shared_ptr<const void>;

// Null when the current context does not hold the key.
context_value get_context_value(const void* key) noexcept;
const void* peek_context_value(const void* key) noexcept;
void set_context_value(const void* key, context_value value);

// Gives the calling thread, which runs no loop, a copy of these context variables until the end of the scope.
class context_scope {
public:
    explicit context_scope(context_data* copied) noexcept;
    ~context_scope();
    context_scope(const context_scope&) = delete;
    context_scope& operator=(const context_scope&) = delete;

private:
    context_data* context_;
    context_data** before_;
};

}  // namespace detail

/// An immutable set of context variables, as copied when a task or callback is made. Python: contextvars.Context.
class context {
public:
    context() noexcept = default;
    explicit context(detail::context_data* data) noexcept : data_(detail::retain(data)) {}
    context(const context& other) noexcept : data_(detail::retain(other.data_)) {}
    context(context&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
    context& operator=(context other) noexcept {
        std::swap(data_, other.data_);
        return *this;
    }
    ~context() { detail::release(data_); }

    /// For bide's own layers.
    [[nodiscard]] detail::context_data* data() const noexcept { return data_; }

private:
    detail::context_data* data_ = nullptr;
};

/// The context of the task or callback that is running; empty outside a loop. Python: contextvars.copy_context.
[[nodiscard]] context copy_context() noexcept;

/// A variable with one value for each context. A task starts with a copy of its creator's values; what it sets is seen
/// by it and by what it starts afterwards, and by nobody else. Make it a global or static object: its address is the key.
/// Threads: any; to_thread takes the values along. Python: contextvars.ContextVar.
template <class T>
class context_var {
public:
    /// Restores the value before a set(). Python: contextvars.Token.
    class token {
    public:
        explicit token(std::shared_ptr<const void> before) : before_(std::move(before)) {}

    private:
        friend context_var;
        std::shared_ptr<const void> before_;
    };

    context_var() = default;
    explicit context_var(T default_value) : default_(std::move(default_value)) {}
    context_var(const context_var&) = delete;
    context_var& operator=(const context_var&) = delete;

    /// The value in the current context, else the default.
    /// Throws: invalid_state_error when there is neither. Python: ContextVar.get (LookupError).
    [[nodiscard]] const T& get() const {
        if (const T* const held = peek()) return *held;
        if (default_) return *default_;
        throw invalid_state_error(
            "context_var::get: the variable has no value in this context and no default");
    }
    [[nodiscard]] T get_or(T other) const {
        if (const T* const held = peek()) return *held;
        return default_ ? *default_ : std::move(other);
    }

    /// Sets the value for the running task or callback and what it starts from now on; in a call of to_thread(), for
    /// the rest of that call. Returns: a token for reset(). Throws: invalid_state_error elsewhere. Python: ContextVar.set.
    token set(T value) {
        token before(detail::get_context_value(this));
        detail::set_context_value(this, std::make_shared<const T>(std::move(value)));
        return before;
    }

    /// Python: ContextVar.reset.
    void reset(token&& before) { detail::set_context_value(this, std::move(before.before_)); }

private:
    const T* peek() const noexcept { return static_cast<const T*>(detail::peek_context_value(this)); }

    std::optional<T> default_;
};

}  // namespace bide
