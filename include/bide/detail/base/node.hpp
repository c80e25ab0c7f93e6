// bide/base: the intrusive nodes that queues, wait lists, timers and backends pass around.
//
// One object is in at most one place at a time: a task that waits is linked into one list or one timer slot or one
// operation, and a task that may run is linked into the ready queue. So the links live in the object itself, once,
// and no queue ever allocates. The types build on each other by what they may be linked into:
//
//   ready_node   something the loop can run
//   wait_node    ... and that can wait in a list for somebody to make it ready
//   timer_node   ... or for a moment, or for an operation of the operating system
#pragma once

#include <cstdint>

namespace bide::detail {

struct ready_node;
struct op_request;

struct ready_ops {
    void (*run)(ready_node&);
    // Called instead of `run` when the loop closes with the node still queued.
    void (*discard)(ready_node&) noexcept;
    // For introspection: the future that is completed by what this node runs, such as a gather for its children.
    const void* (*feeds)(const ready_node&) noexcept = nullptr;
    // A timer_node that can leave the ready queue before its turn: see ready_queue::push_removable.
    bool removable = false;
};

struct ready_node {
    const ready_ops* ops;
    ready_node* next_ready = nullptr;
};

struct wait_node : ready_node {
    wait_node* prev = nullptr;  // null: not in a list
    wait_node* next = nullptr;

    [[nodiscard]] bool linked() const noexcept { return prev != nullptr; }
};

struct timer_node : wait_node {
    union {
        std::int64_t when = 0;  // nanoseconds on the loop's clock
        op_request* request;    // while a backend holds the node
        ready_node** link;      // while it is ready and removable: the pointer to it in the queue
    };
};

}  // namespace bide::detail
