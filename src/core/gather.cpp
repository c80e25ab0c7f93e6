// bide/core: run several awaitables side by side and collect their results.
//
// The children report one by one, each in the turn after it was done. Three ways to the end:
//   1. Without a cancellation, the first failure ends the future at once. The other children are let go: they run on,
//      marked quiet, because one failure of a gather is all that anybody is told.
//   2. The last child is done: the values are collected.
//   3. After a cancellation nothing ends the future before the last child is done, so that nobody who was cancelled is
//      still cleaning up when the await returns. What a child fails with then is not lost to the cancellation.
#include <bide/gather.hpp>

#include <bide/error.hpp>

#include "core/core_hooks.hpp"

namespace bide::detail {

namespace {

// Nobody waits for the children any more, and nobody is to hear of their failures.
void let_go(gather_list& list) noexcept {
    stop_watching(list);
    give_back(list, true);
}

void fail(gather_list& list, std::exception_ptr error) noexcept {
    end_with(*list.awaiter, std::move(error));
    let_go(list);
}

std::exception_ptr cancellation(const future_core& outer) {
    return std::make_exception_ptr(cancelled_error(cancel_message_of(outer)));
}

void complete(gather_list& list) {
    future_core& outer = *list.awaiter;
    if (list.cancel_requested)
        return fail(list, list.first_failure ? list.first_failure : cancellation(outer));
    std::exception_ptr error;
    try {
        static_cast<const gather_ops*>(static_cast<plain_future&>(outer).ops)->collect(outer, list);
    } catch (...) {  // a value could not be copied, or had been moved out before
        error = std::current_exception();
    }
    if (error) return fail(list, std::move(error));
    finish_future(outer);
    let_go(list);
}

void note_end(gather_list& list, const watch_node& node) {
    --list.pending;
    if (list.awaiter->has(flag::done)) return;
    future_core& child = *node.what;
    if (!list.keep_failures && child.has(flag::failed | flag::cancelled)) {
        if (!list.cancel_requested) return fail(list, failure_of(child));
        if (!list.first_failure && child.has(flag::failed)) list.first_failure = failure_of(child);
    }
    if (list.pending == 0) complete(list);
}

}  // namespace

void start_gather(gather_list& list) {
    list.pending = skip_duplicates(list);
    if (list.pending == 0) return complete(list);
    for (watch_node& node : list) {
        if (node.list != nullptr && !node.what->has(flag::done)) start_watching(list, node);
    }
    // What is done already counts now, so that a gather of such children can be awaited without a suspension.
    for (watch_node& node : list) {
        if (node.list == nullptr || node.linked()) continue;
        node.list = nullptr;
        note_end(list, node);
    }
}

void gather_child_done(watch_list& list, watch_node& node) {
    future_core& outer = retain(*list.awaiter);  // destructors of values may drop the last handle
    note_end(static_cast<gather_list&>(list), node);
    release(outer);
}

void gather_closed(watch_list& list) noexcept { discard_callbacks(*list.awaiter); }

bool cancel_gather(gather_list& list, const std::string& message) {
    future_core& outer = *list.awaiter;
    if (outer.has(flag::done)) return false;
    bool accepted = false;
    for (const watch_node& node : list) {
        if (node.list != nullptr && node.linked()) accepted = cancel_any(*node.what, message) || accepted;
    }
    if (!accepted) return false;
    list.cancel_requested = true;
    if (!message.empty()) outer.more().cancel_message = message;
    return true;
}

}  // namespace bide::detail
