// bide/os: send a piece of a file on a socket without copying it through the process.
#include <bide/detail/os/ops.hpp>

#include <sys/sendfile.h>

#include <algorithm>

#include "os/syscall.hpp"

namespace bide::detail {

namespace {

// Bounds the time that one call copies.
constexpr std::size_t most = 1024 * 1024;

// args.flags is the descriptor of the file, args.offset the position in it; that of the descriptor is neither used nor
// changed. 0: the file ends there.
int attempt(const op_args& a) noexcept {
    return static_cast<int>(sys::retry([&] {
        auto position = static_cast<off_t>(a.offset);
        return ::sendfile(a.fd, static_cast<int>(a.flags), &position, std::min(a.size, most));
    }));
}

}  // namespace

// The ring knows only splice(2), which needs a pipe in between.
constinit const op_kind sendfile_op{
    .name = "sendfile", .prepare = nullptr, .attempt = attempt, .waits_for = ready_for::writing};

}  // namespace bide::detail
