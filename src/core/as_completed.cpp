// bide/core: several tasks in the order in which they get done.
#include <bide/as_completed.hpp>

#include <bide/error.hpp>

#include <string>

#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

loop_core& loop_of(const completion_block& block) noexcept { return static_cast<loop_core&>(*block.loop); }

// What is done from now on came too late.
void expire(completion_block& block) noexcept {
    block.expired = true;
    stop_watching(block);
}

bool time_is_up(completion_block& block) noexcept {
    if (!block.expired && block.timeout != no_deadline && loop_of(block).os->now() >= block.timeout)
        expire(block);
    return block.expired;
}

// Takes the reader out of the timers. False when it is in the ready queue already.
bool withdraw(completion_block& block, task_base& reader) noexcept {
    if (block.woken) return false;
    block.woken = true;
    if (block.timeout == no_deadline) return true;
    if (!reader.linked()) return false;
    loop_of(block).timers.remove(reader);
    return true;
}

void child_done(watch_list& list, watch_node& node) {
    auto& block = static_cast<completion_block&>(list);
    if (time_is_up(block)) return;
    block.done.push_back(node);
    if (block.awaiter == nullptr) return;
    task_base& reader = as_task(*block.awaiter);
    if (withdraw(block, reader)) make_ready(reader, *block.loop);
}

constexpr watch_kind completion_watch{child_done, [](watch_list& list) noexcept {
                                          free_watch(&static_cast<completion_block&>(list), list.count);
                                      }};

}  // namespace

completion_block::completion_block(std::int64_t limit, std::size_t size) noexcept
    : watch_list(completion_watch, nodes_behind(this, size), size), timeout(limit) {}

completion_block& make_completion_block(std::int64_t timeout, std::size_t count) {
    return *::new (allocate_watch<completion_block>(count)) completion_block(timeout, count);
}

void start_completions(completion_block& block, loop_state* loop) noexcept {
    block.loop = loop;
    if (block.timeout != no_deadline) block.timeout = deadline_after(loop_of(block).os->now(), block.timeout);
    block.left = block.total = skip_duplicates(block);
    for (watch_node& node : block) {
        if (node.list == nullptr) {
            release(*std::exchange(node.what, nullptr));
        } else {
            start_watching(block, node);
        }
    }
}

bool completion_ready(completion_block* block) {
    if (block == nullptr) throw invalid_state_error("next: as_completed's object was moved from");
    if (block->awaiter != nullptr) return false;  // refused when it suspends
    return block->left == 0 || !block->done.empty() || time_is_up(*block);
}

void begin_completion_wait(completion_wait& what, std::coroutine_handle<> frame) {
    task_base& task = running_task();
    completion_block& block = *what.block;
    if (block.awaiter != nullptr) {
        throw invalid_state_error("next: task '" + task_name(as_task(*block.awaiter)) +
                                  "' waits for the next completion already; one task at a time may");
    }
    if (task.loop != block.loop) {
        throw invalid_state_error("next: task '" + task_name(task) +
                                  "' belongs to another loop than what it waits for");
    }
    block.awaiter = &task;
    block.woken = false;
    if (block.timeout != no_deadline) {
        task.when = block.timeout;
        loop_of(block).timers.insert(task);
    }
    begin_wait(task, what, frame);
}

future_core* end_completion_wait(completion_block& block, bool waited) {
    if (waited) {
        block.awaiter = nullptr;
        end_wait(running_task());
    }
    if (watch_node* const node = static_cast<watch_node*>(block.done.pop_front())) {
        --block.left;
        return std::exchange(node->what, nullptr);
    }
    if (block.left == 0) return nullptr;
    expire(block);
    const std::string left = std::to_string(block.left--);
    throw timeout_error("as_completed: " + left + " of " + std::to_string(block.total) +
                        " were not done in time");
}

constinit const wait_kind completion_wait_kind{
    "as_completed",
    [](wait& what, task_base& task) noexcept {
        completion_block& block = *static_cast<completion_wait&>(what).block;
        return withdraw(block, task) ? cancel_outcome::withdrawn : cancel_outcome::too_late;
    },
    [](wait& what, task_base& task) noexcept {
        completion_block& block = *static_cast<completion_wait&>(what).block;
        withdraw(block, task);
        block.awaiter = nullptr;
    }};

}  // namespace bide::detail
