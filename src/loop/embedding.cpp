// bide/loop: a loop whose turns somebody else's loop calls for.
//
// The other loop sleeps, in place of this one, on a descriptor of the backend. What this one does around its own sleep is
// therefore spread over two calls: next_deadline() announces the sleep to other threads and begins what is queued, and
// the turn in run_ready() announces that it is over. In between, the other loop's callbacks may make things ready in this
// one without touching the descriptor: that is why next_deadline() is to be asked last.
#include <bide/error.hpp>
#include <bide/loop.hpp>

#include "loop/loop_core.hpp"

namespace bide {

int event_loop::poll_descriptor() {
    check_may_run("poll_descriptor");
    core_->take_thread();
    const int fd = core_->os->descriptor();
    if (fd < 0) {
        throw invalid_state_error(
            "poll_descriptor: this event loop has no descriptor to wait on, as one on virtual time; "
            "embed a loop that runs on the real clock");
    }
    core_->embedded = true;
    // Who does not ask for the deadline first finds the descriptor readable.
    if (const auto deadline = next_deadline(); deadline && *deadline <= time()) core_->os->wake();
    return fd;
}

void event_loop::run_ready() {
    check_may_run("run_ready");
    core_->run_ready();
}

std::optional<time_point> event_loop::next_deadline() {
    check_may_run("next_deadline");
    detail::loop_core& core = *core_;
    const bool found = core.os->flush();
    if (found || !core.ready.empty() || !core.arrivals.fall_asleep()) return time();
    const std::int64_t deadline = core.timers.next_deadline();
    if (deadline == detail::no_deadline) return std::nullopt;
    return detail::to_time_point(deadline);
}

}  // namespace bide
