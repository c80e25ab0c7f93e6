// bide/os: what kind of file a descriptor is, and descriptors that share nothing with other processes.
#include "os/pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "os/syscall.hpp"

namespace bide::detail::sys {

int kind_of_stream(int fd, stream_kind& kind) noexcept {
    struct ::stat found{};
    if (::fstat(fd, &found) != 0) return -errno;
    kind = stream_kind::other;
    if (S_ISFIFO(found.st_mode)) kind = stream_kind::pipe;
    if (S_ISSOCK(found.st_mode)) kind = stream_kind::socket;
    if (S_ISREG(found.st_mode)) kind = stream_kind::regular;
    if (S_ISCHR(found.st_mode)) kind = ::isatty(fd) == 1 ? stream_kind::terminal : stream_kind::device;
    return 0;
}

int reopen_non_blocking(int fd, bool for_writing) noexcept {
    int number = 0;
    if (::ioctl(fd, TIOCGPTN, &number) == 0) return -ENOTTY;  // opening /dev/ptmx would make a new pair
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int flags = (for_writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    return retry([&] { return ::open(path, flags); });
}

int make_own_non_blocking(int fd, bool for_writing) noexcept {
    const int own = reopen_non_blocking(fd, for_writing);
    if (own < 0) return own;
    const int result = retry([&] { return ::dup3(own, fd, O_CLOEXEC); });
    ::close(own);
    return result;
}

void enlarge_pipe(int fd) noexcept {
    constexpr int most = 1024 * 1024;  // /proc/sys/fs/pipe-max-size, unless the administrator changed it
    if (::fcntl(fd, F_GETPIPE_SZ) < most && ::fcntl(fd, F_SETPIPE_SZ, most) < 0)
        static_cast<void>(::fcntl(fd, F_SETPIPE_SZ, most / 4));
}

bool reader_is_gone(int events) noexcept { return (events & (POLLERR | POLLHUP)) != 0; }

}  // namespace bide::detail::sys
