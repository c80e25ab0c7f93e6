// bide/sync: event, a flag that tasks wait for.
#pragma once

#include <bide/detail/sync/wait_queue.hpp>

#include <coroutine>

namespace bide {

class event;

namespace detail {

class event_awaiter : public wait_for_owner<event> {
public:
    using wait_for_owner::wait_for_owner;

    [[nodiscard]] bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() const {
        if (kind != nullptr) end_wait(running_task());
    }

private:
    static const wait_kind waiting;
    static cancel_outcome cancel(wait& what, task_base& task) noexcept;
    static void detach(wait& what, task_base& task) noexcept;
};

}  // namespace detail

/// A flag that any number of tasks wait for. set() releases all that wait at that moment, even if clear() follows
/// before they run.
/// Life: usable without a loop; belongs to the loop in which a task first has to wait for it. May be destroyed right
/// after set(), but not while tasks wait (checked). Neither copied nor moved.
/// Threads: not thread-safe; set it from elsewhere with call_soon_threadsafe. Python: asyncio.Event.
class event {
public:
    event() noexcept = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    /// Raises the flag and makes all waiting tasks ready, in the order of their arrival. Python: Event.set.
    void set() {
        if (!waiters_.empty()) release_all();
        set_ = true;
    }
    /// Python: Event.clear.
    void clear() noexcept { set_ = false; }
    /// Python: Event.is_set.
    [[nodiscard]] bool is_set() const noexcept { return set_; }

    /// Waits for the flag. Suspends: only while it is not set.
    /// Throws: invalid_state_error when it belongs to another loop. Cancellation: leaves the row.
    /// Python: Event.wait, which returns True.
    [[nodiscard("co_await it")]] detail::event_awaiter wait() noexcept {
        return detail::event_awaiter(*this);
    }

private:
    friend detail::event_awaiter;
    void release_all();

    detail::wait_queue waiters_;
    detail::loop_binding home_;
    bool set_ = false;
};

inline bool detail::event_awaiter::await_ready() const noexcept { return owner_->set_; }

}  // namespace bide
