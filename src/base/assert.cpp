// bide/base: the end of a program in which bide itself is broken.
#include <bide/detail/base/assert.hpp>

#include <cstdio>
#include <cstdlib>

namespace bide::detail {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "bide: internal error: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

}  // namespace bide::detail
