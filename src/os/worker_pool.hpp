// bide/os: threads that perform blocking calls, started on demand, joined at the end.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <bide/detail/base/move_only_function.hpp>

namespace bide::detail {

// Jobs run in the order in which they were submitted. A thread is started only when no idle one is left and the
// limit is not reached. Thread-safe.
class worker_pool {
public:
    struct job {
        virtual ~job() = default;
        virtual void run() noexcept = 0;
        job* next = nullptr;
    };

    worker_pool(std::size_t max_threads, std::string name_prefix);
    ~worker_pool();  // runs what is queued, then joins
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    // What each thread runs before its first job; false: the thread ends at once and takes no jobs.
    void set_initializer(move_only_function<bool()> initializer);

    // The job is owned by the caller until run() is called and owns itself from then on. False after shut_down().
    bool submit(job& work);
    // Takes a queued job back. False when it has started or ended.
    bool withdraw(job& work) noexcept;
    // No further jobs. Jobs that are queued still run.
    void shut_down() noexcept;
    // Waits until all threads have ended; shut_down() must come first.
    void join() noexcept;

    [[nodiscard]] std::size_t max_threads() const noexcept;
    [[nodiscard]] std::size_t threads() const noexcept;
    [[nodiscard]] std::size_t idle_threads() const noexcept;

    // The pool that backends use for blocking calls, made at its first use; at most 16 threads.
    static worker_pool& shared();

    // Worker threads of all pools in this process that are parked, waiting for a job.
    static std::size_t parked_threads() noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace bide::detail
