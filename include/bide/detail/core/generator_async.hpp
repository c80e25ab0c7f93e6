// bide/core: the frame of an async generator, and the operations on it.
//
// An operation (next, send, throw_exception, close) transfers into the generator's frame and names the awaiting frame
// as its awaiter; a co_yield transfers back to it. In between the generator awaits as part of the awaiting task. So
// the frame is either at a yield, with no awaiter, or in an operation, and there is one operation at a time.
//
// A handle that goes while an operation runs leaves the frame to that operation, which drops it at its end.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/core/generator_promise.hpp>
#include <bide/result.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace bide {

template <class T, class Send>
class async_generator;

namespace detail {

[[noreturn]] BIDE_COLD void throw_already_running(const char* call);
[[noreturn]] BIDE_COLD void throw_step_reused();
[[noreturn]] BIDE_COLD void throw_stop_async_iteration();
// Throws the weightier of the two errors, if there is one, and reports the other.
void throw_after_close(std::exception_ptr body, std::exception_ptr close);

template <class R>
using kept_t = std::conditional_t<std::is_void_v<R>, bool,
                                  std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, R>>;

// Linked into its loop's list of live generators from its first step to its end.
class async_generator_base : public await_transforms, public ring_link {
public:
    ~async_generator_base() { unlink(); }

    struct end_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        transfer await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
            frame.promise().unlink();
            return frame.promise().leave(generator_state::finished);
        }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] end_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept {
        ::new (static_cast<void*>(&place_)) std::exception_ptr(escaped_exception("async generator"));
        link_ |= failed_bit;
    }
    void return_void() const noexcept {}

    [[nodiscard]] generator_state state() const noexcept { return state_; }
    [[nodiscard]] std::coroutine_handle<> frame() noexcept {
        return std::coroutine_handle<promise_base>::from_promise(*this);
    }

    // False when it has ended: then there is nothing to run.
    bool may_step(const char* call) {
        if (state_ == generator_state::suspended) [[likely]]
            return true;
        if (state_ == generator_state::running) [[unlikely]]
            throw_already_running(call);
        if (state_ == generator_state::finished) return false;
        if (loop_ == nullptr) enlist();
        return true;
    }
    transfer enter(void* awaiter) noexcept {
        state_ = generator_state::running;
        awaited_by(awaiter);
        return transfer_to(frame());
    }
    transfer leave(generator_state state) noexcept {
        state_ = state;
        void* const awaiter = awaiting_frame();
        awaited_by(nullptr);
        return awaiter == nullptr ? transfer_nowhere()
                                  : transfer_to(std::coroutine_handle<>::from_address(awaiter));
    }
    // What the body ended with, once; null when nothing is left to be thrown.
    std::exception_ptr take_failure() noexcept {
        return failed() ? std::exchange(error(), nullptr) : nullptr;
    }
    // The operation is over because the body has ended; throws what it ended with.
    BIDE_COLD void throw_failure();
    void throw_at_yield(std::exception_ptr error) noexcept { thrown_ = std::move(error); }
    void end_unstarted() noexcept {
        if (state_ == generator_state::created) state_ = generator_state::finished;
    }

    // The operation is over; last use of the frame by it.
    void end_step() noexcept {
        if (orphaned_) [[unlikely]]
            drop();
    }
    // The awaiting frame is destroyed in the middle of an operation, with all that the generator awaits.
    void abandon_step() noexcept {
        state_ = generator_state::finished;
        awaited_by(nullptr);
        unlink();
        if (orphaned_) frame().destroy();
    }
    void drop() noexcept {
        if (state_ == generator_state::running) {
            orphaned_ = true;
        } else if (state_ != generator_state::suspended || quiet_) {
            frame().destroy();
        } else {
            close_and_destroy();
        }
    }
    void allow_drop() noexcept { quiet_ = true; }
    void forget_loop() noexcept { loop_ = nullptr; }

protected:
    BIDE_COLD void enlist();
    BIDE_COLD void close_and_destroy() noexcept;

    loop_state* loop_ = nullptr;
    std::exception_ptr thrown_;  // at the yield, when it resumes
    generator_state state_ = generator_state::created;
    bool quiet_ = false;
    bool orphaned_ = false;  // the handle is gone
};

template <class T, class Send>
class async_generator_promise final : public async_generator_base {
public:
    class yield_awaiter {
    public:
        explicit yield_awaiter(async_generator_promise& frame) noexcept : frame_(&frame) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        transfer await_suspend(std::coroutine_handle<>) const noexcept {
            return frame_->leave(generator_state::suspended);
        }
        Send await_resume() const {
            if (frame_->thrown_) [[unlikely]]
                std::rethrow_exception(std::exchange(frame_->thrown_, nullptr));
            return frame_->sent_.take();
        }

    private:
        async_generator_promise* frame_;
    };

    async_generator<T, Send>
    get_return_object(std::source_location defined = std::source_location::current()) noexcept;

    template <class U = T>
        requires yieldable<U, T>
    yield_awaiter yield_value(U&& value, std::source_location here = std::source_location::current()) {
        at(here);
        value_.put(std::forward<U>(value));
        return yield_awaiter(*this);
    }

