// bide/core: makes an operation record awaitable.
#include <bide/detail/core/io_awaiter.hpp>

#include <cerrno>
#include <system_error>

#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

// The cancellation stays pending: if the operation completes all the same, it fires at the next await.
cancel_outcome cancel_io(wait& what, task_base& task) noexcept {
    if (static_cast<io_wait_state&>(what).request.state == op_state::in_flight) task.set(flag::op_cancelled);
    static_cast<loop_core*>(task.loop)->os->cancel(task);
    return cancel_outcome::too_late;
}

void detach_io(wait&, task_base& task) noexcept { static_cast<loop_core*>(task.loop)->os->cancel(task); }

}  // namespace

constinit const wait_kind io_wait{"an operation of the operating system", cancel_io, detach_io};

void submit_io(task_base& task, io_wait_state& state, std::coroutine_handle<> frame) noexcept {
    task.frame = frame.address();
    task.waiting_on = &state;
    task.request = &state.request;
    task.clear(flag::op_cancelled);
    if (task.has(flag::must_cancel)) {  // cancelled before it began: the operation does not start
        state.request.result = -ECANCELED;
        state.request.state = op_state::done;
        make_ready(task, *task.loop);
        return;
    }
    static_cast<loop_core*>(task.loop)->submit(task);
}

bool ended_by_cancel(const task_base& task, const op_request& request) noexcept {
    return request.result == -ECANCELED &&
           task.has(flag::must_cancel | flag::cancel_now | flag::op_cancelled);
}

void fetch_next_task() noexcept {
    constexpr std::size_t line = 64;
    const ready_node* const next = static_cast<const loop_core*>(this_loop)->next_in_turn();
    if (next == nullptr || next->ops->run != run_task) return;
    const auto& task = static_cast<const task_base&>(static_cast<const timer_node&>(*next));
    const auto* const frame = static_cast<const char*>(task.frame);
    BIDE_PREFETCH(frame);
    BIDE_PREFETCH(frame + line);
    BIDE_PREFETCH(frame + 2 * line);
    BIDE_PREFETCH(task.waiting_on);
}

void throw_io_error(const op_request& request) {
    throw std::system_error(-request.result, std::generic_category(),
                            std::string(request.kind->name) + " on descriptor " +
                                std::to_string(request.args.fd));
}

}  // namespace bide::detail
