// bide/exec: a task that waits for a call in a pool.
#include <bide/detail/exec/thread_call.hpp>

#include <bide/error.hpp>
#include <bide/thread_pool.hpp>

#include <utility>

#include "exec/exec_services.hpp"

namespace bide::detail {

namespace {

// The pool and the loop are done with the call.
void settle(thread_call& call) noexcept {
    --call.task->loop->pending_external;
    release(std::exchange(call.context, nullptr));
    call.pool.reset();
    call.task = nullptr;
}

cancel_outcome cancel_call(wait& what, task_base&) noexcept {
    auto& call = static_cast<thread_call&>(what);
    if (call.task != nullptr) {
        if (!call.pool->withdraw(call))
            return cancel_outcome::too_late;  // it runs: thrown when it has returned
        settle(call);
    }
    return cancel_outcome::withdrawn;
}

// The frame is about to be destroyed, and the call uses it. When it has returned, the task's node is in the inbox, on
// its way there, or has been taken out of the queues already.
void wait_until_home(thread_call& call, loop_core& loop) noexcept {
    task_base& task = *call.task;
    while (!call.returned.load(std::memory_order_acquire)) {
        if (loop.arrivals.fall_asleep()) {
            loop.os->poll(no_deadline, loop.ready);
            loop.arrivals.awake();
        }
        loop.arrivals.take(loop.ready);
    }
    call.door->wait_until_empty();
    loop.arrivals.take(loop.ready);
    loop.ready.remove(task);
}

void detach_call(wait& what, task_base& task) noexcept {
    auto& call = static_cast<thread_call&>(what);
    if (call.task == nullptr) return;
    auto& loop = static_cast<loop_core&>(*task.loop);
    // The child of a fork has no thread that would come home, and none that uses its copy of the frame.
    if (!loop.os->inherited() && !call.pool->withdraw(call)) wait_until_home(call, loop);
    settle(call);
}

}  // namespace

constinit const wait_kind thread_call_wait{"to_thread", cancel_call, detach_call};

void start_thread_call(thread_call& call, thread_pool* pool, std::coroutine_handle<> frame) {
    task_base& task = running_task();
    if (task.has(flag::must_cancel))
        return begin_wait(task, call, frame);  // which throws: the call never starts
    call.pool = pool != nullptr ? pool->core() : exec_services_of(*task.loop).default_pool();
    call.task = &task;
    call.door = static_cast<loop_core&>(*task.loop).door.get();
    call.context = retain(task.loop->context);
    ++task.loop->pending_external;
    try {
        if (!call.pool->submit(call)) {
            if (const std::exception_ptr why = call.pool->failure()) std::rethrow_exception(why);
            throw invalid_state_error("to_thread: the thread pool is shut down");
        }
    } catch (...) {
        settle(call);
        throw;
    }
    begin_wait(task, call, frame);
}

void finish_thread_call(worker_job& job) noexcept {
    auto& call = static_cast<thread_call&>(job);
    task_base& task = *call.task;
    // Never refused: the door is open as long as a call is under way.
    loop_door& door = *call.door;
    door.with_loop([&](loop_core&) noexcept {
        call.returned.store(true, std::memory_order_release);
        return door.push(task);  // from here on the frame may be gone
    });
}

void end_thread_call(thread_call& call, const std::exception_ptr& error) {
    task_base& task = running_task();
    if (call.task != nullptr) settle(call);
    if (must_throw(task)) {
        if (error != nullptr && !call.dropped) {
            report(
                static_cast<loop_core&>(*task.loop),
                {"Exception in a call of to_thread() whose task was cancelled", error, task_name(task), {}});
        }
        throw_cancelled(task);
    }
    if (call.dropped && error == nullptr) {
        throw cancelled_error("the thread pool was shut down before the call started");
    }
}

}  // namespace bide::detail
