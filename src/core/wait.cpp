// bide/core: wait until some or all of several tasks are done.
#include <bide/wait.hpp>

#include <stdexcept>

#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

loop_core& loop_of(const task_base& task) noexcept { return static_cast<loop_core&>(*task.loop); }

// Takes the task out of the timers. False when it is in the ready queue already: its time came, or it was woken.
bool withdraw(wait_block& block, task_base& task) noexcept {
    if (block.woken) return false;
    block.woken = true;
    if (!block.timed) return true;
    if (!task.linked()) return false;
    loop_of(task).timers.remove(task);
    return true;
}

void child_done(watch_list& list, watch_node& node) {
    auto& block = static_cast<wait_block&>(list);
    if (block.awaiter == nullptr) return;  // it does not wait any more
    --block.pending;
    switch (block.options.return_when()) {
        case return_when::first_completed: break;
        case return_when::first_exception:
            if (node.what->has(flag::failed)) break;
            [[fallthrough]];
        case return_when::all_completed:
            if (block.pending != 0) return;
    }
    task_base& task = as_task(*block.awaiter);
    if (withdraw(block, task)) make_ready(task, *task.loop);
}

constexpr watch_kind wait_watch{
    child_done, [](watch_list& list) noexcept { free_watch(&static_cast<wait_block&>(list), list.count); }};

}  // namespace

wait_block::wait_block(const wait_options& how, std::size_t size) noexcept
    : watch_list(wait_watch, nodes_behind(this, size), size), options(how) {}

wait_block& make_wait_block(const wait_options& how, std::size_t count) {
    if (count == 0) throw std::invalid_argument("wait: the set of tasks and futures is empty");
    return *::new (allocate_watch<wait_block>(count)) wait_block(how, count);
}

void begin_multi_wait(multi_wait& what, std::coroutine_handle<> frame) {
    task_base& task = running_task();
    if (what.block == nullptr || what.block->woken) {
        throw invalid_state_error("this wait() was awaited or moved from before; call wait() again");
    }
    wait_block& block = *what.block;
    for (const watch_node& node : block) check_may_await(task, *node.what);
    block.awaiter = &task;
    block.pending = skip_duplicates(block);
    for (watch_node& node : block) {
        if (node.list == nullptr) {
            release(*std::exchange(node.what, nullptr));
        } else {
            start_watching(block, node);
        }
    }
    if (block.options.timeout() != no_deadline) {
        block.timed = true;
        task.when = deadline_after(loop_of(task).os->now(), block.options.timeout());
        loop_of(task).timers.insert(task);
    }
    begin_wait(task, what, frame);
}

void end_multi_wait(wait_block& block) {
    block.woken = true;
    block.awaiter = nullptr;
    stop_watching(block);
    end_wait(running_task());
}

constinit const wait_kind multi_wait_kind{"wait",
                                          [](wait& what, task_base& task) noexcept {
                                              wait_block& block = *static_cast<multi_wait&>(what).block;
                                              return withdraw(block, task) ? cancel_outcome::withdrawn
                                                                           : cancel_outcome::too_late;
                                          },
                                          [](wait& what, task_base& task) noexcept {
                                              wait_block& block = *static_cast<multi_wait&>(what).block;
                                              withdraw(block, task);
                                              block.awaiter = nullptr;
                                              stop_watching(block);
                                          }};

}  // namespace bide::detail
