// bide/os: the names in a folder, some at a time.
#include "os/folder_reader.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "os/fd.hpp"
#include "os/stat_record.hpp"
#include "os/syscall.hpp"

namespace bide::detail {

int folder_reader::open(const char* path, bool follow) noexcept { return open_at(AT_FDCWD, path, follow); }

int folder_reader::open_at(int folder, const char* name, bool follow) noexcept {
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
    unique_fd fd(sys::retry([&] { return ::openat(folder, name, flags); }));
    if (!fd) return fd.get();
    stream_ = ::fdopendir(fd.get());
    if (stream_ == nullptr) return -errno;
    static_cast<void>(fd.release());
    return 0;
}

int folder_reader::read(std::vector<folder_entry>& entries, std::size_t most) {
    for (std::size_t count = 0; count < most;) {
        errno = 0;
        const dirent* const found = ::readdir(static_cast<DIR*>(stream_));
        if (found == nullptr) return -errno;
        const std::string_view name = found->d_name;
        if (name == "." || name == "..") continue;
        entries.push_back(
            {std::string(name), sys::kind_of(static_cast<mode_t>(DTTOIF(found->d_type))), found->d_ino});
        ++count;
    }
    return 0;
}

void folder_reader::close() noexcept {
    if (stream_ != nullptr) ::closedir(static_cast<DIR*>(std::exchange(stream_, nullptr)));
}

}  // namespace bide::detail
