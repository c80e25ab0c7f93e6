// bide/loop: all loops of the process.
#include "loop/loop_list.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {

struct list {
    std::mutex mutex;
    std::vector<loop_core*> loops;

    static list& instance() {
        static list* const the = new list;  // outlives loops in static objects
        return *the;
    }
};

}  // namespace

void enlist(loop_core& loop) {
    list& all = list::instance();
    const std::lock_guard lock(all.mutex);
    all.loops.push_back(&loop);
}

void delist(loop_core& loop) noexcept {
    list& all = list::instance();
    const std::lock_guard lock(all.mutex);
    all.loops.erase(std::remove(all.loops.begin(), all.loops.end(), &loop), all.loops.end());
}

bool is_alive(const loop_state* loop) noexcept {
    list& all = list::instance();
    const std::lock_guard lock(all.mutex);
    return std::any_of(all.loops.begin(), all.loops.end(), [&](const loop_core* each) { return each == loop; });
}

}  // namespace bide::detail
