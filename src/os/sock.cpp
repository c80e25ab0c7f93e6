// bide/os: the system calls on sockets that do not wait. All return -errno on failure.
#include "os/sock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "os/fd.hpp"
#include "os/syscall.hpp"

namespace bide::detail::sys {

namespace {
int checked(int result) noexcept { return result < 0 ? -errno : result; }
}  // namespace

int open_socket(int family, int type, int protocol) noexcept {
    return checked(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}

int open_pair(int type, int (&ends)[2]) noexcept {
    return checked(::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
}

int bind_socket(int fd, const void* address, std::size_t size) noexcept {
    return checked(::bind(fd, static_cast<const sockaddr*>(address), static_cast<socklen_t>(size)));
}

int listen_socket(int fd, int backlog) noexcept { return checked(::listen(fd, backlog)); }
int shut_down_socket(int fd, int how) noexcept { return checked(::shutdown(fd, how)); }

int local_name(int fd, void* address, std::size_t& size) noexcept {
    auto room = static_cast<socklen_t>(size);
    const int result = checked(::getsockname(fd, static_cast<sockaddr*>(address), &room));
    size = room;
    return result;
}

int peer_name(int fd, void* address, std::size_t& size) noexcept {
    auto room = static_cast<socklen_t>(size);
    const int result = checked(::getpeername(fd, static_cast<sockaddr*>(address), &room));
    size = room;
    return result;
}

int set_option(int fd, int level, int name, int value) noexcept {
    return checked(::setsockopt(fd, level, name, &value, sizeof value));
}

int get_option(int fd, int level, int name, int& value) noexcept {
    socklen_t room = sizeof value;
    return checked(::getsockopt(fd, level, name, &value, &room));
}

int set_non_blocking(int fd) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    return checked(::fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}
int close_on_exec(int fd) noexcept { return ::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0; }

int close_descriptor(int fd) noexcept { return checked(::close(fd)); }

void remove_socket_file(const char* path) noexcept {
    struct ::stat found{};
    if (::stat(path, &found) == 0 && S_ISSOCK(found.st_mode)) ::unlink(path);
}

// Who holds it makes a few system calls; whoever uses it for something else may hold it for long.
int lock_folder(const char* path) noexcept {
    constexpr int tries = 500;
    constexpr ::timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    unique_fd folder(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return -errno;
    for (int i = 0; i < tries; ++i) {
        if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) return folder.release();
        if (errno != EWOULDBLOCK && errno != EINTR) return -errno;
        ::nanosleep(&pause, nullptr);
    }
    return -EWOULDBLOCK;
}

bool file_identity(const char* path, std::uint64_t& device, std::uint64_t& inode) noexcept {
    struct ::stat found{};
    if (::stat(path, &found) != 0) return false;
    device = found.st_dev;
    inode = found.st_ino;
    return true;
}

std::ptrdiff_t send_now(int fd, const void* data, std::size_t size) noexcept {
    return retry([&] { return ::send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL); });
}
std::ptrdiff_t recv_now(int fd, void* data, std::size_t size) noexcept {
    return retry([&] { return ::recv(fd, data, size, MSG_DONTWAIT); });
}
void discard_received(int fd, std::size_t most) noexcept {
    char unused[4096];
    for (std::size_t left = most; left > 0;) {
        const std::size_t asked = std::min(left, sizeof unused);
        const std::ptrdiff_t got = recv_now(fd, unused, asked);
        if (got <= 0) return;
        left -= static_cast<std::size_t>(got);
    }
}
std::ptrdiff_t write_now(int fd, const void* data, std::size_t size) noexcept {
    return retry([&] { return ::write(fd, data, size); });
}
std::ptrdiff_t read_now(int fd, void* data, std::size_t size) noexcept {
    return retry([&] { return ::read(fd, data, size); });
}
std::ptrdiff_t read_at(int fd, void* data, std::size_t size, std::uint64_t offset) noexcept {
    return retry([&] { return ::pread(fd, data, size, static_cast<off_t>(offset)); });
}

}  // namespace bide::detail::sys
