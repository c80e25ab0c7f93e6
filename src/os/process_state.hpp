// bide/os: whether anything outside the loop could still act on it.
#pragma once

namespace bide::detail {

// True when the process has threads other than the calling one and bide's parked workers, or handles signals other
// than the synchronous ones and SIGINT. When the answer cannot be found it is true.
bool others_may_act() noexcept;

}  // namespace bide::detail
