// bide/loop: the event loop: callbacks, timers, other threads, and one backend.
#pragma once

#include <bide/detail/base/config.hpp>
#include <bide/detail/base/move_only_function.hpp>
#include <bide/detail/loop/loop_state.hpp>
#include <bide/handle.hpp>
#include <bide/time.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bide {

class event_loop;
struct task_options;

namespace detail {
class backend;
class loop_core;
}  // namespace detail

/// How the loop talks to the kernel. `automatic` takes io_uring where it is allowed and epoll elsewhere; the
/// environment variable BIDE_BACKEND (epoll, io_uring, auto) decides where the program did not.
enum class backend_type { automatic, epoll, io_uring };

/// Settings of a new loop.
class loop_options {
public:
    /// Which backend. Default: automatic.
    loop_options& backend(backend_type type) noexcept {
        backend_ = type;
        return *this;
    }
    /// Debug mode from the start; as set_debug(). Default: the environment variable BIDE_DEBUG is not empty.
    loop_options& debug(bool on) noexcept {
        debug_ = on;
        return *this;
    }
    /// Runs the ready callbacks of each turn in an order drawn from this seed, to find code that depends on it.
    /// Default: the environment variable BIDE_SHUFFLE (a number), else FIFO. 0 means FIFO.
    loop_options& shuffle(std::uint64_t seed) noexcept {
        shuffle_ = seed;
        return *this;
    }
    /// While callbacks are ready, the loop looks at the operating system and its timers before a turn only when this many
    /// callbacks have run since the last look. 1 is asyncio's behaviour: a look before every turn. Default: 61.
    loop_options& poll_interval(std::uint32_t callbacks) noexcept {
        poll_interval_ = callbacks == 0 ? 1 : callbacks;
        return *this;
    }

    [[nodiscard]] backend_type backend() const noexcept { return backend_; }
    [[nodiscard]] std::optional<bool> debug() const noexcept { return debug_; }
    [[nodiscard]] std::optional<std::uint64_t> shuffle() const noexcept { return shuffle_; }
    [[nodiscard]] std::uint32_t poll_interval() const noexcept { return poll_interval_; }

private:
    backend_type backend_ = backend_type::automatic;
    std::optional<bool> debug_;
    std::optional<std::uint64_t> shuffle_;
    std::uint32_t poll_interval_ = 61;
};

/// What reaches the exception handler. Python: the context dict of call_exception_handler.
struct exception_context {
    std::string message;           ///< one sentence: what happened
    std::exception_ptr exception;  ///< may be null
    std::string task;              ///< name of the task concerned; may be empty
    std::string where;             ///< file:line concerned; may be empty
    std::string hint{};            ///< what to do about it; may be empty
};

using exception_handler = move_only_function<void(event_loop&, const exception_context&)>;

/// Sees, and may change, the options of every task before it is made. Python: set_task_factory, whose factory makes
/// the task itself; in C++ a task's type is fixed by its coroutine, so the factory decides name, context and start.
using task_factory = move_only_function<void(event_loop&, task_options&)>;

/// One loop, one thread: a loop belongs to the thread that runs it first, and only the calls that say so may come from
/// elsewhere. Each turn looks at the operating system, appends the callbacks of what is ready and then the timers that
/// are due to the ready queue, and runs what the queue held at that moment, in order. Destroying a loop closes it.
/// Python: asyncio.AbstractEventLoop, EventLoop.
class event_loop {
public:
    /// Throws: std::system_error when the backend that was asked for cannot be had; std::invalid_argument for a value of
    /// BIDE_BACKEND or BIDE_SHUFFLE that means nothing. Ignores SIGPIPE and SIGXFSZ where they have their default action.
    explicit event_loop(const loop_options& options = {});
    /// For tests: a loop on a backend of the caller's.
    event_loop(std::unique_ptr<detail::backend> backend, const loop_options& options);
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;
    ~event_loop();

    /// Runs until stop(). Throws: invalid_state_error when closed, running, when this thread runs another loop, when
    /// another thread has run this one, or in the child of a fork; deadlock_error; what a callback lets out as
    /// keyboard_interrupt or system_exit.
    /// Python: loop.run_forever. Difference: there a loop may change its thread between two runs.
    void run_forever();

    /// Runs until the awaitable is done; returns its result or throws its exception. A coroutine becomes a task.
    /// Throws: invalid_state_error also when stop() ended the loop first.
    /// Python: loop.run_until_complete.
    template <class Awaitable>
    decltype(auto) run_until_complete(Awaitable&& awaitable);  // in <bide/run.hpp>

