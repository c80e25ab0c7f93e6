// bide/system: what a worker process does: take a call, run it, give the result back.
#pragma once

namespace bide::detail {

// Throws invalid_state_error in a process that was started as a worker, but has come to run main.
void check_not_unhooked_worker();

}  // namespace bide::detail
