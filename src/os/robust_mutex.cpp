// bide/os: a mutex in shared memory that survives the death of whoever holds it.
#include "os/robust_mutex.hpp"

#include <sched.h>
#include <time.h>

#include <cerrno>

namespace bide::detail {

int robust_mutex::init() noexcept {
    pthread_mutexattr_t shared;
    if (const int error = ::pthread_mutexattr_init(&shared); error != 0) return -error;
    int error = ::pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    if (error == 0) error = ::pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
    if (error == 0) error = ::pthread_mutex_init(&mutex_, &shared);
    ::pthread_mutexattr_destroy(&shared);
    return -error;
}

lock_outcome robust_mutex::entered(int result) noexcept {
    if (result == 0) return lock_outcome::in;
    if (result != EOWNERDEAD) return lock_outcome::busy;
    ::pthread_mutex_consistent(&mutex_);
    return lock_outcome::after_a_death;
}

lock_outcome robust_mutex::try_enter() noexcept {
    for (int attempt = 0;; ++attempt) {
        const lock_outcome result = entered(::pthread_mutex_trylock(&mutex_));
        if (result != lock_outcome::busy || attempt == 20) return result;
        if (attempt >= 10) ::sched_yield();  // whoever has it may want this processor
    }
}

lock_outcome robust_mutex::enter(int milliseconds) noexcept {
    if (const lock_outcome result = try_enter(); result != lock_outcome::busy) return result;
    timespec until{};
    ::clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += static_cast<long>(milliseconds % 1000) * 1'000'000;
    until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1'000'000'000;
    until.tv_nsec %= 1'000'000'000;
    return entered(::pthread_mutex_clocklock(&mutex_, CLOCK_MONOTONIC, &until));
}

void robust_mutex::leave() noexcept { ::pthread_mutex_unlock(&mutex_); }

}  // namespace bide::detail
