// bide/exec: a future of a loop that ends as a concurrent_future does.
#pragma once

#include <bide/concurrent_future.hpp>
#include <bide/detail/core/future_state.hpp>
#include <bide/detail/exec/parcel.hpp>
#include <bide/error.hpp>
#include <bide/future.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace bide::detail {

template <class T>
class wrapped_future;

// Comes when the source is done. It keeps the source, and the source's callback names it: whoever ends first cuts that.
template <class T>
class wrap_parcel final : public parcel {
public:
    wrap_parcel(concurrent_future<T> source, wrapped_future<T>& target) noexcept
        : source_(std::move(source)), target_(&target) {
        bide::detail::retain(static_cast<future_core&>(target));
    }

    void start(loop_state& loop) {
        announce(loop);
        target_->source = this;
        const concurrent_future<T> kept = source_;  // the callback may come, and send this away, now
        kept.core().add_callback([this](concurrent_core&) { send(); }, this);
    }

    void cancel_source() const { source_.cancel(); }

private:
    void arrive() override {
        wrapped_future<T>& target = *target_;
        target.source = nullptr;
        if (!target.has(flag::done)) deliver(target);
        bide::detail::release(static_cast<future_core&>(target));
    }

    void deliver(wrapped_future<T>& target) {
        try {
            if constexpr (std::is_void_v<T>) {
                std::move(source_).result();
            } else if constexpr (std::is_reference_v<T>) {
                target.value = std::addressof(std::move(source_).result());
            } else {
                ::new (static_cast<void*>(std::addressof(target.value))) T(std::move(source_).result());
            }
            finish_future(target);
        } catch (const cancelled_error& e) { cancel_plain(target, e.message()); } catch (...) {
            set_failure(target, std::current_exception());
        }
    }

    void abandon() noexcept override {
        target_->source = nullptr;
        bide::detail::release(static_cast<future_core&>(*target_));
        if (source_.core().remove_callback(this)) sender_is_gone();
        source_ = {};
    }

    concurrent_future<T> source_;
    wrapped_future<T>* target_;
};

template <class T>
class wrapped_future final : public future_state<T> {
public:
    explicit wrapped_future(loop_state* in) noexcept : future_state<T>(in, table) {}
    wrap_parcel<T>* source = nullptr;  // until it has come

private:
    static void destroy(future_core& self) noexcept { delete &static_cast<wrapped_future&>(self); }
    static bool cancel(future_core& what, const std::string& message) {
        if (!cancel_plain(what, message)) return false;
        auto& self = static_cast<wrapped_future&>(what);
        if (self.source != nullptr) self.source->cancel_source();
        return true;
    }
    static constexpr future_ops table{destroy, cancel, "concurrent_future"};
};

template <class T>
future<T> wrap(loop_state& loop, concurrent_future<T> source) {
    static_cast<void>(source.core());  // throws for an empty handle
    auto* const state = new wrapped_future<T>(&loop);
    future<T> result(*state);
    auto* const link = new wrap_parcel<T>(std::move(source), *state);
    link->start(loop);
    return result;
}

}  // namespace bide::detail
