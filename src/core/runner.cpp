// bide/core: run a coroutine from ordinary code, and clean up after it.
#include <bide/run.hpp>

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/until_done.hpp>
#include <bide/error.hpp>

#include <csignal>

#include "core/core_hooks.hpp"
#include "core/core_services.hpp"
#include "core/failure_place.hpp"
#include "loop/loop_core.hpp"
#include "os/interrupt.hpp"

namespace bide::detail {

void check_no_running_loop(const char* call) {
    if (this_loop == nullptr) return;
    throw invalid_state_error(
        std::string(call) +
        " was called while an event loop runs in this thread; use co_await or create_task instead");
}

namespace {

// Stops the loop once `what` is done, and undoes that if the loop ends otherwise.
class stop_when_done {
public:
    stop_when_done(event_loop& loop, future_core& what) : what_(what) {
        callback& node = make_callback([&loop] { loop.stop(); });
        stop_ = add_done_callback(what, node);
    }
    ~stop_when_done() {
        if (!what_.has(flag::done)) remove_done_callback(what_, stop_);
    }
    stop_when_done(const stop_when_done&) = delete;
    stop_when_done& operator=(const stop_when_done&) = delete;

private:
    future_core& what_;
    handle stop_;
};

// The first Ctrl-C cancels the main task; the second one, or the first when it is done already, ends the loop at once.
void act_on_interrupt(loop_core& loop, future_core& main, int& seen) {
    const int came = loop.interrupts.load(std::memory_order_acquire);
    if (came == seen) return;
    const bool first = seen == 0 && came == 1;
    seen = came;
    if (first && cancel_any(main, {})) return;
    throw keyboard_interrupt();
}

}  // namespace

void run_until_done(event_loop& loop, future_core& what, bool interruptible) {
    loop_core& core = loop.core();
    if (!belongs_to(what, &core)) {
        throw invalid_state_error(
            "run_until_complete: the task or future belongs to another event loop; run that one");
    }
    if (core.closed)
        throw invalid_state_error("run_until_complete: the event loop is closed; make a new one");
    int interrupts_seen = 0;
    {
        const stop_when_done stop(loop, what);
        std::optional<interrupt_guard> guard;
        if (interruptible) {
            guard.emplace(core.interrupts, *core.os);
            if (guard->installed())
                core.on_interrupt = [&] { act_on_interrupt(core, what, interrupts_seen); };
        }
        const scope_guard leave([&]() noexcept {
            core.on_interrupt = {};
            core.interrupts.store(0, std::memory_order_relaxed);
        });
        loop.run_forever();
    }
    if (!what.has(flag::done))
        throw invalid_state_error("the event loop was stopped before the awaitable was done");
    if (interrupts_seen > 0 && what.has(flag::cancelled) && what.has(flag::is_task) &&
        uncancel_task(as_task(what)) == 0) {
        throw keyboard_interrupt();
    }
}

core_services& services_of(event_loop& loop) {
    loop_core& core = loop.core();
    if (!core.core_slot) core.core_slot = std::make_shared<core_services>();
    return *static_cast<core_services*>(core.core_slot.get());
}

namespace {

// asyncio cancels once and destroys what clean-up code starts meanwhile; here that is cancelled in a further round.
constexpr int rounds = 100;

coro<void> cancel_all_others(event_loop& loop) {
    const any_task self = current_task();
    for (int round = 0; round < rounds; ++round) {
        std::vector<any_task> others = all_tasks(loop);
        std::erase(others, self);
        if (others.empty()) break;
        for (const any_task& each : others) each.cancel();
        for (const any_task& each : others) {
            co_await until_done(each.core());
            if (each.cancelled()) continue;
            const std::exception_ptr error = each.exception();
            if (!error) continue;
            loop.call_exception_handler({"Unhandled exception during the shutdown of run()", error,
                                         each.get_name(), failure_place(each.core())});
        }
    }
}

coro<void> shut_down(event_loop& loop) {
    co_await cancel_all_others(loop);
    core_services& services = services_of(loop);
    while (!services.at_shutdown.empty()) {
        auto step = std::move(services.at_shutdown.front());
        services.at_shutdown.erase(services.at_shutdown.begin());
        co_await step();
    }
    co_await cancel_all_others(loop);
}

}  // namespace

void shut_down_loop(event_loop& loop) {
    auto clean_up = create_task(loop, shut_down(loop), task_options().name("shutdown of run()"));
    run_until_done(loop, clean_up.core(), false);
    check_result(clean_up.core());
}

}  // namespace bide::detail

namespace bide {

runner::runner() = default;
runner::runner(run_options options) : options_(std::move(options)) {}

runner::~runner() {
    if (!loop_) return;
    try {
        close();
    } catch (...) {
        detail::report_late(&loop_->state(),
                            {"Error while a runner closed", std::current_exception(), {}, {}});
    }
    loop_->close();
}

event_loop& runner::get_loop() {
    if (closed_) throw invalid_state_error("this runner is closed; make a new one");
    if (!loop_) loop_ = options_.make_loop();
    if (!loop_) throw invalid_state_error("run: the loop factory returned no event loop; return a new one");
    return *loop_;
}

task_options runner::main_options() const { return task_options().context(context_); }

void runner::close() {
    detail::check_no_running_loop("runner::close");
    if (std::exchange(closed_, true) || !loop_) return;
    detail::shut_down_loop(*loop_);
    loop_->close();
}

}  // namespace bide
