// bide/core: generator<T>, a coroutine that produces values one by one for ordinary code.
#pragma once

#include <bide/detail/core/generator_promise.hpp>
#include <bide/error.hpp>

#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

namespace bide {

/// A coroutine that hands out a value at each `co_yield` and is paused in between. Nothing runs until the first value
/// is asked for; no loop is needed. Movable; owns its frame, which is its only memory.
///
/// T is what it yields, a plain type or an lvalue reference. Send is the type of `co_yield` as an expression: what
/// send() was given, or Send() after next(). Return is what it ends with: co_return value, read by result().
///
/// Destroying one that is suspended at a yield runs the destructors of its body's variables, at once and in order, and
/// nothing else; close() also lets the body see generator_exit. It must not be destroyed by its own body.
/// Threads: one at a time. Python: generator, collections.abc.Generator[T, Send, Return]; there, collecting closes.
template <class T, class Send = void, class Return = void>
class [[nodiscard("a generator does nothing until a value is asked for")]] generator {
public:
    using promise_type = detail::generator_promise<T, Send, Return>;
    using value_type = std::remove_cvref_t<T>;
    /// std::optional<T>; a pointer where T is a reference.
    using yielded = detail::yielded_t<T>;

    class iterator {
    public:
        using value_type = std::remove_cvref_t<T>;
        using difference_type = std::ptrdiff_t;
        using reference = std::remove_reference_t<T>&;
        using iterator_concept = std::input_iterator_tag;

        iterator() noexcept = default;
        explicit iterator(promise_type& frame) noexcept : frame_(&frame) {}
        reference operator*() const noexcept { return frame_->value().get(); }
        iterator& operator++() {
            frame_->prepare_next();
            frame_->advance();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
            return at.frame_->state() == detail::generator_state::finished;
        }

    private:
        promise_type* frame_ = nullptr;
    };

    generator(generator&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    generator& operator=(generator&& other) noexcept {
        if (this != &other) {
            drop();
            frame_ = std::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~generator() { drop(); }

    /// False when moved from.
    explicit operator bool() const noexcept { return frame_ != nullptr; }
    /// True when there is nothing more to come: it ran to its end, threw, or was closed.
    [[nodiscard]] bool done() const { return promise().state() == detail::generator_state::finished; }

    /// Runs the body to its next yield. Returns: the value; empty when the body has ended, now or before.
    /// Throws: what the body throws, once, and it is over then; invalid_state_error when called by its own body
    /// ("already executing"), or when a stop_iteration leaves the body.
    /// Python: generator.__next__, without StopIteration: see next(gen).
    yielded next() {
        promise().prepare_next();
        return step(promise().advance());
    }

    /// As next(); the yield at which the body is paused evaluates to `value`.
    /// Throws: invalid_state_error before the first value, when no yield could take it. Python: generator.send.
    template <class S = Send>
        requires(!std::is_void_v<S> && std::is_convertible_v<S, Send>)
    yielded send(S value) {
        promise().prepare_send(Send(std::move(value)));
        return step(promise().advance());
    }

    /// Throws `error` at the yield at which the body is paused. Returns: the next value, when the body catches it.
    /// Throws: the error where it is not caught; before the first value the body does not run.
    /// Python: generator.throw.
    yielded throw_exception(std::exception_ptr error) {
        promise().prepare_throw(error);
        return step(promise().advance_with(std::move(error)));
    }
    template <class E>
        requires(!std::is_convertible_v<E, std::exception_ptr>)
    yielded throw_exception(E error) {
        return throw_exception(std::make_exception_ptr(std::move(error)));
    }

    /// Throws generator_exit at the yield at which the body is paused, so that it ends. Before the first value the
    /// body does not run; after its end nothing happens.
    /// Throws: what the body throws in its place; invalid_state_error when the body yields again.
    /// Python: generator.close.
    void close() { promise().close(); }

    /// What the body ended with. Throws: invalid_state_error when it has not ended with co_return.
    /// Python: StopIteration.value.
    template <class R = Return>
        requires(!std::is_void_v<R>)
    [[nodiscard]] R& result() {
        return promise().result();
    }

    /// For `for (auto& x : gen)`, std::ranges and views. begin() runs to the next value, so that a second loop goes on
    /// where a first one was left. A value lives until the next one is asked for. Python: iter(generator).
    iterator begin() {
        promise().prepare_next();
        promise().advance();
        return iterator(promise());
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

    /// For bide's own layers.
    [[nodiscard]] promise_type& promise() const {
        if (frame_ == nullptr) [[unlikely]]
            detail::throw_moved_generator();
        return *frame_;
    }

private:
    friend promise_type;
    explicit generator(promise_type& frame) noexcept : frame_(&frame) {}

    yielded step(bool has_value) {
        if (!has_value) return {};
        return frame_->value().take();
    }
    void drop() noexcept {
        if (frame_ == nullptr) return;
        BIDE_ASSERT(frame_->state() != detail::generator_state::running);
        frame_->frame().destroy();
    }

    promise_type* frame_;
};

/// `co_yield elements_of(inner)` hands out all that another generator, or any range, has. Sent values, thrown errors
/// and close() reach the inner generator; the expression evaluates to its result. A generator is given away:
/// elements_of(numbers()), elements_of(std::move(gen)). Python: yield from.
template <class Range>
class elements_of {
public:
    explicit elements_of(Range&& range) noexcept : range_(range) {}
    [[nodiscard]] Range&& get() const noexcept { return static_cast<Range&&>(range_); }

private:
    std::remove_reference_t<Range>& range_;
};
template <class Range>
elements_of(Range&&) -> elements_of<Range>;

/// The next value. Throws: stop_iteration when there is none; what gen.next() throws. Python: next(iterator).
template <class T, class Send, class Return>
T next(generator<T, Send, Return>& gen) {
    auto value = gen.next();
    if (!value) detail::throw_stop_iteration();
    return *std::move(value);
}

/// The next value, or `other` when there is none. Python: next(iterator, default).
template <class T, class Send, class Return>
T next(generator<T, Send, Return>& gen, std::type_identity_t<T> other) {
    auto value = gen.next();
    if (!value) return static_cast<T>(other);
    return *std::move(value);
}

namespace detail {

template <class T, class Send, class Return>
generator<T, Send, Return> generator_promise<T, Send, Return>::get_return_object() noexcept {
    return generator<T, Send, Return>(*this);
}
template <class T, class Send>
generator<T, Send, void> generator_promise<T, Send, void>::get_return_object() noexcept {
    return generator<T, Send, void>(*this);
}

}  // namespace detail
}  // namespace bide