    /// Ends run_forever() after the callbacks that are ready now; later ones stay queued. Before a run: one look at
    /// the operating system that does not wait, and one batch.
    /// Threads: the loop's only (checked builds and debug mode throw); from elsewhere, call_soon_threadsafe it.
    /// Python: loop.stop.
    void stop();
    [[nodiscard]] bool is_running() const noexcept;
    [[nodiscard]] bool is_closed() const noexcept;

    /// For a loop inside a loop of somebody else's, which waits on a descriptor and calls run_ready(): the descriptor is
    /// readable when there is something to do. The order is: run_ready(), next_deadline(), wait for the descriptor or that
    /// moment, and again. The loop is this thread's from the first call on.
    /// Throws: as run_forever(); invalid_state_error when the backend has no descriptor (virtual time).
    /// Python: none. See docs/howto/embedding.md.
    [[nodiscard]] int poll_descriptor();
    /// Runs one turn without waiting: looks at the operating system and the timers, runs what is ready. stop() in it does
    /// nothing. Throws: as run_forever(), but never deadlock_error: whoever calls this may wake a task.
    void run_ready();
    /// When to call run_ready() at the latest, on time(), which may be before anything is due; none: when the descriptor is
    /// readable. To be asked last before waiting: it hands operations begun since the last turn to the operating system.
    [[nodiscard]] std::optional<time_point> next_deadline();

    /// Drops what is queued without running it and ends operations in flight. Cancels no task: run() does. Suspended tasks
    /// are destroyed, each with a report. The descriptors of the loop itself are closed with the object. Idempotent.
    /// Throws: invalid_state_error while running, or when operations are in flight and another thread ran the loop and
    /// has not ended. Python: loop.close.
    void close();

    /// Calls fn(args...) in a later turn, after what is already queued; never inside this call. The arguments are
    /// copied or moved into the call; the context variables are those of now.
    /// Returns: a handle that can take it back. Throws: invalid_state_error when closed.
    /// Threads: the loop's only (checked builds and debug mode throw). Python: loop.call_soon.
    template <class F, class... Args>
    handle call_soon(F&& fn, Args&&... args) {
        check_call();
        detail::callback& what =
            detail::make_callback(bind_once(std::forward<F>(fn), std::forward<Args>(args)...));
        adopt(what);
        state_->ready.push(what);
        return handle(what);
    }

    /// As call_soon(), from any thread. Wakes the loop when it sleeps.
    /// Throws: invalid_state_error when closed. Python: loop.call_soon_threadsafe.
    template <class F, class... Args>
    handle call_soon_threadsafe(F&& fn, Args&&... args) {
        detail::callback& what =
            detail::make_callback(bind_once(std::forward<F>(fn), std::forward<Args>(args)...));
        post(what);
        return handle(what);
    }

    /// Calls fn(args...) when `delay` has passed; at once, but in a later turn, when it is zero or negative. Calls
    /// for the same moment run in the order in which they were made. Python: loop.call_later.
    template <class Rep, class Period, class F, class... Args>
    timer_handle call_later(std::chrono::duration<Rep, Period> delay, F&& fn, Args&&... args) {
        return start_timer(detail::deadline_after(now(), detail::to_ns(delay)), std::forward<F>(fn),
                           std::forward<Args>(args)...);
    }

    /// Calls fn(args...) at a moment of the loop's clock. Python: loop.call_at.
    template <class F, class... Args>
    timer_handle call_at(time_point when, F&& fn, Args&&... args) {
        return start_timer(when.time_since_epoch().count(), std::forward<F>(fn), std::forward<Args>(args)...);
    }

    /// The loop's clock. Python: loop.time.
    [[nodiscard]] time_point time() const noexcept { return detail::to_time_point(now()); }

    /// Calls fn(args...) in every turn in which the descriptor is readable (writable), until it is removed; a new
    /// callback replaces the old one. Level-triggered. Not for regular files. Remove it before closing the descriptor.
    /// Throws: std::invalid_argument for a negative descriptor, std::system_error for one that is not open.
    /// Python: loop.add_reader, loop.add_writer.
    template <class F, class... Args>
    void add_reader(int fd, F&& fn, Args&&... args) {
        watch(fd, false, bind(std::forward<F>(fn), std::forward<Args>(args)...));
    }
    template <class F, class... Args>
    void add_writer(int fd, F&& fn, Args&&... args) {
        watch(fd, true, bind(std::forward<F>(fn), std::forward<Args>(args)...));
    }
    /// True when there was a callback to remove. Python: loop.remove_reader, loop.remove_writer.
    bool remove_reader(int fd);
    bool remove_writer(int fd);

