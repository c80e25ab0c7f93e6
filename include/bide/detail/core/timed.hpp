// bide/core: the deadline of a piece of a task, and what runs under one.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/coro.hpp>
#include <bide/detail/base/invoke.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/result.hpp>
#include <bide/time.hpp>

#include <concepts>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <source_location>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

enum class limit_kind : std::uint8_t { none, span, moment };

// A deadline as the caller gave it: nanoseconds from the start, or on the loop's clock.
struct time_limit {
    std::int64_t ns = 0;
    limit_kind kind = limit_kind::none;
};

class timed;

}  // namespace detail

/// The deadline of a piece of a task, for as long as that piece runs: with_timeout() and with_timeout_at() make one and
/// hand it to their body. When the deadline passes, the task is cancelled; leaving the scope turns that cancellation
/// into a timeout_error. The reference is good until the body has ended.
/// Threads: the loop's only. Python: asyncio.Timeout.
class timeout : private detail::timer_node {
public:
    timeout(const timeout&) = delete;
    timeout& operator=(const timeout&) = delete;
    ~timeout() {
        if (armed_) disarm();
    }

    /// The moment on the loop's clock when it fires; empty for never. Python: Timeout.when.
    [[nodiscard]] std::optional<time_point> when() const noexcept {
        if (limit_.kind == detail::limit_kind::none) return std::nullopt;
        return detail::to_time_point(limit_.ns);
    }

    /// Moves the deadline, sets one where there was none, or takes it away (std::nullopt). A moment in the past fires
    /// in the next turn of the loop.
    /// Throws: invalid_state_error when it has fired already. Python: Timeout.reschedule.
    void reschedule(std::optional<time_point> when);

    /// True from the moment it fired, however the body ends then. Python: Timeout.expired.
    [[nodiscard]] bool expired() const noexcept {
        return phase_ == phase::expiring || phase_ == phase::expired;
    }

private:
    friend detail::timed;

    enum class phase : std::uint8_t { created, entered, expiring, expired, exited };

    explicit timeout(detail::time_limit limit) noexcept;

    void enter();
    // Leaves the scope. True when it ends cancelled by this timeout and by nobody else: a timeout_error takes the place
    // of the cancellation.
    bool leave(bool cancelled) noexcept;
    [[nodiscard]] std::string text() const;

    void arm(std::int64_t now) noexcept;
    void disarm() noexcept;
    static void fire(detail::ready_node& node);
    static void discard(detail::ready_node& node) noexcept;
    static const detail::ready_ops ops_table;

    detail::task_base* task_ = nullptr;
    detail::time_limit limit_;  // as given; from enter() on, a moment of the clock
    std::int64_t entered_at_ = 0;
    const char* waited_for_ = nullptr;  // what the task waited for when it fired, and where
    std::source_location place_;
    std::uint16_t cancels_before_ = 0;  // the task's count on entry
    phase phase_ = phase::created;
    bool armed_ = false;  // linked into the timer queue or the ready queue
};

namespace detail {

[[noreturn]] BIDE_COLD void throw_timeout_nan();
bool is_cancellation(const std::exception_ptr& error) noexcept;

template <class Rep, class Period>
time_limit limit_after(std::chrono::duration<Rep, Period> span) {
    if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
        if (span != span) throw_timeout_nan();
    }
    return time_limit{to_ns(span), limit_kind::span};
}
inline time_limit limit_after(std::nullopt_t) noexcept { return {}; }
template <class Rep, class Period>
time_limit limit_after(const std::optional<std::chrono::duration<Rep, Period>>& span) {
    return span ? limit_after(*span) : time_limit{};
}

template <class Span>
time_limit limit_at(std::chrono::time_point<clock, Span> when) noexcept {
    return time_limit{to_ns(when.time_since_epoch()), limit_kind::moment};
}
inline time_limit limit_at(std::nullopt_t) noexcept { return {}; }
template <class Span>
time_limit limit_at(const std::optional<std::chrono::time_point<clock, Span>>& when) noexcept {
    return when ? limit_at(*when) : time_limit{};
}

template <class D>
concept time_span = requires(const D& span) { limit_after(span); };
template <class M>
concept moment = requires(const M& when) { limit_at(when); };

