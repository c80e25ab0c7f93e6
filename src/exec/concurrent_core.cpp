// bide/exec: how a concurrent_future ends, and what those who look at it get.
#include <bide/concurrent_future.hpp>

#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <chrono>
#include <condition_variable>
#include <utility>

namespace bide::detail {

struct concurrent_core::waiters {
    std::condition_variable done;
};

concurrent_core::concurrent_core() = default;

concurrent_core::~concurrent_core() {
    if (error_ == nullptr || seen_) return;
    event_loop::default_exception_handler(
        {"concurrent_future exception was never retrieved", error_, {}, {}});
}

concurrent_core::phase concurrent_core::now() const noexcept {
    const std::lock_guard lock(mutex_);
    return phase_;
}

bool concurrent_core::cancel() noexcept {
    {
        std::unique_lock lock(mutex_);
        if (phase_ == phase::cancelled) return true;
        if (phase_ != phase::pending) return false;
        phase_ = phase::cancelled;
        retain();  // a callback may drop the handle that was called
        publish(lock, false);
    }
    withdraw();
    release();
    return true;
}

bool concurrent_core::start() {
    const std::lock_guard lock(mutex_);
    if (phase_ == phase::cancelled) return false;
    if (phase_ != phase::pending) {
        throw invalid_state_error("set_running_or_notify_cancel: this concurrent_future was started before");
    }
    phase_ = phase::running;
    return true;
}

void concurrent_core::wait(std::int64_t deadline) const {
    std::unique_lock lock(mutex_);
    const auto finished = [this] { return phase_ >= phase::cancelled; };
    if (finished()) return;
    check_thread();
    if (waiters_ == nullptr) waiters_ = std::make_unique<waiters>();
    if (deadline == no_deadline) {
        waiters_->done.wait(lock, finished);
        return;
    }
    const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(deadline)};
    if (!waiters_->done.wait_until(lock, until, finished))
        throw timeout_error("concurrent_future: it was not done in time");
}

void concurrent_core::check_may_wait() const {
    const std::lock_guard lock(mutex_);
    if (phase_ < phase::cancelled) check_thread();
}

void concurrent_core::check_thread() const {
    if (loop_ == nullptr || loop_ != this_loop) return;
    throw invalid_state_error("concurrent_future: this thread runs the loop that has to finish it, and "
                              "waiting would stop that loop; "
                              "use co_await wrap_future(...)");
}

void concurrent_core::check() {
    std::exception_ptr error;
    {
        const std::lock_guard lock(mutex_);
        seen_ = true;
        if (phase_ == phase::finished && error_ == nullptr) return;
        error = error_;
    }
    if (error == nullptr) throw cancelled_error();
    std::rethrow_exception(error);
}

std::exception_ptr concurrent_core::failure() {
    const std::lock_guard lock(mutex_);
    seen_ = true;
    return error_;
}

bool concurrent_core::failed() const noexcept {
    const std::lock_guard lock(mutex_);
    return error_ != nullptr;
}

void concurrent_core::take_once() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(taken_, true)) {
        throw invalid_state_error("concurrent_future: the result cannot be copied and was moved out before");
    }
}

void concurrent_core::add_callback(callback fn, const void* owner) {
    entry what{owner, std::move(fn)};
    {
        const std::lock_guard lock(mutex_);
        if (phase_ < phase::cancelled) {
            callbacks_.push_back(std::move(what));
            return;
        }
    }
    call(what);
}

bool concurrent_core::remove_callback(const void* owner) noexcept {
    callback dropped;  // destroyed without the mutex
    const std::lock_guard lock(mutex_);
    for (auto at = callbacks_.begin(); at != callbacks_.end(); ++at) {
        if (at->owner != owner) continue;
        dropped = std::move(at->fn);
        callbacks_.erase(at);
        return true;
    }
    return false;
}

void concurrent_core::fail(std::exception_ptr error, bool later) {
    finish(later, [&] { error_ = std::move(error); });
}

void concurrent_core::fail_seen(const std::exception_ptr& error) noexcept {
    std::unique_lock lock(mutex_);
    if (phase_ >= phase::cancelled) return;
    error_ = error;
    seen_ = true;
    phase_ = phase::finished;
    publish(lock, false);
}

void concurrent_core::announce() noexcept {
    std::unique_lock lock(mutex_);
    call_all(lock);
}

void concurrent_core::check_unfinished() const {
    if (phase_ < phase::cancelled) return;
    throw invalid_state_error(phase_ == phase::cancelled
                                  ? "concurrent_future: it was cancelled, so it takes no result"
                                  : "concurrent_future: it has a result already");
}

void concurrent_core::publish(std::unique_lock<std::mutex>& lock, bool later) noexcept {
    if (later) {
        bool all_ours = true;
        for (const entry& each : callbacks_) all_ours = all_ours && each.owner != nullptr;
        if (all_ours) return;
    }
    call_all(lock);
}

// The caller holds a reference of its own: a callback may drop the last handle.
void concurrent_core::call_all(std::unique_lock<std::mutex>& lock) noexcept {
    std::vector<entry> callbacks = std::exchange(callbacks_, {});
    waiters* const waiting = waiters_.get();
    lock.unlock();
    if (waiting != nullptr) waiting->done.notify_all();
    for (entry& each : callbacks) call(each);
}

std::int64_t thread_deadline(std::int64_t delay) noexcept {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return deadline_after(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count(), delay);
}

void throw_empty_concurrent_future() {
    throw invalid_state_error("this concurrent_future handle is empty: default-constructed or moved from");
}

void concurrent_core::call(entry& what) noexcept {
    try {
        what.fn(*this);
    } catch (...) {
        if (what.owner != nullptr) return;
        event_loop::default_exception_handler(
            {"Exception in a done callback of a concurrent_future", std::current_exception(), {}, {}});
    }
}

}  // namespace bide::detail
