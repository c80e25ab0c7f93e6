// bide/os: pipes and terminals one end of which is for a child process.
#include "os/child_pipes.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace bide::detail::sys {

namespace {

int keep(int fd, unique_fd& in) noexcept {
    if (fd < 0) return -errno;
    in.reset(fd);
    return 0;
}

}  // namespace

int make_pipe(unique_fd& reading, unique_fd& writing) noexcept {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return -errno;
    reading.reset(ends[0]);
    writing.reset(ends[1]);
    return 0;
}

int open_null(unique_fd& null) noexcept { return keep(::open("/dev/null", O_RDWR | O_CLOEXEC), null); }

int open_terminal(unique_fd& outer, unique_fd& inner) noexcept {
    if (const int error = keep(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), outer)) return error;
    if (::grantpt(outer.get()) != 0 || ::unlockpt(outer.get()) != 0) return -errno;
    char name[64];
    if (const int error = ::ptsname_r(outer.get(), name, sizeof name)) return -error;
    return keep(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), inner);
}

int resize_terminal(int fd, unsigned short rows, unsigned short columns) noexcept {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    return ::ioctl(fd, TIOCSWINSZ, &size) == 0 ? 0 : -errno;
}

int duplicate(int fd, unique_fd& copy) noexcept { return keep(::fcntl(fd, F_DUPFD_CLOEXEC, 0), copy); }

}  // namespace bide::detail::sys
