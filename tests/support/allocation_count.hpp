// bide/tests: every call of operator new in the program that includes this; one file of a program may.
#pragma once

#include <bide/detail/base/config.hpp>

#include <atomic>
#include <cstdlib>
#include <new>

namespace bide_test {

/// Stays 0 under the thread sanitizer, whose runtime has operators of its own.
inline std::atomic<long> allocations{0};

}  // namespace bide_test

#if !BIDE_TSAN
// Not inlined: GCC would warn about malloc and delete in one place.
BIDE_NOINLINE void* operator new(std::size_t size) {
    ++bide_test::allocations;
    if (void* const at = std::malloc(size)) return at;
    throw std::bad_alloc();
}
BIDE_NOINLINE void operator delete(void* at) noexcept { std::free(at); }
BIDE_NOINLINE void operator delete(void* at, std::size_t) noexcept { std::free(at); }
#endif
