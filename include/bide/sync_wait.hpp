// bide/exec: the synchronous twin of every awaitable.
#pragma once

#include <bide/run.hpp>

#include <type_traits>
#include <utility>

namespace bide {

namespace detail {

// The calling thread's own runner, made at its first use and closed when the thread ends.
runner& thread_runner();

}  // namespace detail

/// Runs an awaitable to its end on the calling thread's private loop and returns its result or throws its exception. The
/// loop persists: connections, files and tasks that one call made are there in the next; tasks in the background run only
/// while some call waits. It is closed, with the clean-up of run(), when the thread ends.
/// Throws: what the awaitable throws; invalid_state_error inside a running loop (await there); deadlock_error.
/// Threads: any, each has its own loop. Ctrl-C: as runner::run. Python: none (loop.run_until_complete on a loop that is kept).
template <awaitable A>
decltype(auto) sync_wait(A&& what) {
    detail::check_no_running_loop("sync_wait");
    return detail::thread_runner().run(std::forward<A>(what));
}

/// As above for fn(args...), which gives a coroutine; the callable and its arguments live as long as that.
template <class F, class... Args>
    requires detail::coro_function<F, Args...>
decltype(auto) sync_wait(F&& fn, Args&&... args) {
    detail::check_no_running_loop("sync_wait");
    return detail::thread_runner().run(detail::call_in_frame<std::decay_t<F>, std::decay_t<Args>...>(
        std::forward<F>(fn), std::forward<Args>(args)...));
}

/// The loop that sync_wait() uses on this thread. Python: none.
[[nodiscard]] event_loop& sync_loop();

}  // namespace bide