// What every awaitable with a deadline has in common: the scope, which begins when the await suspends.
class timed : public awaitable_tag {
protected:
    explicit timed(time_limit limit) noexcept : scope_(limit) {}
    // Moved only before it is awaited.
    timed(timed&& other) noexcept : scope_(other.scope_.limit_) {}
    timed& operator=(timed&&) = delete;
    ~timed() = default;

    [[nodiscard]] timeout& scope() noexcept { return scope_; }
    [[nodiscard]] bool limited() const noexcept { return scope_.limit_.kind != limit_kind::none; }
    // Before the scope is entered: nothing may start, for the time is up already.
    [[nodiscard]] bool no_time() const noexcept { return limited() && scope_.limit_.ns <= 0; }
    [[nodiscard]] bool entered() const noexcept { return scope_.phase_ != timeout::phase::created; }

    void enter() { scope_.enter(); }
    bool leave(bool cancelled) noexcept { return entered() && scope_.leave(cancelled); }

    // Suspends for one turn in place of what does not start; the first half of it, and the second.
    void give_way(std::coroutine_handle<> frame);
    static void end_give_way() { end_wait(running_task()); }

    [[noreturn]] BIDE_COLD void throw_timeout() const;
    template <class T>
    [[nodiscard]] result<T> timeout_result() const {
        return result<T>::failure(std::make_error_code(std::errc::timed_out), timeout_failure());
    }

private:
    [[nodiscard]] BIDE_COLD std::exception_ptr timeout_failure() const;

    timeout scope_;
    wait give_way_{nullptr};
};

// ... a coroutine that runs as part of the awaiting task.
template <class T>
class timed_coro : public timed {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }

    T await_resume() {
        if (timed_out()) throw_timeout();
        coro_promise<T>& promise = child_.promise();
        if (promise.failed()) [[unlikely]]
            std::rethrow_exception(promise.error());
        return promise.take();
    }
    result<T> await_result() {
        if (timed_out()) return timeout_result<T>();
        coro_promise<T>& promise = child_.promise();
        if (promise.failed()) {
            pass_on_base_exception(promise.error());
            return result<T>::failure(promise.error());
        }
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return result<T>(promise.take());
        }
    }

protected:
    explicit timed_coro(time_limit limit) noexcept : timed(limit) {}
    timed_coro(timed_coro&& other) noexcept = default;
    timed_coro& operator=(timed_coro&&) = delete;
    ~timed_coro() { destroy_child(); }

    transfer start(coro<T>&& body, std::coroutine_handle<> parent) {
        child_ = std::move(body).release();
        child_.promise().awaited_by(parent.address());
        return transfer_to(child_);
    }
    void destroy_child() noexcept {
        if (child_ != nullptr) std::exchange(child_, nullptr).destroy();
    }

private:
    bool timed_out() {
        if (child_ == nullptr) {
            end_give_way();
            return true;
        }
        coro_promise<T>& promise = child_.promise();
        return leave(promise.failed() && is_cancellation(promise.error()));
    }

    std::coroutine_handle<coro_promise<T>> child_;
};

template <class F>
struct scope_call {};
template <class F>
    requires std::invocable<F&, timeout&>
struct scope_call<F> {
    using coro_type = std::invoke_result_t<F&, timeout&>;
    static coro_type make(F& body, timeout& scope) { return detail::invoke(body, scope); }
};
template <class F>
    requires(std::invocable<F&> && !std::invocable<F&, timeout&>)
struct scope_call<F> {
    using coro_type = std::invoke_result_t<F&>;
    static coro_type make(F& body, timeout&) { return detail::invoke(body); }
};

template <class F>
concept scope_body =
    requires { typename scope_call<F>::coro_type; } && is_coro<typename scope_call<F>::coro_type>;

// with_timeout: keeps the body's captures alive for as long as its coroutine.
template <scope_body F>
class timeout_scope : public timed_coro<typename scope_call<F>::coro_type::value_type> {
    using base = timed_coro<typename scope_call<F>::coro_type::value_type>;

public:
    template <class G>
    timeout_scope(time_limit limit, G&& body) : base(limit), body_(std::forward<G>(body)) {}
    timeout_scope(timeout_scope&& other) = default;
    timeout_scope& operator=(timeout_scope&&) = delete;
    ~timeout_scope() { this->destroy_child(); }

    transfer await_suspend(std::coroutine_handle<> frame) {
        this->enter();
        return this->start(scope_call<F>::make(body_, this->scope()), frame);
    }

private:
    F body_;
};

}  // namespace detail
}  // namespace bide
