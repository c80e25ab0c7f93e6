// bide/core: where things lie in memory, for a tool that reads a process from outside.
#include "core/debug_layout.hpp"

#include <bide/detail/core/promise.hpp>
#include <bide/detail/core/task_base.hpp>

#include <cstddef>

#include "loop/loop_list.hpp"

namespace bide::detail {

namespace {

// offsetof is only conditionally supported for these types; both compilers support it, and say so as a warning.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

// A promise begins with its two words; see promise_base.
struct promise_image {
    std::uintptr_t link;
    const void* place;
};
static_assert(sizeof(promise_base) == sizeof(promise_image));

// What a std::source_location of libstdc++ points to.
struct place_image {
    const char* file;
    const char* function;
    unsigned line;
};

constexpr std::uint32_t resume_and_destroy = 2 * sizeof(void*);  // what a frame begins with

}  // namespace
}  // namespace bide::detail

extern "C" {
extern constinit const bide::detail::debug_layout bide_debug_layout{
    .magic = {'b', 'i', 'd', 'e', '-', 'd', 'b', 'g'},
    .version = 1,
    .size = sizeof(bide::detail::debug_layout),
    .first_loop = &bide::detail::first_loop,
    .loop_next = offsetof(bide::detail::loop_state, next_loop),
    .loop_tasks = offsetof(bide::detail::loop_state, tasks),
    .loop_current = offsetof(bide::detail::loop_state, current),
    .link_after = offsetof(bide::detail::ring_link, after),
    .task_registry = offsetof(bide::detail::task_base, registry),
    .task_number = offsetof(bide::detail::task_base, number),
    .task_flags = offsetof(bide::detail::task_base, flags),
    .task_frame = offsetof(bide::detail::task_base, frame),
    .task_waiting_on = offsetof(bide::detail::task_base, waiting_on),
    .task_extra = offsetof(bide::detail::task_base, extra),
    .extra_name = offsetof(bide::detail::future_extra, name),
    .text_data = 0,
    .wait_kind = offsetof(bide::detail::wait, kind),
    .kind_name = offsetof(bide::detail::wait_kind, name),
    .promise_offset = bide::detail::resume_and_destroy,
    .promise_link = offsetof(bide::detail::promise_image, link),
    .promise_place = offsetof(bide::detail::promise_image, place),
    .place_file = offsetof(bide::detail::place_image, file),
    .place_function = offsetof(bide::detail::place_image, function),
    .place_line = offsetof(bide::detail::place_image, line),
    .flag_done = bide::detail::flag::done,
};
}
#pragma GCC diagnostic pop