    yield_slot<T>& value() noexcept { return value_; }
    send_slot<Send>& sent() noexcept { return sent_; }

private:
    yield_slot<T> value_;
    [[no_unique_address]] send_slot<Send> sent_;
};

// An operation that has been asked for; it begins when it is awaited, and can be awaited once.
class async_step : public awaitable_tag {
public:
    explicit async_step(async_generator_base& generator) noexcept : generator_(&generator) {}
    // Moved only before it is awaited.
    async_step(async_step&& other) noexcept : generator_(std::exchange(other.generator_, nullptr)) {}
    async_step& operator=(async_step&&) = delete;
    ~async_step() {
        if (begun_) [[unlikely]]
            generator_->abandon_step();
    }

    transfer await_suspend(std::coroutine_handle<> awaiter) noexcept {
        begun_ = true;
        return generator_->enter(awaiter.address());
    }

protected:
    async_generator_base& generator() const {
        if (generator_ == nullptr) [[unlikely]]
            throw_step_reused();
        return *generator_;
    }
    // For await_resume: afterwards this object does not touch the frame.
    async_generator_base& end() noexcept {
        begun_ = false;
        return *std::exchange(generator_, nullptr);
    }

private:
    async_generator_base* generator_;
    bool begun_ = false;
};

template <class T, class Send>
class async_next : public async_step {
public:
    using async_step::async_step;

    [[nodiscard]] bool await_ready() {
        if constexpr (!send_slot<Send>::next_sends) {
            if (generator().state() == generator_state::suspended) [[unlikely]]
                throw_nothing_to_send("async generator");
        }
        return !generator().may_step("next");
    }
    yielded_t<T> await_resume() {
        auto& generator = static_cast<async_generator_promise<T, Send>&>(this->end());
        if (generator.state() != generator_state::suspended) [[unlikely]] {
            generator.throw_failure();
            return {};
        }
        yielded_t<T> value = generator.value().take();
        generator.end_step();
        return value;
    }
    // For as_result: the failure is handed over, not thrown.
    result<yielded_t<T>> await_result() {
        auto& generator = static_cast<async_generator_promise<T, Send>&>(this->end());
        if (generator.state() != generator_state::suspended) {
            std::exception_ptr error = generator.take_failure();
            generator.end_step();
            if (!error) return result<yielded_t<T>>(yielded_t<T>());
            pass_on_base_exception(error);
            return result<yielded_t<T>>::failure(std::move(error));
        }
        yielded_t<T> value = generator.value().take();
        generator.end_step();
        return result<yielded_t<T>>(std::move(value));
    }
};

template <class T, class Send>
class async_send : public async_next<T, Send> {
public:
    async_send(async_generator_base& generator, Send value)
        : async_next<T, Send>(generator), value_(std::move(value)) {}

    [[nodiscard]] bool await_ready() {
        auto& generator = static_cast<async_generator_promise<T, Send>&>(this->generator());
        if (generator.state() == generator_state::created) [[unlikely]]
            throw_not_started("async generator");
        if (!generator.may_step("send")) return true;
        generator.sent().put(std::move(value_));
        return false;
    }

private:
    Send value_;
};

template <class T, class Send>
class async_throw : public async_next<T, Send> {
public:
    async_throw(async_generator_base& generator, std::exception_ptr error)
        : async_next<T, Send>(generator), error_(std::move(error)) {}

    [[nodiscard]] bool await_ready() {
        async_generator_base& generator = this->generator();
        generator.end_unstarted();
        if (!generator.may_step("throw_exception")) std::rethrow_exception(error_);
        generator.throw_at_yield(std::move(error_));
        return false;
    }

private:
    std::exception_ptr error_;
};

class async_close : public async_step {
public:
    using async_step::async_step;

    [[nodiscard]] bool await_ready();
    void await_resume();
    result<void> await_result();

private:
    std::exception_ptr finish();
};

// The step of anext(): a value, or stop_async_iteration at the end.
template <class T, class Send>
class async_anext : public async_next<T, Send> {
public:
    using async_next<T, Send>::async_next;

    T await_resume() {
        yielded_t<T> value = async_next<T, Send>::await_resume();
        if (!value) throw_stop_async_iteration();
        return *std::move(value);
    }
    result<T> await_result() {
        result<yielded_t<T>> value = async_next<T, Send>::await_result();
        if (!value) return result<T>::failure(value.exception());
        if (!*value) return result<T>::failure(std::make_exception_ptr(stop_async_iteration()));
        return result<T>(*std::move(*value));
    }
};

// ... or the value to be had in its place.
template <class T, class Send>
class async_anext_or : public async_next<T, Send> {
public:
    async_anext_or(async_generator_base& generator, T other)
        : async_next<T, Send>(generator), other_(std::forward<T>(other)) {}

    T await_resume() {
        yielded_t<T> value = async_next<T, Send>::await_resume();
        if (!value) return std::forward<T>(other_);
        return *std::move(value);
    }
    result<T> await_result() {
        result<yielded_t<T>> value = async_next<T, Send>::await_result();
        if (!value) return result<T>::failure(value.exception());
        if (!*value) return result<T>(std::forward<T>(other_));
        return result<T>(*std::move(*value));
    }

private:
    T other_;
};

}  // namespace detail
}  // namespace bide