    /// Calls fn(args...) in a turn of the loop when the signal has come; several that came meanwhile are one call. A new
    /// handler replaces the old one. remove_signal_handler() and closing the loop restore the action before.
    /// Throws: std::invalid_argument for a signal that cannot be caught; invalid_state_error when another loop of the
    /// process handles it. Python: loop.add_signal_handler, in the main thread only.
    template <class F, class... Args>
    void add_signal_handler(int signal, F&& fn, Args&&... args) {
        handle_signal(signal, bind(std::forward<F>(fn), std::forward<Args>(args)...));
    }
    /// True when there was a handler to remove. Python: loop.remove_signal_handler.
    bool remove_signal_handler(int signal);

    /// Ends the operations in flight on a descriptor that is about to be closed. Whoever closes a descriptor that was
    /// given to bide calls this first. Python: none.
    void forget(int fd) noexcept;

    /// A function for the errors that nobody can see; an empty one restores the default, which writes one report to
    /// stderr. Python: loop.set_exception_handler, default_exception_handler, call_exception_handler.
    void set_exception_handler(exception_handler handler);
    [[nodiscard]] bool has_exception_handler() const noexcept;
    static void default_exception_handler(const exception_context& context) noexcept;
    void call_exception_handler(const exception_context& context);

    /// Python: loop.set_task_factory; an empty function restores the default. See eager_task_factory().
    void set_task_factory(task_factory factory);
    [[nodiscard]] bool has_task_factory() const noexcept;

    /// Debug mode reports callbacks and task steps that take at least slow_callback_duration(), and checks threads.
    /// Python: loop.get_debug, set_debug, slow_callback_duration (100 ms).
    [[nodiscard]] bool get_debug() const noexcept { return state_->debug; }
    void set_debug(bool on) noexcept { state_->debug = on; }
    [[nodiscard]] duration slow_callback_duration() const noexcept;
    void set_slow_callback_duration(duration limit) noexcept;

    /// "epoll" or "io_uring", and one sentence that says why. Python: none.
    [[nodiscard]] const char* backend_name() const noexcept;
    [[nodiscard]] const std::string& backend_reason() const noexcept;

    /// For bide's own layers.
    [[nodiscard]] detail::loop_core& core() noexcept { return *core_; }
    [[nodiscard]] detail::loop_state& state() noexcept { return *state_; }

private:
    template <class Result>
    static constexpr bool starts_nothing = requires { typename Result::promise_type; };

    // For one call: it may have the arguments.
    template <class F, class... Args>
    static auto bind_once(F&& fn, Args&&... args) {
        if constexpr (sizeof...(Args) != 0 && std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...>) {
            static_assert(!starts_nothing<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>>,
                          "bide: a coroutine that is called back would never run; use create_task");
            return [fn = std::decay_t<F>(std::forward<F>(fn)),
                    args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable {
                return std::apply(fn, std::move(args));
            };
        } else {
            return bind(std::forward<F>(fn), std::forward<Args>(args)...);
        }
    }

    template <class F, class... Args>
    static auto bind(F&& fn, Args&&... args) {
        static_assert(std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>&...>,
                      "bide: this callback cannot be called with these arguments");
        static_assert(!starts_nothing<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>&...>>,
                      "bide: a coroutine that is called back would never run; use create_task");
        if constexpr (sizeof...(Args) == 0) {
            return std::decay_t<F>(std::forward<F>(fn));
        } else {
            return [fn = std::decay_t<F>(std::forward<F>(fn)),
                    args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)]() mutable {
                return std::apply(fn, args);
            };
        }
    }

    template <class F, class... Args>
    timer_handle start_timer(std::int64_t when, F&& fn, Args&&... args) {
        check_call();
        detail::callback& what =
            detail::make_callback(bind_once(std::forward<F>(fn), std::forward<Args>(args)...));
        insert_timer(what, when);
        return timer_handle(what, detail::to_time_point(when));
    }

    void check_call() const {
        if (BIDE_CHECKED != 0 || state_->debug || closed_) check_call_slow();
    }
    void check_call_slow() const;
    void check_thread(const char* call) const;
    void check_may_run(const char* call) const;
    void adopt(detail::callback& what) noexcept;
    void post(detail::callback& what);
    void insert_timer(detail::callback& what, std::int64_t when) noexcept;
    void watch(int fd, bool writing, move_only_function<void()> fn);
    void handle_signal(int signal, move_only_function<void()> fn);
    [[nodiscard]] std::int64_t now() const noexcept;

    std::unique_ptr<detail::loop_core> core_;
    detail::loop_state* state_;  // part of *core_
    bool closed_ = false;
};

/// The loop that runs on this thread. Throws: invalid_state_error when none does. Python: asyncio.get_running_loop.
[[nodiscard]] event_loop& get_running_loop();

/// The loop that runs on this thread, or null. Python: asyncio._get_running_loop.
[[nodiscard]] event_loop* running_loop() noexcept;

}  // namespace bide
