// bide/testing: run a test body on a loop of its own, in virtual time, and find what it leaks.
#include <bide/testing/run_test.hpp>

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/promise.hpp>
#include <bide/error.hpp>
#include <bide/run.hpp>
#include <bide/task.hpp>

#include <cstdlib>
#include <memory>

#include "loop/loop_core.hpp"
#include "os/open_descriptors.hpp"
#include "testing/test_backend.hpp"

namespace bide::testing {

test_failure::test_failure(const std::string& what) : std::runtime_error(what) {}
test_failure::~test_failure() = default;

namespace detail {

namespace {

using bide::detail::test_backend;

std::string describe(const exception_context& context) {
    std::string text = context.message;
    if (!context.task.empty()) text += " [task " + context.task + "]";
    if (!context.where.empty()) text += " at " + context.where;
    if (context.exception) text += ": " + describe_exception(context.exception);
    return text;
}

// One body, one loop, and the list of what was wrong.
class trial {
public:
    trial(const test_options& options, intervention& what) : options_(options), what_(what) {}

    void run(body make) {
        const auto frames_before = bide::detail::live_frames;
        const auto descriptors_before = bide::detail::open_descriptors();
        std::exception_ptr error;
        try {
            run_body(std::move(make));
        } catch (...) { error = std::current_exception(); }
        // Less than none: another thread has made them, and counts them.
        const auto frames = bide::detail::live_frames - frames_before;
        if (frames > 0) complain(std::to_string(frames) + " coroutine frames were leaked");
        compare(descriptors_before, bide::detail::open_descriptors());
        if (wrong_.empty() && error) std::rethrow_exception(error);
        if (error) complain("the body threw: " + describe_exception(error));
        if (!wrong_.empty()) throw test_failure(wrong_ + seed_note());
    }

private:
    void run_body(body make) {
        bide::runner runs(run_options().loop_factory([this] { return make_loop(); }));
        event_loop& loop = runs.get_loop();
        if (!options_.allow_reports()) {
            loop.set_exception_handler([this](event_loop&, const exception_context& context) {
                complain("reported: " + describe(context));
            });
        }
        runs.run(supervise(make));
        runs.close();
    }

    std::unique_ptr<event_loop> make_loop() {
        auto choice = bide::detail::choose_backend(bide::detail::backend_kind::automatic);
        auto backend = std::make_unique<test_backend>(std::move(choice.chosen), !options_.real_time());
        backend_ = backend.get();
        backend_->fail(what_.fail_operation, what_.error);
        auto loop = std::make_unique<event_loop>(std::move(backend), options_.loop());
        backend_->attach(loop->state());
        return loop;
    }

    coro<void> supervise(body& make) {
        event_loop& loop = get_running_loop();
        task<void> subject = create_task(make(), task_options().name("test body"));
        if (what_.cancel_at_turn != UINT64_MAX) {
            loop.core().on_turn = [this, &subject, turn = std::uint64_t{0}]() mutable {
                if (subject.done() || turn++ != what_.cancel_at_turn) return;
                what_.happened = true;
                subject.cancel("cancel sweep");
            };
        }
        const bide::detail::scope_guard leave([&]() noexcept { loop.core().on_turn = {}; });
        std::exception_ptr error;
        try {
            co_await subject;
        } catch (const cancelled_error&) {
            if (current_task().cancelling() != 0) throw;  // the loop ended in another way
            if (!what_.happened) error = std::current_exception();
        } catch (...) { error = std::current_exception(); }
        if (backend_->submitted() > what_.fail_operation) what_.happened = true;
        if (!options_.allow_tasks()) {
            for (const any_task& each : all_tasks()) {
                if (each == current_task()) continue;
                complain("task '" + each.get_name() + "' was left behind\n" + each.format_stack());
            }
        }
        if (error) std::rethrow_exception(error);
    }

    void compare(const std::vector<std::string>& before, const std::vector<std::string>& after) {
        for (const std::string& each : after) {
            bool known = false;
            for (const std::string& other : before) known = known || other == each;
            if (!known) complain("descriptor left open: " + each);
        }
    }

    void complain(const std::string& what) { wrong_ += (wrong_.empty() ? "" : "\n") + what; }

    static std::string seed_note() {
        const char* const seed = std::getenv("BIDE_SHUFFLE");
        return seed == nullptr ? std::string() : std::string("\n(replay with BIDE_SHUFFLE=") + seed + ")";
    }

    const test_options& options_;
    intervention& what_;
    test_backend* backend_ = nullptr;
    std::string wrong_;
};

}  // namespace

void run_with(body make, const test_options& options, intervention& what) {
    trial(options, what).run(std::move(make));
}

void run_test(body make, const test_options& options) {
    intervention none;
    run_with(std::move(make), options, none);
}

}  // namespace detail
}  // namespace bide::testing
