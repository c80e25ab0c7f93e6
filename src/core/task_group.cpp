// bide/core: how a task group ends.
//
// The parent is the task that runs with_task_group(). Three things cancel: somebody outside cancels the parent; a child
// fails, and the group cancels the other children and the parent, whose body must end; group.cancel() does the same on
// request. The group's own cancel() of the parent is counted and taken back at the end, so that what is left over then
// came from outside. What counts at the end, in this order:
//
//   1. the first keyboard_interrupt or system_exit, by itself
//   2. a cancellation from outside, if nothing failed
//   3. the failures, as an exception_group; a cancellation from outside then waits for the parent's next await
//   4. nothing: a cancellation that the group made itself has served its purpose
#include <bide/task_group.hpp>

#include <bide/detail/base/assert.hpp>
#include <bide/error.hpp>

#include <utility>

#include "core/cancel_count.hpp"
#include "core/core_hooks.hpp"
#include "loop/loop_core.hpp"

namespace bide {

task_group::task_group()
    : parent_(detail::running_task()), cancels_before_(detail::cancels_on_entry(parent_)) {}

// Only when the loop closes there can be children left: their tasks are destroyed by themselves.
task_group::~task_group() {
    while (!empty()) {
        auto& link = static_cast<detail::group_link&>(*children_.after);
        BIDE_ASSERT(link.linked());
        link.task->waiters.remove(link);
        link.leave();
    }
}

void task_group::refuse() const {
    if (aborting_) {
        throw invalid_state_error(
            "task_group::create_task: the group is shutting down, for a child failed or it was cancelled");
    }
    throw invalid_state_error(
        "task_group::create_task: the group is finished: its body has ended and no child is left");
}

void task_group::start(detail::task_base& child, detail::group_link& link, void* frame,
                       task_options* options) {
    link.join(*this, child);
    try {
        if (options == nullptr) {
            detail::launch(child, frame);
        } else {
            detail::launch(child, frame, std::move(*options));
        }
    } catch (...) {
        if (!child.has(detail::flag::done)) {  // it never started
            child.waiters.remove(link);
            link.leave();
        }
        throw;
    }
}

void task_group::cancel() {
    if ((exiting_ && empty()) || aborting_) return;
    abort();
    cancel_parent();
}

void task_group::abort() noexcept {
    aborting_ = true;
    for (detail::ring_link* at = children_.after; at != &children_; at = at->after) {
        detail::cancel_task(*static_cast<detail::group_link*>(at)->task, {});
    }
}

void task_group::cancel_parent() {
    parent_cancelled_ = true;
    detail::cancel_task(parent_, {});
}

void task_group::child_done(detail::group_link& link) {
    detail::task_base& child = *link.task;
    std::exception_ptr error;
    if (child.has(detail::flag::failed)) error = detail::failure_of(child);
    link.leave();
    if (empty() && joining_) {
        joining_ = false;
        detail::make_ready(parent_, *parent_.loop);
    }
    if (error == nullptr) return;
    errors_.push_back(error);
    if (base_error_ == nullptr && detail::ends_loop(error)) base_error_ = error;
    if (aborting_) return;
    abort();
    cancel_parent();
}

void task_group::body_ended(const std::exception_ptr& error) {
    exiting_ = true;
    if (error == nullptr) return;
    if (detail::ends_loop(error) && base_error_ == nullptr) base_error_ = error;
    propagate_ = detail::is_cancelled_error(error);
    if (!aborting_) abort();
}

void task_group::join_cancelled() noexcept {
    cancelled_in_join_ = true;
    if (aborting_) return;
    propagate_ = true;
    abort();
}

void task_group::finish(const std::exception_ptr& body_error) {
    BIDE_ASSERT(empty());
    if (parent_cancelled_) {
        if (detail::take_back_cancel(parent_, cancels_before_)) {
            propagate_ = false;
        } else {
            propagate_ = propagate_ || cancelled_in_join_;
        }
    }
    if (base_error_ != nullptr) throw_base_error();
    const bool body_cancelled = detail::is_cancelled_error(body_error);
    if (propagate_ && errors_.empty()) {
        if (body_cancelled) std::rethrow_exception(body_error);
        throw cancelled_error(detail::cancel_message_of(parent_));
    }
    if (body_error != nullptr && !body_cancelled) errors_.push_back(body_error);
    if (errors_.empty()) return;
    if (parent_.cancelling > cancels_before_) {  // the count stays, the cancellation is delivered once more
        detail::uncancel_task(parent_);
        detail::cancel_task(parent_, {});
    }
    // A generator that is closed inside a group must see its generator_exit.
    if (errors_.size() == 1 && body_error == errors_.front() && detail::is_base_exception(body_error)) {
        std::rethrow_exception(body_error);
    }
    throw exception_group("unhandled errors in a task group", std::move(errors_));
}

void task_group::throw_base_error() {
    for (const std::exception_ptr& error : errors_) {
        if (error == base_error_) continue;
        detail::report(static_cast<detail::loop_core&>(*parent_.loop),
                       {"A failure in a task group was lost to " + describe_exception(base_error_),
                        error,
                        detail::task_name(parent_),
                        {}});
    }
    std::rethrow_exception(base_error_);
}

void task_group::throw_no_value() const {
    throw invalid_state_error("with_task_group: group.cancel() ended the body before it returned a value; "
                              "let it return a std::optional");
}

namespace detail {

constinit const ready_ops group_link::table{run, discard, feeds};

void group_link::join(task_group& to, task_base& child) noexcept {
    group = &to;
    task = &child;
    retain(static_cast<future_core&>(child));
    child.waiters.push_back(*this);
    insert_before(to.children_);
}

void group_link::leave() noexcept {
    unlink();
    release(static_cast<future_core&>(*task));
}

void group_link::run(ready_node& node) {
    auto& self = static_cast<group_link&>(node);
    self.group->child_done(self);
}

void group_link::discard(ready_node& node) noexcept { static_cast<group_link&>(node).leave(); }

const void* group_link::feeds(const ready_node& node) noexcept {
    return static_cast<const future_core*>(&static_cast<const group_link&>(node).group->parent_);
}

// The children are not cancelled here but in the parent's next step, so that groups inside groups do not recurse.
constinit const wait_kind group_join::kind_{
    "task_group",
    [](wait& what, task_base&) noexcept {
        bool& joining = static_cast<group_join&>(what).group_.joining_;
        return std::exchange(joining, false) ? cancel_outcome::withdrawn : cancel_outcome::too_late;
    },
    [](wait& what, task_base&) noexcept { static_cast<group_join&>(what).group_.joining_ = false; }};

void group_join::await_suspend(std::coroutine_handle<> frame) {
    group_.joining_ = true;
    begin_wait(group_.parent_, *this, frame);
}

void group_join::await_resume() noexcept {
    if (!must_throw(group_.parent_)) return;
    group_.parent_.clear(flag::must_cancel | flag::cancel_now);
    group_.join_cancelled();
}

}  // namespace detail
}  // namespace bide
