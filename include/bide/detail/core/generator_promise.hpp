// bide/core: the frame of a generator.
//
// With `co_yield elements_of(inner)` a generator becomes the root of a chain of frames. Its `leaf_` is the innermost
// one, which is resumed directly, so that a value costs the same at every depth. Values, sent values and exceptions
// that are thrown in are kept by the root. A leaf learns its root at every resumption, because an inner generator may
// have brought leaves of its own.
#pragma once

#include <bide/detail/core/generator_slots.hpp>
#include <bide/detail/core/promise.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace bide {

template <class T, class Send, class Return>
class generator;
template <class Range>
class elements_of;

namespace detail {

[[noreturn]] BIDE_COLD void throw_executing(const char* call);
[[noreturn]] BIDE_COLD void throw_moved_generator();
[[noreturn]] BIDE_COLD void throw_not_started(const char* kind);
[[noreturn]] BIDE_COLD void throw_nothing_to_send(const char* kind);
[[noreturn]] BIDE_COLD void throw_ignored_exit(const char* kind);
[[noreturn]] BIDE_COLD void throw_no_result();
[[noreturn]] BIDE_COLD void throw_stop_iteration();
BIDE_COLD void check_error(const std::exception_ptr& error);

// For unhandled_exception: what a body ends with. stop_iteration would look like the end of some other generator, so
// it becomes an invalid_state_error that nests it.
BIDE_COLD std::exception_ptr escaped_exception(const char* kind) noexcept;
bool is_generator_exit(const std::exception_ptr& error) noexcept;

class generator_base {
public:
    generator_base() noexcept {
        if constexpr (BIDE_CHECKED != 0) ++live_frames;
    }
    generator_base(const generator_base&) = delete;
    generator_base& operator=(const generator_base&) = delete;
    ~generator_base() {
        if constexpr (BIDE_CHECKED != 0) --live_frames;
    }

    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* at, std::size_t size) noexcept { pool_free(at, size); }

    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        transfer await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
            return frame.promise().end();
        }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error_ = escaped_exception("generator"); }

    template <class A>
    void await_transform(A&&) {
        static_assert(!std::is_same_v<A, A>, "bide: a generator cannot co_await; make it an async_generator");
    }

    // Every promise of a generator lies at the same offset in its frame; see promise_base.
    [[nodiscard]] std::coroutine_handle<> frame() noexcept {
        return std::coroutine_handle<generator_base>::from_promise(*this);
    }

    [[nodiscard]] generator_state state() const noexcept { return state_; }
    void check_call(const char* call) const {
        if (state_ == generator_state::running) [[unlikely]]
            throw_executing(call);
    }

    // Runs to the next yield. False at the end. Throws what the body ended with.
    bool advance() {
        if (state_ == generator_state::finished) return false;
        resume();
        if (state_ == generator_state::suspended) [[likely]]
            return true;
        if (error_) [[unlikely]]
            std::rethrow_exception(take_error());
        return false;
    }
    // As advance(), with `error` thrown at the yield.
    bool advance_with(std::exception_ptr error) {
        if (state_ == generator_state::created) state_ = generator_state::finished;
        if (state_ == generator_state::finished) std::rethrow_exception(error);
        error_ = std::move(error);
        return advance();
    }
    void close();

protected:
    void resume() {
        state_ = generator_state::running;
        leaf_->root_ = this;
        resume_frame(leaf_->frame().address());
    }
    transfer end() noexcept {
        state_ = generator_state::finished;
        if (outer_ == nullptr) return transfer_nowhere();
        outer_->root_ = root_;
        root_->leaf_ = outer_;
        return transfer_to(outer_->frame());
    }
    // Puts `inner` and what it delegates to at the end of the chain.
    transfer delegate_to(generator_base& inner) noexcept {
        inner.outer_ = this;
        root_->leaf_ = inner.leaf_;
        inner.leaf_->root_ = root_;
        return transfer_to(inner.leaf_->frame());
    }
    std::exception_ptr take_error() noexcept { return std::exchange(error_, nullptr); }

    generator_base* root_ = this;
    generator_base* leaf_ = this;      // of a root
    generator_base* outer_ = nullptr;  // that delegates to this one
    std::exception_ptr error_;         // to be thrown at the yield of the leaf, or what the body ended with
    generator_state state_ = generator_state::created;
};

