// bide/os: system calls that retry EINTR and return -errno.
#pragma once

#include <cerrno>

namespace bide::detail::sys {

template <class Call>
auto retry(Call call) noexcept {
    for (;;) {
        const auto result = call();
        if (result >= 0) return result;
        if (errno != EINTR) return static_cast<decltype(result)>(-errno);
    }
}

}  // namespace bide::detail::sys
