// bide/core: where things lie in memory, for a tool that reads a process from outside.
#pragma once

#include <cstdint>

namespace bide::detail {

struct loop_state;

// Version 1. A reader finds the symbol `bide_debug_layout`, checks magic and version, and follows the pointers: loops
// are linked from *first_loop through loop_next; the tasks of a loop hang in a ring that begins at loop + loop_tasks
// and whose links lie at task_registry; a suspended frame is task_frame, its promise lies at promise_offset, names its
// place (a pointer to {file, function, line}) and links to the frame that awaits it. Low bits of the link are flags:
// bit 0 says that it is the task, bits 0 to 3 are to be cleared. A text is a pointer at `text_data`.
struct debug_layout {
    char magic[8];  // "bide-dbg"
    std::uint32_t version;
    std::uint32_t size;  // of this structure
    loop_state* const* first_loop;
    std::uint32_t loop_next, loop_tasks, loop_current;
    std::uint32_t link_after, task_registry;
    std::uint32_t task_number, task_flags, task_frame, task_waiting_on, task_extra;
    std::uint32_t extra_name, text_data;
    std::uint32_t wait_kind, kind_name;
    std::uint32_t promise_offset, promise_link, promise_place;
    std::uint32_t place_file, place_function, place_line;
    std::uint32_t flag_done;
};

}  // namespace bide::detail

extern "C" const bide::detail::debug_layout bide_debug_layout;
