// bide/core: makes an operation record awaitable.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/task_base.hpp>
#include <bide/detail/os/op.hpp>
#include <bide/result.hpp>

#include <coroutine>
#include <cstddef>
#include <string>

namespace bide::detail {

extern const wait_kind io_wait;

struct io_wait_state : wait {
    op_request request;
};

void submit_io(task_base& task, io_wait_state& state, std::coroutine_handle<> frame) noexcept;
// Throws for a negative result: cancelled_error where the task is being cancelled, else std::system_error that names
// the operation and the descriptor.
[[noreturn]] BIDE_COLD void throw_io_error(const op_request& request);
// Whether the operation did nothing because its task was cancelled. The cancellation stays with the task;
// throw_cancelled() takes it.
bool ended_by_cancel(const task_base& task, const op_request& request) noexcept;

// For a task that goes on after an operation and is about to call the kernel: the next task of the turn has mostly waited
// for the same, and among many that do, each is out of the processor's cache by then. What it begins with is fetched
// meanwhile.
void fetch_next_task() noexcept;

// The arguments of an operation, awaited at most once. Completion beats cancellation: bytes or a descriptor that
// arrived are returned, and the cancellation fires at the next await.
class io_awaiter : public awaitable_tag {
public:
    io_awaiter(const op_kind& kind, const op_args& args, bool drained = false) noexcept
        : state_{{&io_wait}, {.kind = &kind, .args = args, .drained = drained}} {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) { submit_io(running_task(), state_, frame); }
    std::size_t await_resume() {
        if (state_.request.result < 0) [[unlikely]] {
            task_base& task = running_task();
            if (ended_by_cancel(task, state_.request)) throw_cancelled(task);
            throw_io_error(state_.request);
        }
        return static_cast<std::size_t>(state_.request.result);
    }
    result<std::size_t> await_result() {
        const int value = state_.request.result;
        if (value >= 0) return static_cast<std::size_t>(value);
        task_base& task = running_task();
        if (ended_by_cancel(task, state_.request)) throw_cancelled(task);
        return result<std::size_t>::failure(std::error_code(-value, std::generic_category()));
    }

private:
    io_wait_state state_;
};

// Awaits an operation that somebody else keeps until it is done, and who then looks at its result.
class operation_awaiter : public awaitable_tag {
public:
    explicit operation_awaiter(io_wait_state& operation) noexcept : operation_(&operation) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) const noexcept {
        submit_io(running_task(), *operation_, frame);
    }
    void await_resume() const noexcept {}

private:
    io_wait_state* operation_;
};

}  // namespace bide::detail
