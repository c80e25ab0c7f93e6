// bide/system: await a call of src/os/ that may block, with an error that names operation and path.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/os/ops.hpp>

#include <coroutine>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

#include "os/blocking_call.hpp"

namespace bide::detail {

// So much is read or written in one call on a worker thread at most: until it returns, the task cannot be cancelled.
inline constexpr std::size_t largest_piece = 8 * 1024 * 1024;

// "open 'notes.txt'", to which std::system_error adds the cause.
std::string about(const char* operation, const std::string& path);
[[noreturn]] void throw_file_error(int error, const char* operation, const std::string& path);

// fn() runs on a worker thread and returns -errno on failure. It lies in the awaiting frame, as do the things it refers
// to: that frame is there until the call has returned, whoever is cancelled meanwhile. What the call makes must have
// an owner there.
template <class F>
class worker_call : public awaitable_tag {
public:
    explicit worker_call(F fn) noexcept(std::is_nothrow_move_constructible_v<F>)
        : fn_(std::move(fn)), call_(fn_), state_{{&io_wait}, {.kind = &call_op, .args = {}}} {}
    // Moved only before it is awaited (GCC 12 does so).
    worker_call(worker_call&& other) noexcept : worker_call(std::move(other.fn_)) {}
    worker_call& operator=(worker_call&&) = delete;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) {
        state_.request.args.data = static_cast<blocking_call*>(&call_);
        submit_io(running_task(), state_, frame);
    }
    // Returns what fn returned; throws nothing but a cancellation that kept the call from starting.
    int await_resume() {
        const int result = state_.request.result;
        if (result < 0) [[unlikely]] {
            task_base& task = running_task();
            if (ended_by_cancel(task, state_.request)) throw_cancelled(task);
        }
        return result;
    }

private:
    F fn_;
    blocking_call_to<F> call_;
    io_wait_state state_;
};

// The same, throwing for a failure.
template <class F>
class named_worker_call : public worker_call<F> {
public:
    named_worker_call(const char* operation, const std::string& path, F fn)
        : worker_call<F>(std::move(fn)), operation_(operation), path_(&path) {}

    int await_resume() {
        const int result = worker_call<F>::await_resume();
        if (result < 0) [[unlikely]]
            throw_file_error(-result, operation_, *path_);
        return result;
    }

private:
    const char* operation_;
    const std::string* path_;
};

template <class F>
[[nodiscard]] worker_call<F> on_worker(F fn) {
    return worker_call<F>(std::move(fn));
}
template <class F>
[[nodiscard]] named_worker_call<F> on_worker(const char* operation, const std::string& path, F fn) {
    return named_worker_call<F>(operation, path, std::move(fn));
}

}  // namespace bide::detail
