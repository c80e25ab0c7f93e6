// bide/sync: lock, mutual exclusion between tasks.
#include <bide/lock.hpp>

#include <bide/error.hpp>

namespace bide {

namespace detail {

template <>
constinit const wait_kind lock_awaiter::waiting{"lock.acquire", cancel, detach};
template class acquire_awaiter<lock>;

}  // namespace detail

void lock::throw_not_locked() { throw invalid_state_error("lock.release: the lock is not locked"); }

// It stays locked: from now on the woken task holds it.
void lock::hand_over() {
    waiters_.check_thread();
    waiters_.wake_first();
}

}  // namespace bide