template <class T, class Send>
class generator_core : public generator_base {
public:
    class yield_awaiter {
    public:
        explicit yield_awaiter(generator_core& leaf) noexcept : leaf_(&leaf) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        Send await_resume() const {
            generator_core& root = leaf_->root();
            if (root.error_) [[unlikely]]
                std::rethrow_exception(root.take_error());
            return root.sent_.take();
        }

    private:
        generator_core* leaf_;
    };

    template <class R>
    class delegate_awaiter {
    public:
        delegate_awaiter(generator_core& outer, generator<T, Send, R>&& inner) noexcept
            : outer_(&outer), inner_(std::move(inner)) {}
        [[nodiscard]] bool await_ready() const { return inner_.done(); }
        transfer await_suspend(std::coroutine_handle<>) {
            outer_->root().sent_.clear();
            return outer_->delegate_to(inner_.promise());
        }
        R await_resume() {
            auto& inner = inner_.promise();
            if (inner.error_) [[unlikely]]
                std::rethrow_exception(inner.take_error());
            if constexpr (!std::is_void_v<R>) return std::move(inner.result());
        }

    private:
        generator_core* outer_;
        generator<T, Send, R> inner_;
    };

    template <class U = T>
        requires yieldable<U, T>
    yield_awaiter yield_value(U&& value) {
        generator_core& top = root();
        top.value_.put(std::forward<U>(value));
        top.state_ = generator_state::suspended;
        return yield_awaiter(*this);
    }
    template <class R>
    delegate_awaiter<R> yield_value(elements_of<generator<T, Send, R>> inner) {
        auto& frame = inner.get().promise();
        frame.check_call("elements_of");
        if constexpr (!send_slot<Send>::next_sends) {
            if (frame.state() == generator_state::suspended) throw_nothing_to_send("generator");
        }
        return delegate_awaiter<R>(*this, std::move(inner.get()));
    }
    template <class Range>
    delegate_awaiter<void> yield_value(elements_of<Range> range) {
        return delegate_awaiter<void>(*this, each_of<Range>(range.get()));
    }

    void prepare_next() {
        check_call("next");
        if constexpr (!send_slot<Send>::next_sends) {
            if (state_ == generator_state::suspended) [[unlikely]]
                throw_nothing_to_send("generator");
        }
        value_.clear();
    }
    void prepare_throw(const std::exception_ptr& error) {
        check_call("throw_exception");
        check_error(error);
        value_.clear();
    }
    template <class S>
    void prepare_send(S&& value) {
        check_call("send");
        if (state_ == generator_state::created) [[unlikely]]
            throw_not_started("generator");
        value_.clear();
        if (state_ == generator_state::suspended) sent_.put(std::forward<S>(value));
    }
    yield_slot<T>& value() noexcept { return value_; }

private:
    generator_core& root() noexcept { return static_cast<generator_core&>(*this->root_); }

    template <class Range>
    static generator<T, Send, void> each_of(Range&& range) {
        for (auto&& each : range) co_yield std::forward<decltype(each)>(each);
    }

    yield_slot<T> value_;
    [[no_unique_address]] send_slot<Send> sent_;
};

template <class T, class Send, class Return>
class generator_promise final : public generator_core<T, Send> {
public:
    generator<T, Send, Return> get_return_object() noexcept;

    template <class U = Return>
        requires std::is_constructible_v<Return, U>
    void return_value(U&& value) {
        result_.emplace(std::forward<U>(value));
    }
    [[nodiscard]] bool has_result() const noexcept { return result_.has_value(); }
    Return& result() {
        if (!result_) throw_no_result();
        return *result_;
    }

private:
    std::optional<Return> result_;
};

template <class T, class Send>
class generator_promise<T, Send, void> final : public generator_core<T, Send> {
public:
    generator<T, Send, void> get_return_object() noexcept;
    void return_void() const noexcept {}
};

}  // namespace detail
}  // namespace bide
