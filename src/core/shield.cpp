// bide/core: protect what is awaited from the cancellation of its waiter.
#include <bide/shield.hpp>

#include <bide/error.hpp>

#include <utility>

#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

void mirror(future_core& outer, future_core& inner) {
    if (inner.has(flag::cancelled)) {
        cancel_plain(outer, cancel_message_of(inner));
        return;
    }
    std::exception_ptr error = failure_of(inner);
    if (!error) {
        try {
            static_cast<const shield_ops*>(static_cast<plain_future&>(outer).ops)->pass_on(outer, inner);
        } catch (...) {  // the value could not be copied, or had been moved out before
            error = std::current_exception();
        }
    }
    if (error) return end_with(outer, std::move(error));
    finish_future(outer);
}

void let_outer_go(shield_list& list) noexcept {
    if (std::exchange(list.alone, false)) release(*list.awaiter);
}

// The inner future is done, the outer one was cancelled before.
void look_at_failure(shield_list& list, watch_node& node) {
    future_core& inner = *node.what;
    if (inner.has(flag::unretrieved) && !std::exchange(list.waited, true)) return start_watching(list, node);
    exception_context context;
    if (inner.has(flag::unretrieved)) {
        context = {"Unhandled exception in shielded future",
                   failure_of(inner),
                   inner.has(flag::is_task) ? task_name(as_task(inner)) : std::string(),
                   {}};
    }
    auto& loop = static_cast<loop_core&>(*inner.loop);
    give_back(list, false);
    let_outer_go(list);
    if (context.exception) report(loop, std::move(context));
}

}  // namespace

void shielded_done(watch_list& list, watch_node& node) {
    auto& mine = static_cast<shield_list&>(list);
    future_core& outer = *list.awaiter;
    if (outer.has(flag::done)) return look_at_failure(mine, node);
    retain(outer);  // destructors of values may drop the last handle
    mirror(outer, *node.what);
    give_back(list, false);
    release(outer);
}

// A plain future that fails without a watcher is reported when it is dropped; keeping it alive from here would keep
// both alive for ever when nobody sets it.
bool cancel_shield(shield_list& list, const std::string& message) {
    future_core& outer = *list.awaiter;
    if (!cancel_plain(outer, message)) return false;
    const watch_node& node = *list.begin();
    if (node.list == nullptr || !node.what->has(flag::is_task)) return true;
    retain(outer);
    list.alone = true;
    return true;
}

void shield_closed(watch_list& list) noexcept {
    auto& mine = static_cast<shield_list&>(list);
    future_core& outer = retain(*list.awaiter);
    discard_callbacks(outer);
    let_outer_go(mine);
    release(outer);
}

}  // namespace bide::detail
