// bide/core: how async generators end: by close, by their destruction, with their loop.
#include <bide/async_generator.hpp>

#include <bide/detail/core/until_done.hpp>
#include <bide/loop.hpp>
#include <bide/task.hpp>

#include <string>
#include <vector>

#include "core/core_hooks.hpp"
#include "core/core_services.hpp"
#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

async_generator_base& generator_of(ring_link& link) noexcept {
    return static_cast<async_generator_base&>(link);
}

std::string text_of(const std::source_location& where) {
    return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

void report_dropped(loop_state* loop, std::exception_ptr error, const std::source_location& where) noexcept {
    try {
        const bool in_task = loop != nullptr && loop->current != nullptr;
        report_late(
            loop,
            {"An async generator was destroyed before its end, and its clean-up failed; what awaits needs "
             "co_await gen.close(), or with_aclosing()",
             std::move(error), in_task ? task_name(*loop->current) : std::string(), text_of(where)});
    } catch (...) {  // no memory for the text
    }
}

std::exception_ptr ignored_exit() noexcept {
    try {
        throw_ignored_exit("async generator");
    } catch (...) { return std::current_exception(); }
}

coro<void> close_at_shutdown(async_generator_base& generator) {
    async_close step(generator);
    co_await std::move(step);
}

coro<void> shutdown_step(event_loop& loop) {
    live_generators& live = services_of(loop).generators;
    live.queued = false;
    co_await shutdown_asyncgens();
}

}  // namespace

void throw_already_running(const char* call) {
    throw invalid_state_error(
        std::string(call) + ": the async generator is already running; await the operation before it first");
}

void throw_step_reused() {
    throw invalid_state_error("this operation of an async generator was awaited before; ask for a new one");
}

void throw_stop_async_iteration() { throw stop_async_iteration(); }

void throw_after_close(std::exception_ptr body, std::exception_ptr close) {
    if (!close) {
        if (body) std::rethrow_exception(body);
        return;
    }
    if (!body) std::rethrow_exception(close);
    if (is_base_exception(close) && !is_base_exception(body)) std::swap(body, close);
    report_late(this_loop, {"A second error while an async generator was closed", close, {}, {}});
    std::rethrow_exception(body);
}

void async_generator_base::throw_failure() {
    const std::exception_ptr error = take_failure();
    end_step();
    if (error) std::rethrow_exception(error);
}

// --- close ---

bool async_close::await_ready() {
    async_generator_base& what = generator();
    what.end_unstarted();
    if (!what.may_step("close")) return true;
    what.throw_at_yield(std::make_exception_ptr(generator_exit()));
    return false;
}

std::exception_ptr async_close::finish() {
    async_generator_base& what = end();
    std::exception_ptr error =
        what.state() == generator_state::suspended ? ignored_exit() : what.take_failure();
    what.end_step();
    return is_generator_exit(error) ? nullptr : error;
}

void async_close::await_resume() {
    if (const std::exception_ptr error = finish()) std::rethrow_exception(error);
}

result<void> async_close::await_result() {
    const std::exception_ptr error = finish();
    if (!error) return {};
    pass_on_base_exception(error);
    return result<void>::failure(error);
}

// --- destruction ---

// The body runs inside this call. The task is hidden from it, so that whatever would suspend throws instead.
void async_generator_base::close_and_destroy() noexcept {
    loop_state* const loop = this_loop;
    const std::source_location at_yield = where();
    task_base* const task = loop == nullptr ? nullptr : std::exchange(loop->current, nullptr);
    throw_at_yield(std::make_exception_ptr(generator_exit()));
    state_ = generator_state::running;
    awaited_by(nullptr);
    resume_frame(frame().address());
    if (loop != nullptr) loop->current = task;
    BIDE_ASSERT(state_ != generator_state::running);
    if (state_ == generator_state::running)
        return;  // suspended without a task: leaked rather than destroyed under it
    std::exception_ptr error = state_ == generator_state::suspended ? ignored_exit() : take_failure();
    if (error && !is_generator_exit(error)) report_dropped(loop, std::move(error), at_yield);
    frame().destroy();
}

// --- the loop's list ---

live_generators::~live_generators() {
    while (all.after != &all) {
        async_generator_base& generator = generator_of(*all.after);
        generator.unlink();
        generator.forget_loop();
    }
}

void async_generator_base::enlist() {
    loop_state* const loop = this_loop;
    if (loop == nullptr) return;
    core_services& services = services_of(*loop->loop);
    live_generators& live = services.generators;
    if (!live.queued) {
        // Before what is there: clean-up code may still need the executor.
        services.at_shutdown.insert(services.at_shutdown.begin(),
                                    [owner = loop->loop] { return shutdown_step(*owner); });
        live.queued = true;
    }
    if (live.shut_down && (BIDE_CHECKED != 0 || loop->debug)) {
        report_late(
            loop,
            {"An async generator was started after shutdown_asyncgens()", nullptr, {}, text_of(where())});
    }
    insert_before(live.all);
    loop_ = loop;
}

}  // namespace bide::detail

namespace bide {

coro<void> shutdown_asyncgens() {
    event_loop& loop = get_running_loop();
    detail::live_generators& live = detail::services_of(loop).generators;
    live.shut_down = true;
    std::vector<task<void>> closing;
    while (live.all.before != &live.all) {
        detail::async_generator_base& newest = detail::generator_of(*live.all.before);
        newest.unlink();
        // Begun at once: from here on its owner can only leave it to this operation.
        closing.push_back(create_task(detail::close_at_shutdown(newest),
                                      task_options().name("shutdown_asyncgens").eager_start()));
    }
    for (const task<void>& each : closing) {
        co_await detail::until_done(each.core());
        if (each.cancelled()) continue;
        const std::exception_ptr error = each.exception();
        if (!error) continue;
        loop.call_exception_handler(
            {"Error while an async generator was closed", error, each.get_name(), {}});
    }
}

}  // namespace bide
