// bide/os: memory that several processes share.
//
// Named blocks are files in /dev/shm, as those of shm_open(3), which has no way to make a file that nobody can open yet.
#include "os/shared_block.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "os/fd.hpp"
#include "os/syscall.hpp"

namespace bide::detail::sys {

namespace {

constexpr const char* folder = "/dev/shm";

struct path_of {
    explicit path_of(const char* name) noexcept { std::snprintf(text, sizeof text, "%s/%s", folder, name); }
    char text[300];
};

// A signal ends the call, and what it has allocated is given back. So after one it goes on in pieces, each of which is
// done between two signals; the first attempt has found out whether there can be so much.
int allocate(int fd, std::size_t size) noexcept {
    int error = ::posix_fallocate(fd, 0, static_cast<off_t>(size));
    if (error != EINTR) return -error;
    constexpr std::size_t most = std::size_t{1} << 20;
    for (std::size_t done = 0; done < size;) {
        const std::size_t piece = std::min(most, size - done);
        error = ::posix_fallocate(fd, static_cast<off_t>(done), static_cast<off_t>(piece));
        if (error == 0) {
            done += piece;
        } else if (error != EINTR) {
            return -error;
        }
    }
    return 0;
}

int with_size(unique_fd fd, std::size_t size) noexcept {
    if (const int result = allocate(fd.get(), size); result < 0) return result;
    return fd.release();
}

}  // namespace

int make_anonymous_block(std::size_t size) noexcept {
    unique_fd fd(::memfd_create("bide", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return -errno;
    const int raw = fd.get();
    const int result = with_size(std::move(fd), size);
    if (result >= 0) ::fcntl(raw, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    return result;
}

int make_block(std::size_t size) noexcept {
    unique_fd fd(::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd) return -errno;
    return with_size(std::move(fd), size);
}

int publish_block(int fd, const char* name) noexcept {
    char own[40];
    std::snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    const path_of path(name);
    return ::linkat(AT_FDCWD, own, AT_FDCWD, path.text, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int open_block(const char* name) noexcept {
    const path_of path(name);
    return retry([&] { return ::open(path.text, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); });
}

int remove_block(const char* name) noexcept {
    const path_of path(name);
    return ::unlink(path.text) < 0 ? -errno : 0;
}

std::ptrdiff_t block_size(int fd) noexcept {
    struct ::stat found{};
    if (::fstat(fd, &found) < 0) return -errno;
    return S_ISREG(found.st_mode) ? static_cast<std::ptrdiff_t>(found.st_size) : -EINVAL;
}

void* map_block(int fd, std::size_t size, int& error) noexcept {
    void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    error = at == MAP_FAILED ? -errno : 0;
    return at == MAP_FAILED ? nullptr : at;
}

void unmap_block(void* at, std::size_t size) noexcept { ::munmap(at, size); }

}  // namespace bide::detail::sys
