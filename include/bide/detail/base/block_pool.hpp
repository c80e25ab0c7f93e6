// bide/base: memory for coroutine frames, tasks and callbacks: per-thread free lists of size classes.
//
// A frame is allocated and freed for every awaited coroutine, nearly always on the same thread and in the same few
// sizes, so both are a pop and a push on a thread-local list. A class with no room left (or a thread that frees what
// another allocated) moves a batch to a process-wide depot under a mutex; memory in the pool is kept for reuse and
// not returned to the system. The sanitizer builds allocate each block by itself, so that they see every error.
#pragma once

#include <bide/detail/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace bide::detail {

inline constexpr std::size_t pool_step = 16;
inline constexpr std::size_t pool_classes = 65;  // up to 1 KiB; larger frames go to operator new

struct free_block {
    free_block* next;
};

// `room` is how many blocks a list may still take. Zero for every class when the pool is off: then both paths below
// always end in the slow functions, and the switch costs nothing while it is on.
struct pool_cache {
    free_block* lists[pool_classes];
    std::uint32_t room[pool_classes];
};

extern constinit thread_local pool_cache this_pool;

BIDE_NOINLINE void* pool_allocate_slow(std::size_t size);
BIDE_NOINLINE void pool_free_slow(void* at, std::size_t size) noexcept;

BIDE_INLINE void* pool_allocate(std::size_t size) {
    const std::size_t index = (size + pool_step - 1) / pool_step;
    if (index < pool_classes) [[likely]] {
        pool_cache& pool = this_pool;
        if (free_block* const block = pool.lists[index]) [[likely]] {
            pool.lists[index] = block->next;
            ++pool.room[index];
            return block;
        }
    }
    return pool_allocate_slow(size);
}

BIDE_INLINE void pool_free(void* at, std::size_t size) noexcept {
    const std::size_t index = (size + pool_step - 1) / pool_step;
    if (index < pool_classes) [[likely]] {
        pool_cache& pool = this_pool;
        if (pool.room[index] != 0) [[likely]] {
            --pool.room[index];
            auto* const block = static_cast<free_block*>(at);
            block->next = pool.lists[index];
            pool.lists[index] = block;
            return;
        }
    }
    pool_free_slow(at, size);
}

}  // namespace bide::detail
