// bide/core: how a future or task ends, and what those who look at it get.
#include <bide/future.hpp>

#include <bide/detail/base/assert.hpp>
#include <bide/detail/core/until_done.hpp>
#include <bide/error.hpp>

#include <typeinfo>
#include <utility>

#include "core/core_hooks.hpp"
#include "core/failure_place.hpp"
#include "loop/loop_core.hpp"
#include "loop/loop_list.hpp"

namespace bide::detail {

namespace {

const char* kind_of(const future_core& what) noexcept {
    if (what.has(flag::is_task)) return "task";
    return static_cast<const plain_future&>(what).ops->name;
}

std::string label(const future_core& what) {
    if (!what.has(flag::is_task)) return kind_of(what);
    return "task '" + task_name(static_cast<const task_base&>(what)) + "'";
}

void report_unretrieved(future_core& what) noexcept {
    try {
        const bool is_task = what.has(flag::is_task);
        report_late(what.loop, what.loop_number,
                    {is_task ? "Task exception was never retrieved" : "Future exception was never retrieved",
                     what.error, is_task ? task_name(as_task(what)) : std::string(), failure_place(what),
                     is_task
                         ? "await the task, or start it in a task group, so that somebody sees its failure"
                         : "await the future, or look at its exception()"});
    } catch (...) {  // no memory to describe it
    }
}

}  // namespace

void destroy_future(future_core& what) noexcept {
    if (what.has(flag::unretrieved) && !what.has(flag::quiet)) report_unretrieved(what);
    while (wait_node* const node = what.waiters.pop_front()) node->ops->discard(*node);
    if (what.has(flag::is_task)) {
        as_task(what).table().destroy(as_task(what));
    } else {
        static_cast<plain_future&>(what).ops->destroy(what);
    }
}

// The loop may have been closed or destroyed since: then done callbacks cannot run any more.
static bool outlived_loop(const future_core& what) noexcept {
    return !belongs_to(what, this_loop) &&
           (!is_alive(what.loop, what.loop_number) || static_cast<const loop_core*>(what.loop)->closed);
}

void finish_future(future_core& what) noexcept {
    what.set(flag::done);
    if (outlived_loop(what)) [[unlikely]] {
        while (wait_node* const node = what.waiters.pop_front()) node->ops->discard(*node);
        return;
    }
    loop_state& loop = *what.loop;
    while (wait_node* const node = what.waiters.pop_front()) {
        // A done callback is handed the future, so it must keep it; a task that awaits it does so anyway.
        if (node->ops->run == run_callback) {
            void*& anchor = static_cast<callback*>(node)->anchor;
            if (anchor == nullptr) anchor = &retain(what);
        }
        make_ready(*node, loop);
    }
}

bool cancel_plain(future_core& what, const std::string& message) {
    if (what.has(flag::done)) {
        what.clear(flag::unretrieved);
        return false;
    }
    check_use(what, "cancel");
    if (!message.empty()) what.more().cancel_message = message;
    what.set(flag::cancelled);
    finish_future(what);
    return true;
}

bool cancel_any(future_core& what, const std::string& message) {
    if (what.has(flag::is_task)) return cancel_task(as_task(what), message);
    return static_cast<plain_future&>(what).ops->cancel(what, message);
}

std::string cancel_message_of(const future_core& what) {
    return what.extra == nullptr ? std::string() : what.extra->cancel_message;
}

void check_result(future_core& what) {
    what.clear(flag::unretrieved);
    if (what.has(flag::cancelled)) [[unlikely]]
        throw cancelled_error(cancel_message_of(what));
    if (what.has(flag::failed)) [[unlikely]]
        std::rethrow_exception(what.error);
}

std::exception_ptr failure_of(future_core& what) {
    what.clear(flag::unretrieved);
    if (what.has(flag::cancelled)) {
        return std::make_exception_ptr(cancelled_error(cancel_message_of(what)));
    }
    return what.has(flag::failed) ? what.error : nullptr;
}

void throw_not_ready(const future_core& what) {
    throw invalid_state_error("the " + label(what) + " is not done; await it, or look at done() first");
}

void throw_taken(const future_core& what) {
    throw invalid_state_error("the result of the " + label(what) +
                              " cannot be copied and was moved out by the first await; await it once");
}

void throw_done_already(const future_core& what, const char* call) {
    throw invalid_state_error(std::string(call) + ": the " + label(what) + " is done already");
}

void throw_empty_handle(const char* what) {
    throw invalid_state_error(std::string("this ") + what +
                              " handle is empty: default-constructed or moved from");
}

handle add_done_callback(future_core& what, callback& node) {
    try {
        check_use(what, "add_done_callback");
        if (outlived_loop(what)) throw invalid_state_error("add_done_callback: the event loop is closed");
    } catch (...) {
        node.ops->discard(node);
        release_callback(node);
        throw;
    }
    node.owner = what.loop;
    node.context = retain(what.loop->context);
    if (what.has(flag::done)) {
        node.anchor = &retain(what);
        what.loop->ready.push(node);
    } else {
        if (what.has(flag::driven)) node.anchor = &retain(what);
        what.waiters.push_back(node);
    }
    return handle(node);
}

bool remove_done_callback(future_core& what, const handle& which) noexcept {
    for (wait_node* node = what.waiters.front(); node != nullptr; node = what.waiters.after(*node)) {
        if (!which.refers_to(*node)) continue;
        what.waiters.remove(*node);
        node->ops->discard(*node);
        return true;
    }
    return false;
}

event_loop& loop_of(const future_core& what) {
    if (!belongs_to(what, this_loop) && !is_alive(what.loop, what.loop_number)) {
        throw invalid_state_error("get_loop: the event loop of the " + label(what) + " no longer exists");
    }
    return *what.loop->loop;
}

void check_use_slow(const future_core& what, const char* call) {
    if (!is_alive(what.loop, what.loop_number) || !static_cast<const loop_core*>(what.loop)->runs_elsewhere())
        return;
    throw invalid_state_error(std::string(call) + ": the " + label(what) +
                              " belongs to a loop that runs in another thread; use its call_soon_threadsafe");
}

void before_set(const future_core& what, const char* call) {
    if (what.has(flag::done)) throw_done_already(what, call);
    check_use(what, call);
    if (!what.waiters.empty() && outlived_loop(what)) {
        throw invalid_state_error(std::string(call) +
                                  ": the event loop is closed, so the done callbacks cannot run");
    }
}

void set_failure(future_core& what, std::exception_ptr error) {
    if (!error) throw std::invalid_argument("set_exception: the exception pointer is null");
    what.fail(std::move(error));
    what.set(flag::unretrieved);
    finish_future(what);
}

loop_state& current_loop_state(const char* call) {
    loop_state* const loop = this_loop;
    if (loop == nullptr) [[unlikely]] {
        throw invalid_state_error(
            std::string(call) +
            ": no event loop is running in this thread; call it from a coroutine that bide::run "
            "or a task runs");
    }
    loop->hooks = &core_hooks;
    return *loop;
}

void use_hooks(loop_state& loop) noexcept { loop.hooks = &core_hooks; }

void pass_on_base_exception(const std::exception_ptr& error) {
    if (is_base_exception(error)) std::rethrow_exception(error);
}

// --- awaiting ---

namespace {

cancel_outcome cancel_future_wait(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    future_core& inner = *static_cast<future_wait_state&>(what).what;
    const bool accepted = cancel_any(inner, cancel_message_of(task));
    return accepted ? cancel_outcome::requested : cancel_outcome::too_late;
}

void detach_future_wait(wait& what, task_base& task) noexcept {
    if (task.linked()) static_cast<future_wait_state&>(what).what->waiters.remove(task);
}

const future_core* awaited_future(const wait& what) noexcept {
    return static_cast<const future_wait_state&>(what).what;
}

}  // namespace

constinit const wait_kind future_wait{"future", cancel_future_wait, detach_future_wait, awaited_future};

constinit const wait_kind until_done_wait{"future",
                                          [](wait& what, task_base& task) noexcept {
                                              if (!task.linked()) return cancel_outcome::too_late;
                                              detach_future_wait(what, task);
                                              return cancel_outcome::withdrawn;
                                          },
                                          detach_future_wait, awaited_future};

void check_may_await(const task_base& task, const future_core& what) {
    if (&what == &task) throw invalid_state_error("task '" + task_name(task) + "' cannot await itself");
    if (!belongs_to(what, task.loop)) {
        throw invalid_state_error("task '" + task_name(task) + "' awaits a " + kind_of(what) +
                                  " that belongs to another loop; use run_coroutine_threadsafe");
    }
}

}  // namespace bide::detail
