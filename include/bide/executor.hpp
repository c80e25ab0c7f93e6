// bide/exec: blocking calls in a pool of threads, with a future of the loop for the result.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/exec/executor_job.hpp>
#include <bide/future.hpp>
#include <bide/thread_pool.hpp>
#include <bide/time.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace bide {

namespace detail {

coro<void> shut_down_default_executor(std::optional<duration> limit);

}  // namespace detail

/// Calls fn(args...) on a thread of `pool`, or of the loop's default executor when it is null. Submits at once: nothing
/// needs to be awaited for the call to happen. The callable and its arguments are copied or moved; context variables
/// are not taken along (to_thread() does that).
/// Returns: a future. Cancelling it takes effect at once: a call that has not started is taken back, one that runs
/// goes on and its result is dropped; an exception of it then reaches the loop's exception handler.
/// Throws: invalid_state_error when no loop runs or the pool is shut down, broken_thread_pool.
/// Threads: the loop's. Limits: the pool's queue is not bounded. Python: loop.run_in_executor.
template <class F, class... Args>
    requires detail::thread_callable<F, Args...>
auto run_in_executor(thread_pool* pool, F&& fn, Args&&... args) {
    return detail::start_in_executor(pool == nullptr ? nullptr : pool->core(), nullptr,
                                     detail::bind_call(std::forward<F>(fn), std::forward<Args>(args)...));
}

/// As above, on a thread of this pool.
template <class F, class... Args>
    requires detail::thread_callable<F, Args...>
auto run_in_executor(thread_pool& pool, F&& fn, Args&&... args) {
    return bide::run_in_executor(&pool, std::forward<F>(fn), std::forward<Args>(args)...);
}

/// Makes `pool` the default executor of the running loop, which shuts it down when run() ends. The loop shares the
/// threads: the thread_pool object may go first, but its destructor waits for them.
/// Throws: invalid_state_error after shutdown_default_executor(). Python: loop.set_default_executor.
void set_default_executor(thread_pool& pool);

/// Waits until the calls in the default executor have returned and its threads have ended; afterwards the loop has no
/// default executor. When `limit` passes first, this is reported and the threads are left to themselves. run() does it
/// at its end, with a limit of 300 s.
/// Python: loop.shutdown_default_executor.
inline coro<void> shutdown_default_executor() { return detail::shut_down_default_executor(std::nullopt); }
template <class Rep, class Period>
coro<void> shutdown_default_executor(std::chrono::duration<Rep, Period> limit) {
    return detail::shut_down_default_executor(duration(detail::to_ns(limit)));
}

}  // namespace bide
