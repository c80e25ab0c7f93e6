// bide/base: conditions that only a defect in bide can break.
#pragma once

#include <bide/detail/base/config.hpp>

namespace bide::detail {

[[noreturn]] BIDE_COLD void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace bide::detail

#if BIDE_CHECKED
#define BIDE_ASSERT(condition) \
    ((condition) ? void() : ::bide::detail::assertion_failed(#condition, __FILE__, __LINE__))
#else
#define BIDE_ASSERT(condition) void()
#endif
