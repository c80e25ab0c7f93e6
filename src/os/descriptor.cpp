// bide/os: descriptor, a file descriptor that is closed exactly once.
#include <bide/descriptor.hpp>

#include "os/fd.hpp"

namespace bide {

void descriptor::close() noexcept { const detail::unique_fd closed(std::exchange(fd_, -1)); }

}  // namespace bide
