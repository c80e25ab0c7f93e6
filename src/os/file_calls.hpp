// bide/os: the system calls on open files. All return -errno on failure.
#pragma once

#include <bide/detail/os/file_record.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace bide::detail {

// How to open a file.
struct open_flags {
    bool read = false;
    bool write = false;
    bool append = false;
    bool create = false;
    bool exclusive = false;
    bool truncate = false;
    bool direct = false;
    bool no_follow = false;
    std::uint32_t permissions = 0666;
};

// A file that takes the place of another one in the end.
struct file_beside {
    std::string target;                   // the path to replace
    std::string name;                     // of the new file until then
    std::optional<file_record> replaced;  // what is there now
};

struct opened_file {
    int fd = -1;
    file_record record;
    bool seekable = false;
    bool before_writer = false;  // a FIFO to read from: until somebody writes to it, no bytes are no end
};

namespace sys {

// Never a folder. A file without positions (pipe, terminal) is put into O_NONBLOCK mode. Does not wait for the other end
// of a FIFO: -ENXIO for one to write to that nobody reads.
int open_file(const char* path, const open_flags& flags, opened_file& made) noexcept;
// A file without a name, which is gone when it is closed.
int open_unnamed(const char* folder, const open_flags& flags, opened_file& made) noexcept;
// A new file in the folder of `path`, or of what that leads to when it is a link. Where it is to replace one, nobody else
// may open it before take_over_rights().
int open_beside(const char* path, std::uint32_t permissions, file_beside& file, opened_file& made);
// Gives a file the owner, the group and the permissions of the one that it replaces. What this process may not give stays as
// it is, and the permissions leave out what another owner or group would gain. After writing, which takes set-id bits away.
int take_over_rights(int fd, const file_record& old) noexcept;
// Only the permissions, without the set-id bits that would mean another owner or group.
int take_over_permissions(int fd, const file_record& model) noexcept;
int sync_folder_of(const char* path);
// Makes a file with a new name: `path` ends in XXXXXX, which is replaced.
int make_temporary(char* path, std::size_t suffix, opened_file& made) noexcept;

// All that there is room for; fewer bytes only at the end of the file.
// `after`: why it read no more after some bytes, 0 at the end of the file.
int read_file_at(int fd, void* data, std::size_t size, std::uint64_t offset, int* after = nullptr) noexcept;
// Without waiting: fewer bytes where the rest is not in memory; -EAGAIN, or -EOPNOTSUPP where files cannot say.
int read_cached(int fd, void* data, std::size_t size, std::uint64_t offset) noexcept;
// All of them; fewer only before an error, which the next call reports.
int write_file_at(int fd, const void* data, std::size_t size, std::uint64_t offset) noexcept;
// At the end of a file opened to append; `end` becomes the position after it.
int write_at_end(int fd, const void* data, std::size_t size, std::uint64_t& end) noexcept;

int describe_open(int fd, file_record& record) noexcept;
int truncate_open(int fd, std::uint64_t size) noexcept;
int change_mode_open(int fd, std::uint32_t permissions) noexcept;
int sync_open(int fd, bool data_only) noexcept;
bool is_terminal(int fd) noexcept;

// Copies up to `most` bytes from position to position, in the kernel where it can. 0 at the end.
std::int64_t copy_bytes(int from, int to, std::size_t most) noexcept;

}  // namespace sys
}  // namespace bide::detail
