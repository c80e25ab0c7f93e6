// bide/core: one awaitable under a deadline, by its kind.
#pragma once

#include <bide/as_result.hpp>
#include <bide/coro.hpp>
#include <bide/detail/core/as_coro.hpp>
#include <bide/detail/core/future_awaiter.hpp>
#include <bide/detail/core/timed.hpp>
#include <bide/detail/core/until_done.hpp>
#include <bide/error.hpp>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace bide::detail {

template <class T>
class wait_for_coro : public timed_coro<T> {
public:
    wait_for_coro(coro<T>&& what, time_limit limit) noexcept : timed_coro<T>(limit), what_(std::move(what)) {}
    wait_for_coro(wait_for_coro&& other) noexcept = default;
    wait_for_coro& operator=(wait_for_coro&&) = delete;

    transfer await_suspend(std::coroutine_handle<> frame) {
        if (this->no_time()) {
            what_.close();
            this->give_way(frame);
            return transfer_nowhere();
        }
        if (this->limited()) this->enter();
        return this->start(std::move(what_), frame);
    }

private:
    coro<T> what_;
};

// A task or a future: cancelled when the time runs out, and looked at without a throw.
template <class Handle>
class wait_for_future : public timed {
    using T = typename Handle::value_type;

public:
    wait_for_future(Handle what, time_limit limit) noexcept : timed(limit), what_(std::move(what)) {}
    wait_for_future(wait_for_future&& other) noexcept = default;
    wait_for_future& operator=(wait_for_future&&) = delete;

    [[nodiscard]] bool await_ready() const { return what_.done(); }
    void await_suspend(std::coroutine_handle<> frame) {
        task_base& task = running_task();
        future_core& what = what_.core();
        check_may_await(task, what);
        state_.what = &what;
        what.waiters.push_back(task);
        if (no_time()) {
            state_.kind = &until_done_wait;
            cancel_any(what, {});
        } else if (limited()) {
            enter();
        }
        begin_wait(task, state_, frame);
    }
    T await_resume() {
        if (timed_out()) throw_timeout();
        return move_result(std::move(what_));
    }
    result<T> await_result() {
        if (timed_out()) return timeout_result<T>();
        if (const std::exception_ptr error = failure_of(what_.core())) {
            pass_on_base_exception(error);
            return result<T>::failure(error);
        }
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return result<T>(move_result(std::move(what_)));
        }
    }

private:
    bool timed_out() {
        if (state_.what == nullptr) return false;  // it was done before
        task_base& task = running_task();
        // A gather that is cancelled fails with cancelled_error.
        const future_core& what = *state_.what;
        const bool ended_cancelled =
            what.has(flag::cancelled) || (what.has(flag::failed) && is_cancellation(what.error));
        if (state_.kind == &until_done_wait) {
            end_wait(task);
            return ended_cancelled;
        }
        if (leave(ended_cancelled || must_throw(task))) {
            task.clear(flag::must_cancel | flag::cancel_now);
            return true;
        }
        end_wait(task);
        return false;
    }

    Handle what_;
    future_wait_state state_{{&future_wait}, nullptr};
};

// Any other awaitable. Whether it was cancelled shows when it throws.
template <class A>
class wait_for_any : public timed {
    using T = await_result_t<A>;
    using suspended = decltype(std::declval<A&>().await_suspend(std::coroutine_handle<>()));

public:
    template <class B>
    wait_for_any(B&& what, time_limit limit) : timed(limit), inner_(std::forward<B>(what)) {}
    wait_for_any(wait_for_any&& other) = default;
    wait_for_any& operator=(wait_for_any&&) = delete;

    [[nodiscard]] bool await_ready() { return !no_time() && inner_.await_ready(); }
    suspended await_suspend(std::coroutine_handle<> frame) {
        if (no_time()) {
            not_started_ = true;
            give_way(frame);
            if constexpr (std::is_same_v<suspended, bool>) {
                return true;
            } else if constexpr (!std::is_void_v<suspended>) {
                return std::noop_coroutine();
            } else {
                return;
            }
        }
        if (limited()) enter();
        return inner_.await_suspend(frame);
    }
    T await_resume() {
        const auto resume = [this]() -> T { return inner_.await_resume(); };
        if (not_started_) {
            end_give_way();
        } else if (!entered()) {
            return resume();
        } else {
            try {
                if constexpr (std::is_void_v<T>) {
                    resume();
                    leave(false);
                    return;
                } else {
                    T value = resume();
                    leave(false);
                    return static_cast<T&&>(value);
                }
            } catch (const cancelled_error&) {
                if (!leave(true)) throw;
            } catch (...) {
                leave(false);
                throw;
            }
        }
        throw_timeout();
    }
    result<T> await_result() {
        if (not_started_) {
            end_give_way();
        } else if (!entered()) {
            return inner_result();
        } else {
            try {
                result<T> value = inner_result();
                leave(false);
                return value;
            } catch (const cancelled_error&) {
                if (!leave(true)) throw;
            } catch (...) {
                leave(false);
                throw;
            }
        }
        return timeout_result<T>();
    }

private:
    // Throws nothing but what as_result() lets through.
    result<T> inner_result() {
        if constexpr (gives_result<A>) {
            return inner_.await_result();
        } else {
            try {
                if constexpr (std::is_void_v<T>) {
                    inner_.await_resume();
                    return {};
                } else {
                    return result<T>(inner_.await_resume());
                }
            } catch (const base_exception&) { throw; } catch (...) {
                return result<T>::failure(std::current_exception());
            }
        }
    }

    A inner_;
    bool not_started_ = false;
};

}  // namespace bide::detail
