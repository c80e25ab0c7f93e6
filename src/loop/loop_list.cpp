// bide/loop: all loops of the process, as a list that can be read from outside.
#include "loop/loop_list.hpp"

#include <mutex>

namespace bide::detail {

constinit loop_state* first_loop = nullptr;

namespace {

std::mutex& list_mutex() {
    static auto* const the = new std::mutex;  // outlives loops in static objects
    return *the;
}

}  // namespace

void enlist(loop_state& loop) {
    static constinit std::uint32_t last_number = 0;
    const std::lock_guard lock(list_mutex());
    loop.number = ++last_number;
    loop.next_loop = first_loop;
    first_loop = &loop;
}

void delist(loop_state& loop) noexcept {
    const std::lock_guard lock(list_mutex());
    for (loop_state** at = &first_loop; *at != nullptr; at = &(*at)->next_loop) {
        if (*at != &loop) continue;
        *at = loop.next_loop;
        return;
    }
}

bool is_alive(const loop_state* loop, std::uint32_t number) noexcept {
    const std::lock_guard lock(list_mutex());
    for (const loop_state* at = first_loop; at != nullptr; at = at->next_loop) {
        if (at == loop) return at->number == number;
    }
    return false;
}

}  // namespace bide::detail
