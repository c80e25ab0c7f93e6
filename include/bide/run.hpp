// bide/core: run a coroutine from ordinary code.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/as_coro.hpp>
#include <bide/loop.hpp>
#include <bide/task.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace bide {

/// Settings of run() and runner.
class run_options {
public:
    /// The loop's own settings.
    run_options& loop(loop_options options) {
        loop_ = options;
        return *this;
    }
    /// Debug mode; as loop_options::debug.
    run_options& debug(bool on) {
        loop_.debug(on);
        return *this;
    }
    /// Which backend; as loop_options::backend.
    run_options& backend(backend_type type) {
        loop_.backend(type);
        return *this;
    }
    /// Makes the loop in place of `new event_loop(options)`. Python: loop_factory.
    run_options& loop_factory(move_only_function<std::unique_ptr<event_loop>()> factory) {
        factory_ = std::make_shared<move_only_function<std::unique_ptr<event_loop>()>>(std::move(factory));
        return *this;
    }

    [[nodiscard]] const loop_options& loop() const noexcept { return loop_; }
    [[nodiscard]] std::unique_ptr<event_loop> make_loop() {
        return factory_ ? (*factory_)() : std::make_unique<event_loop>(loop_);
    }

private:
    loop_options loop_;
    std::shared_ptr<move_only_function<std::unique_ptr<event_loop>()>> factory_;
};

namespace detail {

void check_no_running_loop(const char* call);
// Runs the loop until the task or future is done. `interruptible`: Ctrl-C cancels it.
void run_until_done(event_loop& loop, future_core& what, bool interruptible);

// While it lives, an exception of this task that nobody catches is reported with the task and the place it came from,
// before std::terminate ends the process.
class uncaught_report {
public:
    explicit uncaught_report(const future_core& task) noexcept;
    ~uncaught_report();
    uncaught_report(const uncaught_report&) = delete;
    uncaught_report& operator=(const uncaught_report&) = delete;
};

}  // namespace detail

/// Runs several coroutines one after another on one loop, and cleans up at the end: cancels what is left and waits for
/// it, closes async generators, joins the default executor (up to 300 s), closes the loop.
/// Threads: one. Python: asyncio.Runner.
class runner {
public:
    runner();
    explicit runner(run_options options);
    ~runner();
    runner(const runner&) = delete;
    runner& operator=(const runner&) = delete;

    /// Runs an awaitable to its end and returns its result or throws its exception. All calls share one context, so a
    /// context variable that is set in one is seen by the next.
    /// Ctrl-C cancels the coroutine; when it ends cancelled by that alone, keyboard_interrupt is thrown. A second Ctrl-C
    /// ends the loop at once. Only in the main thread, and only where SIGINT has its default action.
    /// Throws: invalid_state_error when closed or inside a running loop; deadlock_error. Python: Runner.run.
    template <class Awaitable>
    decltype(auto) run(Awaitable&& what) {
        detail::check_no_running_loop("runner::run");
        event_loop& loop = get_loop();
        auto main = create_task(loop, detail::as_coro(std::forward<Awaitable>(what)), main_options());
        {
            const detail::scope_guard keep([&]() noexcept { context_ = main.get_context(); });
            detail::run_until_done(loop, main.core(), true);
        }
        const detail::uncaught_report report(main.core());
        return detail::move_result(std::move(main));
    }

    /// The loop, made at the first use. Python: Runner.get_loop.
    event_loop& get_loop();

    /// The clean-up described above. Idempotent. Python: Runner.close.
    void close();

private:
    task_options main_options() const;

    run_options options_;
    std::unique_ptr<event_loop> loop_;
    context context_;
    bool closed_ = false;
};

namespace detail {

template <class Awaitable>
decltype(auto) run_once(run_options options, Awaitable&& what) {
    runner once(std::move(options));
    using T = decltype(once.run(std::forward<Awaitable>(what)));
    if constexpr (std::is_void_v<T>) {
        once.run(std::forward<Awaitable>(what));
        once.close();
    } else {
        T value = once.run(std::forward<Awaitable>(what));
        once.close();
        return value;
    }
}

}  // namespace detail

/// Runs a coroutine on a new loop, cleans up and closes the loop. The front door: `int main() { bide::run(async_main()); }`
/// Returns: its result. Throws: its exception; what runner::run throws. Python: asyncio.run.
template <class Awaitable>
decltype(auto) run(Awaitable&& what) {
    detail::check_no_running_loop("run");
    return detail::run_once(run_options(), std::forward<Awaitable>(what));
}

/// As run(), with settings.
template <class Awaitable>
decltype(auto) run(Awaitable&& what, run_options options) {
    detail::check_no_running_loop("run");
    return detail::run_once(std::move(options), std::forward<Awaitable>(what));
}

template <class Awaitable>
decltype(auto) event_loop::run_until_complete(Awaitable&& what) {
    if constexpr (detail::is_future<std::remove_cvref_t<Awaitable>>) {
        auto handle = std::forward<Awaitable>(what);
        detail::run_until_done(*this, handle.core(), false);
        return detail::move_result(std::move(handle));
    } else {
        auto main = create_task(*this, detail::as_coro(std::forward<Awaitable>(what)));
        detail::run_until_done(*this, main.core(), false);
        return detail::move_result(std::move(main));
    }
}

}  // namespace bide
