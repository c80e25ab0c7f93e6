// bide/loop: the way into a loop for threads that may outlive it.
//
// The loop's inbox refuses nodes once it is closed, but it is part of the loop, and so is what wakes it; and a node that
// has been pushed may end the loop before the thread that pushed it has come to the wake-up. So other threads pass
// through the door, which those who cannot know whether the loop still exists keep:
//
//   enter: count yourself in; closed: count yourself out and turn back
//   close: mark it closed; wait until nobody is inside any more
//
// One word holds both, so one of the two sees the other. Inside there is room for a push and a wake-up only, so the
// wait is short; it spins, because the last act of a visitor must be to leave: afterwards the loop may be gone.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "loop/inbox.hpp"
#include "os/backend.hpp"

namespace bide::detail {

class loop_core;

class loop_door {
public:
    loop_door(loop_core& loop, inbox& arrivals, backend& os) noexcept
        : loop_(loop), arrivals_(arrivals), os_(os) {}
    loop_door(const loop_door&) = delete;
    loop_door& operator=(const loop_door&) = delete;

    // Any thread: calls fn(loop) and returns its answer; false when the loop is closed. fn must be short.
    template <class F>
    bool with_loop(F&& fn) {
        if ((state_.fetch_add(1, std::memory_order_acquire) & closed) != 0) {
            state_.fetch_sub(1, std::memory_order_release);
            return false;
        }
        const leave_at_end leave{state_};
        return fn(loop_);
    }

    // Any thread: hands the node over and wakes the loop. False when the loop is closed: the node was not taken.
    bool post(ready_node& node) noexcept {
        return with_loop([&](loop_core&) noexcept { return push(node); });
    }

    // Inside with_loop().
    bool push(ready_node& node) noexcept {
        bool wake = false;
        if (!arrivals_.push(node, wake)) return false;
        if (wake) os_.wake();
        return true;
    }

    // Loop thread: waits until those who are inside have left. In the child of a fork they never will: they are threads
    // of the parent.
    void wait_until_empty() const noexcept {
        while ((state_.load(std::memory_order_acquire) & ~closed) != 0 && !os_.inherited())
            std::this_thread::yield();
    }

    // Loop thread. Afterwards nobody else touches the loop.
    void close() noexcept {
        state_.fetch_or(closed, std::memory_order_acq_rel);
        wait_until_empty();
    }

private:
    static constexpr std::uint32_t closed = std::uint32_t{1} << 31;

    struct leave_at_end {
        std::atomic<std::uint32_t>& state;
        ~leave_at_end() { state.fetch_sub(1, std::memory_order_release); }
    };

    loop_core& loop_;
    inbox& arrivals_;
    backend& os_;
    std::atomic<std::uint32_t> state_{0};
};

}  // namespace bide::detail
