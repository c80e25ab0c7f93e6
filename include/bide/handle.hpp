// bide/loop: what call_soon, call_later and call_soon_threadsafe return: a way to take the call back.
#pragma once

#include <bide/detail/base/node.hpp>
#include <bide/detail/loop/loop_state.hpp>
#include <bide/time.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

struct callback;

struct callback_ops : ready_ops {
    void (*call)(callback&);           // the user's function
    void (*drop)(callback&) noexcept;  // destroys the function and its arguments; null: nothing to destroy
    std::size_t size;                  // of the whole
};

enum class callback_state : std::uint8_t { pending, running, done, cancelled };

// A scheduled call. References: one of the loop while it is pending, one per handle. Those made by
// call_soon_threadsafe have handles on other threads, hence the atomics; for the others they are plain integers.
struct callback : timer_node {
    explicit callback(const callback_ops& table) noexcept : timer_node{} { ops = &table; }
    const callback_ops& table() const noexcept { return *static_cast<const callback_ops*>(ops); }

    std::atomic<std::uint32_t> refs{2};
    std::atomic<callback_state> state{callback_state::pending};
    bool threadsafe = false;
    bool in_timers = false;  // made by call_later or call_at
    context_data* context = nullptr;
    loop_state* owner = nullptr;
    void* anchor = nullptr;  // kept alive until after the call; released by loop_hooks::release_anchor
};

void run_callback(ready_node& node);
void discard_callback(ready_node& node) noexcept;
void retain_callback(callback& what) noexcept;
void release_callback(callback& what) noexcept;
void cancel_callback(callback& what) noexcept;

void* allocate_callback(std::size_t size);
void free_callback(void* at, std::size_t size) noexcept;

template <class F>
struct callback_of final : callback {
    explicit callback_of(F&& f) : callback(table_), function(std::move(f)) {}

    union {
        F function;
    };
    ~callback_of() {}

private:
    static void call_function(callback& self) {
        static_cast<void>(static_cast<callback_of&>(self).function());
    }
    static void drop_function(callback& self) noexcept { static_cast<callback_of&>(self).function.~F(); }
    static constexpr callback_ops table_{{run_callback, discard_callback},
                                         call_function,
                                         std::is_trivially_destructible_v<F> ? nullptr : drop_function,
                                         sizeof(callback_of)};
};

template <class F>
callback& make_callback(F&& f) {
    using stored = callback_of<std::decay_t<F>>;
    static_assert(alignof(stored) <= 16, "bide: a callback's captures may not be over-aligned");
    void* const at = allocate_callback(sizeof(stored));
    if constexpr (std::is_nothrow_constructible_v<std::decay_t<F>, F>) {
        return *::new (at) stored(std::decay_t<F>(std::forward<F>(f)));
    } else {
        try {
            return *::new (at) stored(std::decay_t<F>(std::forward<F>(f)));
        } catch (...) {
            free_callback(at, sizeof(stored));
            throw;
        }
    }
}

}  // namespace detail

/// A scheduled call of call_soon(). Dropping it changes nothing; copies refer to the same call.
/// Threads: the loop's thread only; handles of call_soon_threadsafe() may be used and dropped on any thread.
/// Python: asyncio.Handle.
class handle {
public:
    handle() noexcept = default;
    explicit handle(detail::callback& what) noexcept : what_(&what) {}
    handle(const handle& other) noexcept : what_(other.what_) {
        if (what_ != nullptr) detail::retain_callback(*what_);
    }
    handle(handle&& other) noexcept : what_(std::exchange(other.what_, nullptr)) {}
    handle& operator=(handle other) noexcept {
        std::swap(what_, other.what_);
        return *this;
    }
    ~handle() {
        if (what_ != nullptr) detail::release_callback(*what_);
    }

    /// Takes the call back; the function and its arguments are destroyed at once (for call_soon_threadsafe: on the
    /// loop's thread). No effect when it has run or was cancelled.
    /// Python: Handle.cancel. For call_soon_threadsafe, a cancel either prevents the call or happens after it began.
    void cancel() noexcept {
        if (what_ != nullptr) detail::cancel_callback(*what_);
    }

    /// For bide's own layers.
    [[nodiscard]] bool refers_to(const detail::wait_node& node) const noexcept { return what_ == &node; }

    /// True when cancel() came before the call. Python: Handle.cancelled.
    [[nodiscard]] bool cancelled() const noexcept {
        return what_ != nullptr &&
               what_->state.load(std::memory_order_acquire) == detail::callback_state::cancelled;
    }

    explicit operator bool() const noexcept { return what_ != nullptr; }

protected:
    detail::callback* what_ = nullptr;
};

/// A scheduled call of call_later() or call_at(). Python: asyncio.TimerHandle.
class timer_handle : public handle {
public:
    timer_handle() noexcept = default;
    timer_handle(detail::callback& what, time_point when) noexcept : handle(what), when_(when) {}

    /// The moment it was set for. Python: TimerHandle.when.
    [[nodiscard]] time_point when() const noexcept { return when_; }

private:
    time_point when_;
};

}  // namespace bide
