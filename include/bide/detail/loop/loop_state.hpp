// bide/loop: the part of a loop that hot paths in headers touch.
#pragma once

#include <bide/detail/base/node.hpp>
#include <bide/detail/base/ready_queue.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>

namespace bide {
class event_loop;
}

namespace bide::detail {

struct task_base;  // core's; opaque here

// The context variables of a task or callback: an immutable map that core fills in. Counted atomically, because
// to_thread takes it to another thread.
struct context_data {
    std::atomic<std::uint32_t> refs{1};
    void (*destroy)(context_data*) noexcept;
};

inline context_data* retain(context_data* context) noexcept {
    if (context != nullptr) context->refs.fetch_add(1, std::memory_order_relaxed);
    return context;
}
inline void release(context_data* context) noexcept {
    if (context != nullptr && context->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
        context->destroy(context);
}

struct loop_state;

// A step of a task, for reports: the task's name and where it is suspended. Both empty for what is no task.
struct step_place {
    std::string task;
    std::string where;
};

// What the loop asks of the layer above it.
struct loop_hooks {
    // Nothing can wake the loop: the error to end with, or null when no task waits.
    std::exception_ptr (*stuck)(loop_state&);
    // For reports: what is about to run; `after` its step: the same task, empty when it has ended. The node itself may
    // not exist then.
    step_place (*step)(const loop_state&, const ready_node&, bool after);
    // Gives back what a callback kept alive.
    void (*release_anchor)(void*) noexcept;
    // The loop closes: destroys what is left of the tasks.
    void (*destroy_tasks)(loop_state&) noexcept;
    const void* debug_layout;
};

// A ring of links; core keeps its tasks in one.
struct ring_link {
    ring_link* before = this;
    ring_link* after = this;

    void insert_before(ring_link& at) noexcept {
        before = at.before;
        after = &at;
        at.before->after = this;
        at.before = this;
    }
    void unlink() noexcept {
        before->after = after;
        after->before = before;
        before = after = this;
    }
};

// Something that has operations in flight which no task awaits, such as a stream that is still sending. When the loop
// closes, it is taken out of the ring and told to end them; otherwise the loop would wait for them.
struct loop_guest : ring_link {
    explicit loop_guest(void (*on_close)(loop_guest&) noexcept) noexcept : close(on_close) {}
    void (*close)(loop_guest&) noexcept;
};

struct loop_state {
    ready_queue ready;
    task_base* current = nullptr;     // the task whose step is running
    context_data* context = nullptr;  // of the task or callback that is running
    event_loop* loop = nullptr;
    ring_link tasks;                  // every task that is not done
    loop_state* next_loop = nullptr;  // of the process; see loop_list.hpp
    ring_link guests;
    std::uint32_t pending_external = 0;  // jobs and handles outside the loop that may still wake it
    std::uint32_t number = 0;            // given once in the process; addresses are used again
    const loop_hooks* hooks = nullptr;
    bool debug = false;
};

// The loop that is running on this thread; null when none is. Reset in the child of a fork.
extern constinit thread_local loop_state* this_loop;

}  // namespace bide::detail
