// bide/core: the steps of a task, from its launch to its end.
#include <bide/task.hpp>

#include <bide/detail/base/assert.hpp>
#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/future_awaiter.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/error.hpp>

#include <atomic>
#include <typeinfo>
#include <utility>
#include <vector>

#include "core/core_hooks.hpp"
#include "core/failure_place.hpp"
#include "loop/loop_core.hpp"

namespace bide::detail {

constinit thread_local std::int64_t live_frames = 0;
#if BIDE_TRAMPOLINE
constinit thread_local void* next_frame = nullptr;
#endif

namespace {

// Threads draw numbers in blocks, so that a spawn costs no atomic operation.
std::uint32_t next_task_number() noexcept {
    constexpr std::uint32_t block = 1024;
    static constinit std::atomic<std::uint32_t> drawn{0};
    static constinit thread_local std::uint32_t next = 0;
    if (next % block == 0) next = drawn.fetch_add(block, std::memory_order_relaxed);
    return ++next;
}

// The running task's place in the loop, put back when a nested step ends.
class step_scope {
public:
    explicit step_scope(task_base& task) noexcept
        : loop_(*task.loop), task_(loop_.current), context_(loop_.context) {
        loop_.current = &task;
        loop_.context = task.extra == nullptr ? nullptr : task.extra->context;
    }
    ~step_scope() {
        loop_.current = task_;
        loop_.context = context_;
    }
    step_scope(const step_scope&) = delete;
    step_scope& operator=(const step_scope&) = delete;

private:
    loop_state& loop_;
    task_base* task_;
    context_data* context_;
};

void end(task_base& task) {
    task.registry.unlink();
    finish_future(task);
}

// The latest cancellation's text; an empty one replaces that of an earlier one, too.
void set_cancel_message(task_base& task, const std::string& message) {
    if (!message.empty()) {
        task.more().cancel_message = message;
    } else if (task.extra != nullptr) {
        task.extra->cancel_message.clear();
    }
}

void end_cancelled(task_base& task) noexcept {
    task.set(flag::cancelled);
    end(task);
}

void end_failed(task_base& task, std::exception_ptr error) {
    const bool fatal = ends_loop(error);
    if (is_cancelled_error(error)) {
        try {
            std::rethrow_exception(error);
        } catch (const cancelled_error& e) { set_cancel_message(task, e.message()); } catch (...) {
        }
        return end_cancelled(task);
    }
    task.fail(error);
    keep_failure_place(task);
    if (!fatal) task.set(flag::unretrieved);
    end(task);
    if (fatal) std::rethrow_exception(error);
}

// The coroutine has run to its end: take what it left, destroy it, wake those who wait.
BIDE_NOINLINE void end_frame(task_base& task) {
    void* const frame = std::exchange(task.frame, nullptr);
    promise_base& promise = promise_base::of(frame);
    const auto destroy = [frame] { std::coroutine_handle<>::from_address(frame).destroy(); };
    if (promise.failed()) {
        const std::exception_ptr error = std::move(promise.error());
        destroy_unawaited(std::coroutine_handle<>::from_address(frame));
        return end_failed(task, error);
    }
    if (task.has(flag::must_cancel)) {  // a cancel() that no await has seen
        destroy();
        return end_cancelled(task);
    }
    std::exception_ptr error;
    try {
        task.table().take_value(task, frame);
    } catch (...) {  // the value's move constructor threw
        error = std::current_exception();
    }
    destroy();
    if (error) return end_failed(task, error);
    end(task);
}

void step(task_base& task) {
    const step_scope scope(task);
    if (!task.has(flag::started)) {
        task.set(flag::started);
        if (task.has(flag::must_cancel)) {  // before its first step: the body never runs
            destroy_unawaited(std::coroutine_handle<>::from_address(std::exchange(task.frame, nullptr)));
            return end_cancelled(task);
        }
    }
    resume_frame(
        std::exchange(task.frame, nullptr));  // null while it runs: the frame may not outlive this call
    if (task.has(flag::frame_ended)) end_frame(task);
}

}  // namespace

task_base& task_base::of(ring_link& link) noexcept {
    const auto offset = reinterpret_cast<std::size_t>(&reinterpret_cast<task_base*>(64)->registry) - 64;
    return *reinterpret_cast<task_base*>(reinterpret_cast<char*>(&link) - offset);
}

void run_task(ready_node& node) {
    auto& task = static_cast<task_base&>(static_cast<timer_node&>(node));
    task.waiting_on = nullptr;
    if (task.has(flag::done)) [[unlikely]]
        return;
    const scope_guard drop([&]() noexcept {
        if (task.has(flag::done)) release(static_cast<future_core&>(task));  // the loop's reference
    });
    step(task);
}

// The loop closes; destroy_tasks takes care of the task itself. What an operation made for it goes now.
void discard_task(ready_node& node) noexcept {
    const auto& task = static_cast<task_base&>(static_cast<timer_node&>(node));
    if (task.waiting_on == nullptr || task.waiting_on->kind != &io_wait) return;
    op_request& request = static_cast<io_wait_state*>(task.waiting_on)->request;
    drop_result(request);
    if (request.kind->borrows)
        static_cast<loop_core*>(task.loop)->os->give_back(std::exchange(request.args.data, nullptr));
}

void note_frame_end(task_base& task, void* frame) noexcept {
    task.frame = frame;
    task.set(flag::frame_ended);
}

void start_task(task_base& task, void* frame, bool eager) {
    loop_state& loop = *task.loop;
    task.frame = frame;
    retain(static_cast<future_core&>(task));  // the loop's, until it is done
    task.registry.insert_before(loop.tasks);
    if (!eager || this_loop != &loop) {
        make_ready(task, loop);
        return;
    }
    run_task(task);
}

void launch(task_base& task, void* frame) {
    loop_state& loop = *task.loop;
    if (static_cast<loop_core&>(loop).factory) [[unlikely]]
        return launch(task, frame, task_options());
    task.number = next_task_number();
    if (loop.context != nullptr) {
        scope_guard undo([&]() noexcept { destroy_unawaited(std::coroutine_handle<>::from_address(frame)); });
        task.more().context = retain(loop.context);
        undo.dismiss();
    }
    start_task(task, frame, false);
}

void launch_internal(task_base& task, void* frame) noexcept {
    static_cast<loop_core&>(*task.loop).hooks = &core_hooks;
    task.set(flag::internal | flag::quiet);
    start_task(task, frame, false);
}

void launch(task_base& task, void* frame, task_options options) {
    auto& loop = static_cast<loop_core&>(*task.loop);
    task.number = next_task_number();
    scope_guard undo([&]() noexcept { destroy_unawaited(std::coroutine_handle<>::from_address(frame)); });
    check_use(task, "create_task");
    if (loop.closed) throw invalid_state_error("create_task: the event loop is closed; make a new one");
    if (loop.factory) loop.factory(*loop.loop, options);
    if (!options.name().empty()) task.more().name = options.name();
    if (options.context()) {
        task.more().context = retain(options.context()->data());
    } else if (loop.context != nullptr) {
        task.more().context = retain(loop.context);
    }
    undo.dismiss();
    loop.hooks = &core_hooks;
    start_task(task, frame, options.eager().value_or(false));
}

// --- cancellation ---

namespace {

bool awaits_future(const task_base& task) noexcept {
    return task.waiting_on != nullptr && task.waiting_on->kind == &future_wait && task.linked();
}

// The task that this one awaits, and whose cancellation is therefore its own.
task_base* awaited_task(const task_base& task) noexcept {
    if (!awaits_future(task)) return nullptr;
    future_core& inner = *static_cast<future_wait_state*>(task.waiting_on)->what;
    return inner.has(flag::is_task) ? &as_task(inner) : nullptr;
}

// A cancellation has come back to the task that it started from: tasks that await each other in a ring. Nobody else
// can end that, so this one stops waiting.
void leave_ring(task_base& task) noexcept {
    if (!awaits_future(task)) return;
    static_cast<future_wait_state*>(task.waiting_on)->what->waiters.remove(task);
    task.set(flag::cancel_now);
    make_ready(task, *task.loop);
}

}  // namespace

// Tasks that await each other may form a long chain, so it is walked in a loop and not by recursion.
bool cancel_task(task_base& task, const std::string& message) {
    if (task.has(flag::done)) {
        task.clear(flag::unretrieved);
        return false;
    }
    check_use(task, "cancel");
    std::vector<task_base*> outer;  // those that await `at`, directly or not
    for (task_base* at = &task;;) {
        if (at->cancelling != UINT16_MAX) ++at->cancelling;
        set_cancel_message(*at, message);
        if (at->has(flag::in_cancel)) {
            leave_ring(*at);
            break;
        }
        if (task_base* const inner = awaited_task(*at)) {
            at->set(flag::in_cancel);
            outer.push_back(at);
            at = inner;
            continue;
        }
        at->set(flag::must_cancel);
        if (at->waiting_on != nullptr) cancel_wait(*at);
        break;
    }
    for (task_base* const each : outer) each->clear(flag::in_cancel);
    return true;
}

void cancel_wait(task_base& task) noexcept {
    task.set(flag::in_cancel);
    const cancel_outcome outcome = task.waiting_on->kind->cancel(*task.waiting_on, task);
    task.clear(flag::in_cancel);
    switch (outcome) {
        case cancel_outcome::withdrawn:
            task.clear(flag::must_cancel);
            task.set(flag::cancel_now);
            make_ready(task, *task.loop);
            break;
        case cancel_outcome::requested: task.clear(flag::must_cancel); break;
        case cancel_outcome::too_late: break;  // thrown when the task resumes, unless taken back until then
    }
}

std::uint16_t uncancel_task(task_base& task) noexcept {
    if (task.cancelling > 0 && --task.cancelling == 0) task.clear(flag::must_cancel);
    return task.cancelling;
}

void throw_cancelled(task_base& task) {
    task.clear(flag::must_cancel | flag::cancel_now);
    throw cancelled_error(cancel_message_of(task));
}

void throw_no_task() {
    throw invalid_state_error(
        "co_await outside a task: run this coroutine with bide::run or bide::create_task");
}

// --- what a task says of itself ---

std::string task_name(const task_base& task) {
    if (task.extra != nullptr && !task.extra->name.empty()) return task.extra->name;
    return "Task-" + std::to_string(task.number);
}

void set_task_name(task_base& task, std::string name) { task.more().name = std::move(name); }

context task_context(const task_base& task) {
    return task.extra == nullptr ? context() : context(task.extra->context);
}

void throw_moved_from() {
    throw invalid_state_error("this coro is empty: it was awaited, made a task, closed or moved from before");
}

bool is_cancelled_error(const std::exception_ptr& error) noexcept {
    return error != nullptr && *error.__cxa_exception_type() == typeid(cancelled_error);
}

bool ends_loop(const std::exception_ptr& error) noexcept {
    if (error == nullptr) return false;
    const std::type_info& type = *error.__cxa_exception_type();
    return type == typeid(keyboard_interrupt) || type == typeid(system_exit);
}

bool is_base_exception(const std::exception_ptr& error) noexcept {
    return is_cancelled_error(error) || ends_loop(error) ||
           (error != nullptr && *error.__cxa_exception_type() == typeid(generator_exit));
}

}  // namespace bide::detail

namespace bide {

any_task current_task() {
    detail::loop_state& loop = detail::current_loop_state("current_task");
    if (loop.current == nullptr) return {};
    return any_task(detail::retain(static_cast<detail::future_core&>(*loop.current)));
}

std::vector<any_task> all_tasks(event_loop& loop) {
    std::vector<any_task> found;
    detail::ring_link& all = loop.state().tasks;
    for (detail::ring_link* at = all.after; at != &all; at = at->after) {
        detail::task_base& task = detail::task_base::of(*at);
        if (task.has(detail::flag::internal)) continue;
        found.emplace_back(detail::retain(static_cast<detail::future_core&>(task)));
    }
    return found;
}

std::vector<any_task> all_tasks() { return all_tasks(get_running_loop()); }

void eager_task_factory(event_loop&, task_options& options) {
    if (!options.eager()) options.eager_start(true);
}

}  // namespace bide
