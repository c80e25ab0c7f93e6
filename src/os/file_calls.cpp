// bide/os: the system calls on open files. All return -errno on failure.
#include "os/file_calls.hpp"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "os/fd.hpp"
#include "os/stat_record.hpp"
#include "os/syscall.hpp"

namespace bide::detail::sys {

namespace {

int native_flags(const open_flags& flags) noexcept {
    int native = O_CLOEXEC | O_NOCTTY;
    native |= flags.read ? (flags.write ? O_RDWR : O_RDONLY) : O_WRONLY;
    if (flags.append) native |= O_APPEND;
    if (flags.create) native |= O_CREAT;
    if (flags.exclusive) native |= O_EXCL;
    if (flags.truncate) native |= O_TRUNC;
    if (flags.direct) native |= O_DIRECT;
    if (flags.no_follow) native |= O_NOFOLLOW;
    return native;
}

// One with a name; what /proc/self/fd leads to may be a pipe without, which had its writers when it was made.
bool is_fifo(int fd, const file_record& record) noexcept {
    struct ::statfs found{};
    return record.kind == file_kind::pipe && ::fstatfs(fd, &found) == 0 && found.f_type != PIPEFS_MAGIC;
}

// Takes over a descriptor that was just opened with these flags.
int look_at(unique_fd fd, int native, opened_file& made) noexcept {
    const int error = describe_open(fd.get(), made.record);
    if (error < 0) return error;
    if (made.record.kind == file_kind::directory) return -EISDIR;
    made.seekable = made.record.kind == file_kind::regular || ::lseek(fd.get(), 0, SEEK_CUR) >= 0;
    const bool waits = (native & O_NONBLOCK) == 0;
    if (made.seekable != waits) ::fcntl(fd.get(), F_SETFL, native ^ O_NONBLOCK);
    made.before_writer = (native & O_ACCMODE) == O_RDONLY && is_fifo(fd.get(), made.record);
    made.fd = fd.release();
    return 0;
}

}  // namespace

int open_file(const char* path, const open_flags& flags, opened_file& made) noexcept {
    // A FIFO would keep the thread until its other end is opened: for ever, perhaps.
    int native = native_flags(flags) | O_NONBLOCK;
    const auto opened = [&] { return ::open(path, native, flags.permissions); };
    int fd = retry(opened);
    if (fd == -EAGAIN) {  // somebody has a lease on it, which the system takes back if one waits
        native ^= O_NONBLOCK;
        fd = retry(opened);
    }
    return fd < 0 ? fd : look_at(unique_fd(fd), native, made);
}

int open_unnamed(const char* folder, const open_flags& flags, opened_file& made) noexcept {
    const int native = native_flags(flags);
    const int fd = retry([&] { return ::open(folder, O_TMPFILE | O_EXCL | native, flags.permissions); });
    if (fd >= 0) return look_at(unique_fd(fd), native, made);
    if (fd != -EOPNOTSUPP && fd != -EISDIR) return fd;
    // A file system that has no such files: one that loses its name at once.
    try {
        std::string path = std::string(folder) + "/.bide-XXXXXX";
        const int error = make_temporary(path.data(), 0, made);
        if (error == 0) ::unlink(path.c_str());
        return error;
    } catch (const std::bad_alloc&) { return -ENOMEM; }
}

int make_temporary(char* path, std::size_t suffix, opened_file& made) noexcept {
    const int fd = retry([&] { return ::mkostemps(path, static_cast<int>(suffix), O_CLOEXEC); });
    return fd < 0 ? fd : look_at(unique_fd(fd), O_RDWR, made);
}

namespace {

// The path behind symbolic links, and what is there now, if anything.
int find_target(const char* path, file_beside& file) {
    struct ::stat old{};
    file.target = path;
    if (::lstat(path, &old) != 0) return errno == ENOENT && !file.target.empty() ? 0 : -errno;
    if (S_ISLNK(old.st_mode)) {
        const std::unique_ptr<char, void (*)(void*)> real(::realpath(path, nullptr), ::free);
        if (!real) return -errno;
        file.target = real.get();
        if (::stat(real.get(), &old) != 0) return -errno;
    }
    if (S_ISDIR(old.st_mode)) return -EISDIR;
    if (!S_ISREG(old.st_mode)) return -EOPNOTSUPP;  // a device or a FIFO is written to, not replaced
    file.replaced = to_record(old);
    return 0;
}

// In the folder of `target`, and not to be guessed.
int name_beside(const std::string& target, std::string& name) {
    std::uint64_t random = 0;
    if (::getrandom(&random, sizeof random, 0) < 0) return -errno;
    const std::size_t slash = target.rfind('/') + 1;  // 0 where there is none
    name = target;
    name.insert(slash, ".bide-" + std::to_string(random) + "-");
    if (name.size() - slash > NAME_MAX) name.resize(slash + NAME_MAX);
    return 0;
}

}  // namespace

int open_beside(const char* path, std::uint32_t permissions, file_beside& file, opened_file& made) {
    if (const int result = find_target(path, file); result < 0) return result;
    open_flags flags;
    flags.write = flags.create = flags.exclusive = true;
    flags.permissions = file.replaced ? 0600 : permissions;
    for (int tries = 0; tries < 100; ++tries) {
        std::string name;
        if (const int result = name_beside(file.target, name); result < 0) return result;
        const int result = open_file(name.c_str(), flags, made);
        if (result == -EEXIST) continue;
        if (result == 0) file.name = std::move(name);
        return result;
    }
    return -EEXIST;
}

namespace {

// Rights that the permissions gave to the owner or the group do not go to another one that the file has.
std::uint32_t permissions_for(const file_record& now, const file_record& model) noexcept {
    std::uint32_t permissions = model.permissions;
    if (now.user != model.user) permissions &= ~std::uint32_t{S_ISUID};
    if (now.group != model.group) permissions &= ~std::uint32_t{S_ISGID};
    return permissions;
}

}  // namespace

int take_over_permissions(int fd, const file_record& model) noexcept {
    file_record now;
    if (const int result = describe_open(fd, now); result < 0) return result;
    const std::uint32_t permissions = permissions_for(now, model);
    return permissions == now.permissions ? 0 : change_mode_open(fd, permissions);
}

int take_over_rights(int fd, const file_record& old) noexcept {
    file_record now;
    // Whoever may not give a file away may still give it to a group of his own.
    if (::fchown(fd, old.user, old.group) != 0)
        static_cast<void>(::fchown(fd, static_cast<uid_t>(-1), old.group) == 0);
    if (const int result = describe_open(fd, now); result < 0) return result;
    std::uint32_t permissions = permissions_for(now, old);
    if (now.group != old.group)
        permissions &= 07707U | (permissions & 07U) << 3U;  // what all others have, too
    return permissions == now.permissions ? 0 : change_mode_open(fd, permissions);
}

int sync_folder_of(const char* path) {
    const std::string whole = path;
    const std::size_t slash = whole.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : whole.substr(0, slash + 1);
    const unique_fd fd(retry([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    return fd ? sync_open(fd.get(), false) : fd.get();
}

int read_file_at(int fd, void* data, std::size_t size, std::uint64_t offset, int* after) noexcept {
    std::size_t got = 0;
    if (after != nullptr) *after = 0;
    while (got < size) {
        const auto count = retry([&] {
            return ::pread(fd, static_cast<char*>(data) + got, size - got, static_cast<off_t>(offset + got));
        });
        if (count < 0 && got == 0) return static_cast<int>(count);
        if (count < 0 && after != nullptr) *after = static_cast<int>(count);
        if (count <= 0) break;
        got += static_cast<std::size_t>(count);
    }
    return static_cast<int>(got);
}

int read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) noexcept {
    const iovec piece{.iov_base = data, .iov_len = size};
    // Not preadv2(3): where there are threads, being a point at which those may be cancelled costs a fortieth of the read.
    const auto count = ::syscall(SYS_preadv2, fd, &piece, 1UL, offset, 0UL, RWF_NOWAIT);
    return count < 0 ? -errno : static_cast<int>(count);
}

int write_file_at(int fd, const void* data, std::size_t size, std::uint64_t offset) noexcept {
    std::size_t put = 0;
    while (put < size) {
        const auto count = retry([&] {
            return ::pwrite(fd, static_cast<const char*>(data) + put, size - put,
                            static_cast<off_t>(offset + put));
        });
        if (count < 0 && put == 0) return static_cast<int>(count);
        if (count <= 0) break;
        put += static_cast<std::size_t>(count);
    }
    return put == 0 && size != 0 ? -EIO : static_cast<int>(put);
}

int write_at_end(int fd, const void* data, std::size_t size, std::uint64_t& end) noexcept {
    std::size_t put = 0;
    int error = 0;
    while (put < size) {
        const auto count =
            retry([&] { return ::write(fd, static_cast<const char*>(data) + put, size - put); });
        if (count < 0) error = static_cast<int>(count);
        if (count <= 0) break;
        put += static_cast<std::size_t>(count);
    }
    const off_t position = ::lseek(fd, 0, SEEK_CUR);
    if (position >= 0) end = static_cast<std::uint64_t>(position);
    return put == 0 ? error : static_cast<int>(put);
}

int describe_open(int fd, file_record& record) noexcept {
    struct ::stat found{};
    if (::fstat(fd, &found) != 0) return -errno;
    record = to_record(found);
    return 0;
}

int truncate_open(int fd, std::uint64_t size) noexcept {
    return retry([&] { return ::ftruncate(fd, static_cast<off_t>(size)); });
}

int change_mode_open(int fd, std::uint32_t permissions) noexcept {
    return retry([&] { return ::fchmod(fd, permissions); });
}

int sync_open(int fd, bool data_only) noexcept {
    return retry([&] { return data_only ? ::fdatasync(fd) : ::fsync(fd); });
}

bool is_terminal(int fd) noexcept { return ::isatty(fd) == 1; }

std::int64_t copy_bytes(int from, int to, std::size_t most) noexcept {
    const auto linked = retry([&] { return ::copy_file_range(from, nullptr, to, nullptr, most, 0); });
    // 0 at once may also come from a file whose size the system does not tell (/proc): reading decides.
    if (linked > 0) return linked;
    if (linked < 0 && linked != -EXDEV && linked != -EINVAL && linked != -ENOSYS && linked != -EOPNOTSUPP)
        return linked;
    const auto sent = retry([&] { return ::sendfile(to, from, nullptr, most); });
    if (sent >= 0 || (sent != -EINVAL && sent != -ENOSYS)) return sent;
    char block[65536];
    const auto got = retry([&] { return ::read(from, block, most < sizeof block ? most : sizeof block); });
    if (got <= 0) return got;
    for (std::size_t put = 0; put < static_cast<std::size_t>(got);) {
        const auto count =
            retry([&] { return ::write(to, block + put, static_cast<std::size_t>(got) - put); });
        if (count < 0) return count;
        put += static_cast<std::size_t>(count);
    }
    return got;
}

}  // namespace bide::detail::sys
