// bide/os: one call for a worker thread, linked into its pool's queue.
#pragma once

#include <exception>

namespace bide::detail {

struct worker_job;

struct worker_job_ops {
    // On a worker thread: does the work.
    void (*run)(worker_job&) noexcept;
    // On the same thread, when it counts as idle again: tells whoever waits. So one who submits the next job because
    // of what this tells finds a free thread. Short; afterwards the pool does not touch the job any more.
    void (*finish)(worker_job&) noexcept;
    // In place of both, on any thread: the job will not run. `why` is null when its pool was told to drop it.
    void (*drop)(worker_job&, const std::exception_ptr& why) noexcept;
};

// Owned by the caller until run() or drop() is called and owns itself from then on.
struct worker_job {
    explicit worker_job(const worker_job_ops& table) noexcept : ops(&table) {}

    const worker_job_ops* ops;
    worker_job* prev = nullptr;
    worker_job* next = nullptr;
    bool queued = false;  // guarded by the pool's mutex, as the links
};

}  // namespace bide::detail
