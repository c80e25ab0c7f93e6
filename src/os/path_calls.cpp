// bide/os: the system calls on names of files. All return -errno on failure.
#include "os/path_calls.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "os/stat_record.hpp"
#include "os/syscall.hpp"

namespace bide::detail::sys {

namespace {

int checked(int result) noexcept { return result < 0 ? -errno : result; }

timespec from_ns(std::int64_t moment) noexcept {
    constexpr std::int64_t second = 1'000'000'000;
    std::int64_t seconds = moment / second;
    std::int64_t rest = moment % second;
    if (rest < 0) {  // before 1970
        rest += second;
        --seconds;
    }
    return {.tv_sec = seconds, .tv_nsec = rest};
}

}  // namespace

int describe(const char* path, bool follow, file_record& record) noexcept {
    struct ::stat found{};
    if ((follow ? ::stat(path, &found) : ::lstat(path, &found)) != 0) return -errno;
    record = to_record(found);
    return 0;
}

int may_access(const char* path, bool read, bool write, bool execute) noexcept {
    const int wanted = (read ? R_OK : 0) | (write ? W_OK : 0) | (execute ? X_OK : 0);
    return checked(::faccessat(AT_FDCWD, path, wanted, AT_EACCESS));
}

int space_on(const char* path, space_record& space) noexcept {
    struct ::statvfs found{};
    const int result = retry([&] { return ::statvfs(path, &found); });
    if (result < 0) return result;
    space = {.total = std::uint64_t{found.f_blocks} * found.f_frsize,
             .free = std::uint64_t{found.f_bfree} * found.f_frsize,
             .available = std::uint64_t{found.f_bavail} * found.f_frsize};
    return 0;
}

int make_folder(const char* path, std::uint32_t permissions) noexcept {
    return checked(::mkdir(path, permissions));
}
int make_temporary_folder(char* path) noexcept { return ::mkdtemp(path) == nullptr ? -errno : 0; }
int remove_folder(const char* path) noexcept { return checked(::rmdir(path)); }
int remove_name(const char* path) noexcept { return checked(::unlink(path)); }

int rename_path(const char* from, const char* to, bool replace) noexcept {
    return checked(::renameat2(AT_FDCWD, from, AT_FDCWD, to, replace ? 0U : unsigned{RENAME_NOREPLACE}));
}
int link_path(const char* target, const char* name) noexcept { return checked(::link(target, name)); }
int symlink_path(const char* target, const char* name) noexcept { return checked(::symlink(target, name)); }

int read_link(const char* path, std::string& target) {
    for (std::size_t room = 256;; room *= 2) {
        target.resize(room);
        const auto size = ::readlink(path, target.data(), room);
        if (size < 0) return -errno;
        if (static_cast<std::size_t>(size) == room) continue;  // it may have been cut
        target.resize(static_cast<std::size_t>(size));
        return 0;
    }
}

int change_mode(const char* path, std::uint32_t permissions) noexcept {
    return checked(::chmod(path, permissions));
}

int change_times(const char* path, std::int64_t accessed, std::int64_t modified, bool follow) noexcept {
    const timespec times[2] = {from_ns(accessed), from_ns(modified)};
    return checked(::utimensat(AT_FDCWD, path, times, follow ? 0 : AT_SYMLINK_NOFOLLOW));
}

int truncate_path(const char* path, std::uint64_t size) noexcept {
    return retry([&] { return ::truncate(path, static_cast<off_t>(size)); });
}

}  // namespace bide::detail::sys
