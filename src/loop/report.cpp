// bide/loop: errors that nobody can see, and callbacks that take too long.
#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <bide/detail/base/scope_guard.hpp>

#include <cstdio>

#include "base/error_hints.hpp"
#include "loop/loop_core.hpp"
#include "loop/loop_list.hpp"

namespace bide {

void event_loop::set_exception_handler(exception_handler handler) {
    core_->on_exception = handler ? std::make_shared<exception_handler>(std::move(handler)) : nullptr;
}
bool event_loop::has_exception_handler() const noexcept { return static_cast<bool>(core_->on_exception); }

void event_loop::call_exception_handler(const exception_context& context) {
    const std::shared_ptr<exception_handler> handler = core_->on_exception;
    if (!handler) return default_exception_handler(context);
    try {
        (*handler)(*this, context);
    } catch (const keyboard_interrupt&) { throw; } catch (const system_exit&) {
        throw;
    } catch (...) {
        default_exception_handler(
            {"Unhandled error in the exception handler", std::current_exception(), {}, {}});
        default_exception_handler(context);
    }
}

void event_loop::default_exception_handler(const exception_context& context) noexcept {
    try {
        std::string text = "bide: " + context.message + "\n";
        if (!context.task.empty()) text += "  task: " + context.task + "\n";
        if (!context.where.empty()) text += "  at: " + context.where + "\n";
        if (context.exception) text += "  exception: " + describe_exception(context.exception) + "\n";
        const std::string hint = detail::hint_for(context.exception);
        for (const std::string& each : {hint, context.hint}) {
            if (!each.empty()) text += "  hint: " + each + "\n";
        }
        std::fwrite(text.data(), 1, text.size(), stderr);
    } catch (...) {  // no memory for the text: the one sentence must do
        std::fputs("bide: an error could not be reported for lack of memory\n", stderr);
    }
}

namespace detail {

void report(loop_core& loop, exception_context context) { loop.loop->call_exception_handler(context); }

void report_late(const loop_state* loop, const exception_context& context) noexcept {
    report_late(loop, loop == nullptr ? 0 : loop->number, context);
}

void report_late(const loop_state* loop, std::uint32_t number, const exception_context& context) noexcept {
    try {
        if (is_alive(loop, number)) return loop->loop->call_exception_handler(context);
    } catch (...) {  // keyboard_interrupt or system_exit out of a handler, in a destructor: nowhere to go
    }
    event_loop::default_exception_handler(context);
}

void loop_core::run_one_measured(ready_node& node) {
    const std::int64_t before = os->now();
    const ready_ops* const ops = node.ops;
    const auto describe = [&](bool after) {
        return hooks == nullptr || hooks->step == nullptr ? step_place() : hooks->step(*this, node, after);
    };
    const step_place began = describe(false);  // what runs is named now: it may not exist afterwards
    const scope_guard after([&] {
        const std::int64_t took = os->now() - before;
        if (took < slow_ns) return;
        const step_place ended = describe(true);
        char seconds[32];
        std::snprintf(seconds, sizeof seconds, "%.3f", static_cast<double>(took) * 1e-9);
        std::string where = began.where;
        if (ended.task == began.task && !ended.where.empty() && ended.where != where)
            where = "between " + where + " and " + ended.where;
        report(*this, {"Executing " + (began.task.empty() ? "a callback" : "task '" + began.task + "'") +
                           " took " + seconds + " seconds: the loop was blocked",
                       nullptr, began.task, where,
                       "a coroutine must not block: co_await bide::sleep(), or "
                       "bide::to_thread(fn) for what takes long"});
    });
    ops->run(node);
}

}  // namespace detail
}  // namespace bide
