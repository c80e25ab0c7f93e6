// bide/exec: the loop that a thread keeps for its synchronous calls.
#include <bide/sync_wait.hpp>

#include <memory>

namespace bide {

namespace detail {

runner& thread_runner() {
    static thread_local runner kept;
    return kept;
}

}  // namespace detail

event_loop& sync_loop() { return detail::thread_runner().get_loop(); }

}  // namespace bide
