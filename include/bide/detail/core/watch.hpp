// bide/core: one object that watches several tasks or futures.
//
// gather, wait, as_completed and shield all need the same: a node in the list of waiters of each child, which the loop
// runs in the turn after the child is done, as it does a done callback. The nodes of one combinator lie in one block
// with it, so it costs one allocation however many children there are. A node is
//
//   linked  in its child's list of waiters: the child is not done
//   queued  in the loop's ready queue: the child is done
//   idle    it has run, or was taken back; `list` is null
//
// A queued node cannot be taken back. So a combinator that goes away before its turn has come is dropped: it gives back
// everything else at once, and the last queued node to run frees the memory.
#pragma once

#include <bide/detail/core/future_core.hpp>
#include <bide/detail/core/task_base.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>

namespace bide::detail {

struct watch_list;

extern const ready_ops watch_ops;

struct watch_node : wait_node {
    watch_node() noexcept : wait_node{} { ops = &watch_ops; }

    future_core* what = nullptr;  // the child; a reference of ours, null when it was given back
    watch_list* list = nullptr;
};

struct watch_kind {
    // The child of `node` is done.
    void (*done)(watch_list&, watch_node& node);
    // Frees the block, to which nothing refers any more.
    void (*free)(watch_list&) noexcept;
    // The loop closes and `done` will not be called.
    void (*closed)(watch_list&) noexcept = nullptr;
};

struct watch_list {
    watch_list(const watch_kind& of, watch_node* first, std::size_t size) noexcept
        : kind(&of), nodes(first), count(size) {}
    watch_list(const watch_list&) = delete;
    watch_list& operator=(const watch_list&) = delete;

    [[nodiscard]] watch_node* begin() const noexcept { return nodes; }
    [[nodiscard]] watch_node* end() const noexcept { return nodes + count; }

    const watch_kind* kind;
    watch_node* nodes;
    std::size_t count;
    future_core* awaiter = nullptr;  // the future that the children complete, or the task that waits for them
    std::size_t queued = 0;          // once dropped: the nodes that the loop will still run
    bool dropped = false;
};

// The memory of a `Block` followed by its nodes, which begin right after it.
template <class Block>
void* allocate_watch(std::size_t count) {
    static_assert(sizeof(Block) % alignof(watch_node) == 0 && alignof(Block) >= alignof(watch_node));
    return pool_allocate(sizeof(Block) + count * sizeof(watch_node));
}
template <class Block>
watch_node* nodes_behind(Block* block, std::size_t count) noexcept {
    auto* const nodes = reinterpret_cast<watch_node*>(block + 1);
    std::uninitialized_default_construct_n(nodes, count);
    return nodes;
}
template <class Block>
void free_watch(Block* block, std::size_t count) noexcept {
    block->~Block();
    pool_free(block, sizeof(Block) + count * sizeof(watch_node));
}

// Links the node to its child, or queues it when the child is done.
void start_watching(watch_list& list, watch_node& node) noexcept;
// Takes back the nodes that are linked.
void stop_watching(watch_list& list) noexcept;
// Gives the children back; `quiet`: failures that nobody looks at are not reported.
void give_back(watch_list& list, bool quiet) noexcept;
// The combinator goes away.
void drop_watch(watch_list& list) noexcept;

// Sets `list` in the node of every child that is named for the first time. Returns: how many those are.
std::size_t skip_duplicates(watch_list& list) noexcept;

// Ends a future with a failure. One by cancelled_error is nobody's fault, so it is not reported when nobody looks.
void end_with(future_core& outer, std::exception_ptr error) noexcept;

// The future will never end: drops its done callbacks, which keep it alive (flag::driven).
void discard_callbacks(future_core& outer) noexcept;

// Throws std::invalid_argument when a child belongs to another loop than the first one did. `loop` is null before.
void check_loop(loop_state*& loop, const future_core& what, const char* call);
// The same for the loop that runs, which coroutines need. Throws invalid_state_error when none does.
void use_running_loop(loop_state*& loop, const char* call);

}  // namespace bide::detail
