// bide/loop: the life of one scheduled call.
#include <bide/handle.hpp>

#include <bide/detail/base/assert.hpp>
#include <bide/detail/base/block_pool.hpp>
#include <bide/detail/base/scope_guard.hpp>
#include <bide/error.hpp>

#include <utility>

#include "loop/loop_core.hpp"

namespace bide::detail {

void* allocate_callback(std::size_t size) { return pool_allocate(size); }
void free_callback(void* at, std::size_t size) noexcept { pool_free(at, size); }

namespace {

void drop_function(callback& what) noexcept {
    if (what.table().drop != nullptr) what.table().drop(what);
}

}  // namespace

void retain_callback(callback& what) noexcept {
    if (what.threadsafe) {
        what.refs.fetch_add(1, std::memory_order_relaxed);
    } else {
        what.refs.store(what.refs.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
}

void release_callback(callback& what) noexcept {
    if (what.threadsafe) {
        if (what.refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    } else {
        const auto refs = what.refs.load(std::memory_order_relaxed);
        what.refs.store(refs - 1, std::memory_order_relaxed);
        if (refs != 1) return;
    }
    release(what.context);
    free_callback(&what,
                  what.table().size);  // the function is gone already, and nothing else has a destructor
}

void cancel_callback(callback& what) noexcept {
    if (what.threadsafe) {  // the loop drops the function when it finds the call cancelled
        auto expected = callback_state::pending;
        what.state.compare_exchange_strong(expected, callback_state::cancelled, std::memory_order_acq_rel);
        return;
    }
    if (what.state.load(std::memory_order_relaxed) != callback_state::pending) return;
    what.state.store(callback_state::cancelled, std::memory_order_relaxed);
    drop_function(what);
    if (!what.in_timers || !what.linked()) return;  // queued: the loop releases it when its turn comes
    static_cast<loop_core*>(what.owner)->timers.remove(what);
    release_callback(what);
}

namespace {

// The call is over: it keeps nothing alive any more, although handles of it may stay, even longer than the loop.
void let_go(callback& what) noexcept {
    if (void* const anchor = std::exchange(what.anchor, nullptr)) what.owner->hooks->release_anchor(anchor);
}

// Drops the function of a threadsafe call that was cancelled, or of any call when the loop closes.
void finish(callback& what, callback_state from) noexcept {
    if (from == callback_state::pending || (from == callback_state::cancelled && what.threadsafe)) {
        drop_function(what);
    }
    let_go(what);
    release_callback(what);
}

}  // namespace

void run_callback(ready_node& node) {
    auto& what = static_cast<callback&>(node);
    auto expected = callback_state::pending;
    if (what.threadsafe) {
        if (!what.state.compare_exchange_strong(expected, callback_state::running,
                                                std::memory_order_acq_rel)) {
            return finish(what, expected);
        }
    } else {
        expected = what.state.load(std::memory_order_relaxed);
        if (expected != callback_state::pending) return finish(what, expected);
        what.state.store(callback_state::running, std::memory_order_relaxed);
    }
    auto& loop = static_cast<loop_core&>(*what.owner);
    loop.context =
        std::exchange(what.context, nullptr);  // the loop's own meanwhile: the call may set variables
    const scope_guard after([&]() noexcept {
        release(std::exchange(loop.context, nullptr));
        what.state.store(callback_state::done, std::memory_order_release);
        drop_function(what);
        let_go(what);
        release_callback(what);
    });
    try {
        what.table().call(what);
    } catch (const keyboard_interrupt&) { throw; } catch (const system_exit&) {
        throw;
    } catch (...) { report(loop, {"Exception in a callback", std::current_exception(), {}, {}}); }
}

void discard_callback(ready_node& node) noexcept {
    auto& what = static_cast<callback&>(node);
    auto expected = callback_state::pending;
    what.state.compare_exchange_strong(expected, callback_state::cancelled, std::memory_order_acq_rel);
    finish(what, expected);
}

}  // namespace bide::detail
