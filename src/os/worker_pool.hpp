// bide/os: threads that perform blocking calls, started on demand, joined at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>

#include <bide/detail/base/move_only_function.hpp>
#include <bide/detail/os/worker_job.hpp>

namespace bide::detail {

// Jobs run in the order in which they were submitted. A thread is started only when no idle one is left and the
// limit is not reached. Threads take no signals. Thread-safe. In the child of a fork, which has none of the threads, a
// pool of the parent's is broken: it takes no jobs and waits for nobody.
class worker_pool {
public:
    // Each thread calls `initializer` before its first job. When it throws the pool is broken: what is queued is
    // dropped with a broken_thread_pool that says why, and nothing is accepted any more.
    worker_pool(std::size_t max_threads, std::string name_prefix,
                move_only_function<void()> initializer = {});
    ~worker_pool();  // runs what is queued, then joins
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    // False after shut_down() or a failure. Throws std::system_error when no thread can be started and there is none.
    bool submit(worker_job& work);
    // Takes a queued job back. False when it has started, has ended or was dropped.
    bool withdraw(worker_job& work) noexcept;
    // Drops every job that has not started.
    void drop_queued() noexcept;

    // No further jobs. Jobs that are queued still run.
    void shut_down() noexcept;
    // Waits until all threads but the calling one have ended; shut_down() must come first.
    void join() noexcept;
    // Shuts down and lets the threads end by themselves, whenever that is.
    void abandon() noexcept;
    // Calls fn once, after shut_down(), when the last thread ends: on that thread, or at once when there is none.
    void when_ended(move_only_function<void()> fn);

    // Why the pool is broken; null when it is not.
    [[nodiscard]] std::exception_ptr failure() const;
    [[nodiscard]] bool is_shut_down() const noexcept;
    // Whether the calling thread belongs to this pool.
    [[nodiscard]] bool on_worker() const noexcept;
    [[nodiscard]] std::size_t max_threads() const noexcept;
    [[nodiscard]] std::size_t threads() const noexcept;
    [[nodiscard]] std::size_t idle_threads() const noexcept;

    // The pool that backends use for blocking calls, made at its first use; at most 16 threads.
    static worker_pool& shared();

    // Worker threads of all pools in this process that have no job and will do nothing until they are given one. A
    // thread whose job has been submitted does not count, even before it wakes.
    static std::size_t parked_threads() noexcept;

    // Processors that this process may use; at least 1.
    static std::size_t usable_processors() noexcept;

private:
    struct state;
    [[nodiscard]] bool inherited() const noexcept;

    std::shared_ptr<state> state_;
    std::uint32_t made_in_;  // fork_count()
};

}  // namespace bide::detail
