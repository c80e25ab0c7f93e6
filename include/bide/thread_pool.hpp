// bide/exec: a pool of threads for blocking and computing calls, usable without any event loop.
#pragma once

#include <bide/concurrent_future.hpp>
#include <bide/detail/base/move_only_function.hpp>
#include <bide/detail/exec/bound_call.hpp>
#include <bide/detail/exec/pool_map.hpp>
#include <bide/detail/exec/submitted_call.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bide {

/// Settings of a thread_pool.
class thread_pool_options {
public:
    /// At most this many threads, at least 1. Default: min(32, processors + 4).
    thread_pool_options& max_workers(std::size_t count) noexcept {
        max_workers_ = count;
        return *this;
    }
    /// Threads are named "<prefix>_<n>" (the system keeps 15 characters). Default: "pool-<n>".
    thread_pool_options& thread_name_prefix(std::string prefix) {
        prefix_ = std::move(prefix);
        return *this;
    }
    /// What each thread calls before its first job; several threads may call it at the same time. When it throws, the
    /// pool is broken. Default: nothing.
    template <class F, class... Args>
    thread_pool_options& initializer(F&& fn, Args&&... args) {
        initializer_ = std::make_shared<move_only_function<void()>>(
            [fn = std::decay_t<F>(std::forward<F>(fn)),
             args = std::tuple<std::decay_t<Args>...>(std::forward<Args>(args)...)] {
                std::apply(fn, args);
            });
        return *this;
    }

private:
    friend class thread_pool;
    std::optional<std::size_t> max_workers_;
    std::string prefix_;
    std::shared_ptr<move_only_function<void()>> initializer_;
};

/// How thread_pool::shutdown() goes about it.
class shutdown_options {
public:
    /// Blocks until every job has ended and every thread is gone. Default: true.
    shutdown_options& wait(bool on) noexcept {
        wait_ = on;
        return *this;
    }
    /// Cancels the jobs that have not started. Default: false, they run.
    shutdown_options& cancel_futures(bool on) noexcept {
        cancel_ = on;
        return *this;
    }
    [[nodiscard]] bool wait() const noexcept { return wait_; }
    [[nodiscard]] bool cancel_futures() const noexcept { return cancel_; }

private:
    bool wait_ = true;
    bool cancel_ = false;
};

/// How thread_pool::map() goes about it.
class map_options {
public:
    /// The last result must be there at this time after the call. Default: no limit.
    template <class Rep, class Period>
    map_options& timeout(std::chrono::duration<Rep, Period> limit) {
        limit_ = detail::to_ns(limit);
        return *this;
    }
    /// At most this many jobs are submitted whose results were not taken yet. Default: 0, all at once.
    map_options& buffersize(std::size_t jobs) noexcept {
        buffersize_ = jobs;
        return *this;
    }
    [[nodiscard]] std::int64_t limit() const noexcept { return limit_; }
    [[nodiscard]] std::size_t buffersize() const noexcept { return buffersize_; }

private:
    std::int64_t limit_ = detail::no_deadline;
    std::size_t buffersize_ = 0;
};

/// Threads that run jobs in the order in which they were submitted. They are started when a job finds no idle one, up to
/// the limit, and stay until the end. The destructor lets all jobs run and waits: see shutdown().
/// Threads: any, in every call. Limits: the queue is not bounded. Python: concurrent.futures.ThreadPoolExecutor.
class thread_pool {
public:
    thread_pool() : thread_pool(thread_pool_options()) {}
    explicit thread_pool(std::size_t max_workers)
        : thread_pool(thread_pool_options().max_workers(max_workers)) {}
    /// Throws: std::invalid_argument for a limit of no threads.
    explicit thread_pool(thread_pool_options options);
    thread_pool(thread_pool&&) noexcept = default;
    thread_pool& operator=(thread_pool&&) = delete;
    ~thread_pool();

    /// Runs fn(args...) on a thread. The callable and its arguments are copied or moved, and destroyed when it has
    /// returned. Returns: a future, which may be ignored; an exception that nobody looks at is reported.
    /// Throws: invalid_state_error after shutdown(), broken_thread_pool when an initializer threw.
    /// Python: submit (RuntimeError after shutdown).
    template <class F, class... Args>
        requires detail::thread_callable<F, Args...>
    auto submit(F&& fn, Args&&... args) {
        using call = detail::bound<F, Args...>;
        using R = typename call::result_type;
        auto* const job = new detail::submitted_call<R, call>(
            detail::bind_call(std::forward<F>(fn), std::forward<Args>(args)...));
        concurrent_future<R> result(*job);
        detail::submit_call(*job, core());
        return result;
    }

    /// Runs fn(a, b, ...) for the elements of one or more ranges, up to the end of the shortest; each job has a copy of fn.
    /// Returns: a range to loop over once, which gives the results in the order of the elements and blocks for each; the
    /// first exception is thrown when its turn comes. Void results are std::monostate. Destroying the range cancels
    /// what has not started. With a buffersize the ranges are read as results are taken; those given by reference must
    /// live that long. Throws: as submit(); while looping also timeout_error. Python: map.
    template <class F, std::ranges::input_range... R>
        requires(sizeof...(R) > 0)
    auto map(F fn, R&&... ranges) {
        return map(map_options(), std::move(fn), std::forward<R>(ranges)...);
    }
    template <class F, std::ranges::input_range... R>
        requires(sizeof...(R) > 0)
    auto map(const map_options& options, F fn, R&&... ranges) {
        using result = std::invoke_result_t<F, std::ranges::range_value_t<R>...>;
        auto next = detail::pool_feed<thread_pool, F, R...>(*this, std::move(fn), std::forward<R>(ranges)...);
        return detail::pool_map<result>(std::move(next), options.limit(), options.buffersize());
    }

    /// Takes no more jobs; those submitted run to their end, unless they are to be cancelled. May be called again.
    /// Throws: invalid_state_error when a job of this pool waits for its own pool. Python: shutdown.
    void shutdown(shutdown_options options = {});

    [[nodiscard]] std::size_t max_workers() const;
    /// Threads that have been started and have not ended. Python: none.
    [[nodiscard]] std::size_t threads() const;

    /// For bide's own layers. Throws: invalid_state_error when moved from.
    [[nodiscard]] const std::shared_ptr<detail::worker_pool>& core() const;

private:
    std::shared_ptr<detail::worker_pool> pool_;
};

}  // namespace bide
