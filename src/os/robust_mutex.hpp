// bide/os: a mutex in shared memory that survives the death of whoever holds it.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace bide::detail {

enum class lock_outcome : std::uint8_t {
    in,
    after_a_death,  // whoever held it has died in the middle: look at what it protects first
    busy,           // somebody has it for longer than it was worth to wait
};

// For the moment that it takes to copy something. Lies in memory that several processes share; neither constructor nor
// destructor: the process that makes the memory calls init() once.
class robust_mutex {
public:
    int init() noexcept;                            // -errno
    lock_outcome try_enter() noexcept;              // waits for a few microseconds at most
    lock_outcome enter(int milliseconds) noexcept;  // waits that long
    void leave() noexcept;

private:
    lock_outcome entered(int result) noexcept;

    pthread_mutex_t mutex_;
};

}  // namespace bide::detail
