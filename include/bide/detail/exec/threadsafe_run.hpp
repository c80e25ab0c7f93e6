// bide/exec: a coroutine that another thread hands to a loop, and the way its result takes back.
#pragma once

#include <bide/concurrent_future.hpp>
#include <bide/coro.hpp>
#include <bide/detail/base/invoke.hpp>
#include <bide/detail/exec/loop_visitor.hpp>
#include <bide/loop.hpp>
#include <bide/task.hpp>

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bide::detail {

template <class T>
class threadsafe_task final : public concurrent_state<T> {
public:
    explicit threadsafe_task(event_loop& loop) noexcept { this->finished_by(&loop.state()); }
    task_link link;

private:
    void withdraw() noexcept override { link.cancel(); }
};

// The loop's end of it. Whatever becomes of the coroutine, the future ends: when this goes without having delivered
// anything, the task was cancelled, or the loop closed before it could start.
template <class T>
class delivery {
public:
    explicit delivery(threadsafe_task<T>& to) noexcept : to_(&to) { to.retain(); }
    delivery(delivery&& other) noexcept : to_(std::exchange(other.to_, nullptr)) {}
    delivery& operator=(delivery&&) = delete;
    ~delivery() {
        if (to_ == nullptr) return;
        to_->link.detach();
        to_->cancel();
        to_->release();
    }

    [[nodiscard]] threadsafe_task<T>& state() const noexcept { return *to_; }

    // What comes too late, because the future was cancelled meanwhile, is dropped; an exception then is not.
    template <class... U>
    void deliver(U&&... value) {
        if (!to_->done()) try_to([&] { to_->set_value(false, std::forward<U>(value)...); });
    }
    void fail(const std::exception_ptr& error) {
        if (!try_to([&] { to_->fail(error, false); })) std::rethrow_exception(error);
    }

private:
    template <class F>
    static bool try_to(F&& set) {
        try {
            set();
            return true;
        } catch (const invalid_state_error&) { return false; }
    }

    threadsafe_task<T>* to_;
};

// A coroutine that was made on the other thread. Checked builds count frames by thread: this one changes sides.
template <class T>
class ready_body {
public:
    explicit ready_body(coro<T>&& body) noexcept : body_(std::move(body)) { count(-1); }
    ready_body(ready_body&& other) noexcept = default;
    ready_body& operator=(ready_body&&) = delete;
    ~ready_body() {
        if (!body_) return;
        count(+1);
        body_.close();
    }
    coro<T> make() {
        count(+1);
        return std::move(body_);
    }

private:
    static void count(int frames) noexcept {
        if constexpr (BIDE_CHECKED != 0) live_frames += frames;
    }
    coro<T> body_;
};

// A callable that makes the coroutine on the loop's thread.
template <class T, class F, class... Args>
class called_body {
public:
    template <class G, class... Given>
    explicit called_body(G&& fn, Given&&... args)
        : fn_(std::forward<G>(fn)), args_(std::forward<Given>(args)...) {}
    coro<T> make() {
        return std::apply([this](Args&... args) { return detail::invoke(fn_, std::move(args)...); }, args_);
    }

private:
    F fn_;
    std::tuple<Args...> args_;
};

template <class T, class Body>
coro<void> run_and_deliver(delivery<T> to, Body body) {
    std::exception_ptr error;
    try {
        coro<T> inner = body.make();
        if constexpr (std::is_void_v<T>) {
            co_await std::move(inner);
            to.deliver();
        } else {
            T value = co_await std::move(inner);
            to.deliver(static_cast<T&&>(value));
        }
    } catch (const cancelled_error&) { throw; } catch (...) {
        error = std::current_exception();
    }
    if (error != nullptr) {
        to.fail(error);
        pass_on_base_exception(error);
    }
}

template <class T, class Body>
void post_start(event_loop& loop, threadsafe_task<T>& state, Body body) {
    loop.call_soon_threadsafe([to = delivery<T>(state), body = std::move(body)]() mutable {
        threadsafe_task<T>& target = to.state();
        if (target.done()) return;  // cancelled before it began
        const task<void> made = create_task(run_and_deliver<T, Body>(std::move(to), std::move(body)));
        target.link.attach(visit(*this_loop, &made.core()));
        if (target.done()) target.link.cancel();  // cancelled before the link was there
    });
}

}  // namespace bide::detail
