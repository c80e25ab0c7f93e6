// bide/core: the deadline of a piece of a task, from entry to exit.
//
// Who asked for a cancellation is told by counting. A task counts the cancel() calls that nobody has taken back; a scope
// notes the count on entry, adds one when it fires and takes it back on exit. If the count is then what it was on entry,
// nobody else wants the task cancelled: the cancellation is this scope's alone. If it is higher, somebody outside does,
// an enclosing scope for one, and the cancellation passes through.
#include <bide/timeout.hpp>

#include <bide/detail/core/call_graph.hpp>
#include <bide/detail/core/promise.hpp>
#include <bide/error.hpp>
#include <bide/sleep.hpp>

#include <cstdio>
#include <stdexcept>

#include "core/cancel_count.hpp"
#include "core/core_hooks.hpp"
#include "core/failure_place.hpp"
#include "loop/loop_core.hpp"

namespace bide {

namespace {

detail::loop_core& loop_of(const detail::task_base& task) noexcept {
    return static_cast<detail::loop_core&>(*task.loop);
}

// "2 s", "1.5 s", "250 ms", "30 us".
std::string describe_span(std::int64_t ns) {
    const double value = static_cast<double>(ns);
    const double size = ns < 0 ? -value : value;
    char text[48];
    if (size >= 1e9 || ns == 0) {
        std::snprintf(text, sizeof text, "%.6g s", value / 1e9);
    } else if (size >= 1e6) {
        std::snprintf(text, sizeof text, "%.6g ms", value / 1e6);
    } else if (size >= 1e3) {
        std::snprintf(text, sizeof text, "%.6g us", value / 1e3);
    } else {
        std::snprintf(text, sizeof text, "%.0f ns", value);
    }
    return text;
}

const char* phase_text(bool fired) noexcept { return fired ? "it has fired already" : "its scope has ended"; }

}  // namespace

constinit const detail::ready_ops timeout::ops_table{fire, discard, nullptr, true};

timeout::timeout(detail::time_limit limit) noexcept : detail::timer_node{}, limit_(limit) {
    ops = &ops_table;
}

void timeout::enter() {
    detail::task_base& task = detail::running_task();
    task_ = &task;
    cancels_before_ = detail::cancels_on_entry(task);
    entered_at_ = loop_of(task).os->now();
    if (limit_.kind == detail::limit_kind::span) {
        limit_.ns = detail::deadline_after(entered_at_, limit_.ns);
        limit_.kind = detail::limit_kind::moment;
    }
    phase_ = phase::entered;
    if (limit_.kind != detail::limit_kind::none) arm(entered_at_);
}

bool timeout::leave(bool cancelled) noexcept {
    if (armed_) disarm();
    if (phase_ != phase::expiring) {
        phase_ = phase::exited;
        return false;
    }
    phase_ = phase::expired;
    return detail::take_back_cancel(*task_, cancels_before_) && cancelled;
}

void timeout::reschedule(std::optional<time_point> when) {
    if (phase_ != phase::entered) {
        throw invalid_state_error(std::string("timeout::reschedule: ") + phase_text(expired()) +
                                  "; reschedule it while its body runs and time is left");
    }
    if (armed_) disarm();
    limit_ = when ? detail::limit_at(*when) : detail::time_limit{};
    if (when) arm(loop_of(*task_).os->now());
}

// A deadline that has passed still takes a turn: the body runs up to its first suspension.
void timeout::arm(std::int64_t now) noexcept {
    armed_ = true;
    detail::loop_core& loop = loop_of(*task_);
    if (limit_.ns <= now) {
        loop.ready.push_removable(*this);
    } else {
        timer_node::when = limit_.ns;
        loop.timers.insert(*this);
    }
}

void timeout::disarm() noexcept {
    armed_ = false;
    detail::loop_core& loop = loop_of(*task_);
    if (linked()) {
        loop.timers.remove(*this);
    } else {
        loop.unqueue(*this);  // due, but its turn has not come
    }
}

void timeout::fire(detail::ready_node& node) {
    auto& self = static_cast<timeout&>(static_cast<detail::timer_node&>(node));
    detail::task_base& task = *self.task_;
    self.armed_ = false;
    self.phase_ = phase::expiring;
    if (task.waiting_on != nullptr) {
        self.waited_for_ = detail::name_of_wait(*task.waiting_on);
        self.place_ = detail::place_of_wait(task);
    }
    detail::cancel_task(task, {});
}

void timeout::discard(detail::ready_node& node) noexcept {
    static_cast<timeout&>(static_cast<detail::timer_node&>(node)).armed_ = false;
}

std::string timeout::text() const {
    if (phase_ == phase::created)
        return "timed out before it began: the time given was " + describe_span(limit_.ns);
    const std::int64_t span = limit_.ns - entered_at_;
    std::string text = span < 0
                           ? "timed out: the deadline had passed " + describe_span(-span) + " before it began"
                           : "timed out after " + describe_span(span);
    if (waited_for_ == nullptr) return text;
    text += std::string(", waiting for ") + waited_for_ + " at " + place_.file_name() + ":" +
            std::to_string(place_.line());
    return text;
}

namespace detail {

void throw_timeout_nan() { throw std::invalid_argument("timeout: the delay is NaN"); }

bool is_cancellation(const std::exception_ptr& error) noexcept { return is_cancelled_error(error); }

void timed::give_way(std::coroutine_handle<> frame) {
    task_base& task = running_task();
    give_way_.kind = &yield_wait;
    make_ready(task, *task.loop);
    begin_wait(task, give_way_, frame);
}

void timed::throw_timeout() const { throw timeout_error(scope_.text()); }

std::exception_ptr timed::timeout_failure() const {
    return std::make_exception_ptr(timeout_error(scope_.text()));
}

}  // namespace detail
}  // namespace bide
