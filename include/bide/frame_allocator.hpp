// bide/base: replace the memory that coroutine frames come from.
#pragma once

#include <cstddef>

namespace bide {

/// Functions that allocate coroutine frames, tasks and callbacks in place of bide's pool.
class frame_allocator {
public:
    using allocate_function = void* (*)(std::size_t size);
    using deallocate_function = void (*)(void* at, std::size_t size) noexcept;

    /// `allocate` returns memory aligned for std::max_align_t or throws std::bad_alloc. Both are called from any thread
    /// that uses bide, and a block may be given back on another thread than it was taken on.
    constexpr frame_allocator(allocate_function take, deallocate_function give_back) noexcept
        : allocate(take), deallocate(give_back) {}

    allocate_function allocate;
    deallocate_function deallocate;
};

/// Installs a replacement for the pool. Call it once, before the first coroutine of the process is made.
/// Throws: invalid_state_error when frames have been allocated already. Threads: any, but only one call.
/// Python: none.
void set_frame_allocator(const frame_allocator& allocator);

}  // namespace bide
