// bide/sync: semaphore, a number of places that tasks take and give back.
#include <bide/semaphore.hpp>

#include <bide/error.hpp>

#include <stdexcept>
#include <string>

namespace bide {

namespace detail {

template <>
constinit const wait_kind semaphore_awaiter::waiting{"semaphore.acquire", cancel, detach};
template class acquire_awaiter<semaphore>;

}  // namespace detail

semaphore::semaphore(std::ptrdiff_t value, std::ptrdiff_t bound) : value_(value), bound_(bound) {
    if (value < 0) {
        throw std::invalid_argument("semaphore: the initial value is " + std::to_string(value) +
                                    "; it must be zero or more");
    }
}

void semaphore::throw_too_many() const {
    throw invalid_state_error("semaphore.release: all of its " + std::to_string(bound_) +
                              " places are free already");
}

// The place is never free in between: from now on the woken task holds it.
void semaphore::hand_over() {
    waiters_.check_thread();
    waiters_.wake_first();
}

}  // namespace bide
