// bide/core: who waits for whom, and where.
#pragma once

#include <bide/detail/core/future_core.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace bide::detail {

struct frame_place {
    std::string file;
    std::string function;
    std::uint32_t line = 0;
};

// The frames that are suspended in `innermost`, from the innermost to the task's own.
std::vector<frame_place> frames_from(void* innermost);
// Those of a task; empty when it is done or running.
std::vector<frame_place> frames_of(const task_base& task);

// Tasks that wait for this task or future, directly or through futures that it feeds, in the order of their arrival.
std::vector<task_base*> awaiters_of(const future_core& what);

// "lock.acquire", "gather", "recv", "a task".
const char* name_of_wait(const wait& what) noexcept;
// "lock.acquire", "task 'Task-2'", "recv on descriptor 7", "nothing, it is running", "its turn".
std::string what_it_waits_for(const task_base& task);

// Every task of the loop as a tree: those that nobody awaits first, each followed by those that it waits for, then the
// cycles of tasks that wait for each other.
std::string format_task_tree(loop_state& loop);

}  // namespace bide::detail
