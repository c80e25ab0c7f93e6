// bide/exec: a call in a pool that a task waits for, all of it in the awaiting frame.
#pragma once

#include <bide/detail/core/task_base.hpp>
#include <bide/detail/os/worker_job.hpp>

#include <atomic>
#include <coroutine>
#include <exception>
#include <memory>

namespace bide {
class thread_pool;
}

namespace bide::detail {

class worker_pool;
class loop_door;

extern const wait_kind thread_call_wait;

// The job is part of the frame, and the task's own node travels through the inbox when the call has returned: nothing
// is allocated. So the frame stays until then: a call that has started is waited for, also when its task is cancelled
// and when the loop closes.
struct thread_call : worker_job, wait {
    explicit thread_call(const worker_job_ops& table) noexcept : worker_job(table), wait{&thread_call_wait} {}
    // Moved only before it is awaited (GCC 12 does so).
    thread_call(thread_call&& other) noexcept : thread_call(*other.ops) {}
    thread_call& operator=(thread_call&&) = delete;

    task_base* task = nullptr;  // null unless submitted and not resumed yet
    loop_door* door = nullptr;
    context_data* context = nullptr;
    std::shared_ptr<worker_pool> pool;
    std::atomic<bool> returned{false};  // true before the task's node is in the inbox
    bool dropped = false;               // by its pool, before it started
};

// `pool` null: the default executor. Throws as run_in_executor() does, and then the frame is not suspended.
void start_thread_call(thread_call& call, thread_pool* pool, std::coroutine_handle<> frame);
// The task resumes. Throws its cancellation; `error`, which nobody will see then, is reported.
void end_thread_call(thread_call& call, const std::exception_ptr& error);
// Worker thread: the call has returned.
void finish_thread_call(worker_job& job) noexcept;

}  // namespace bide::detail
