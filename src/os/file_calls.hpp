// bide/os: the system calls on open files. All return -errno on failure.
#pragma once

#include <bide/detail/os/file_record.hpp>

#include <cstddef>
#include <cstdint>
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
// A new file in the folder of `path`, or of what that leads to when it is a link. `target` becomes the path to replace
// in the end, whose permissions it has where there is one, `name` that of the new file.
int open_beside(const char* path, std::uint32_t permissions, std::string& target, std::string& name,
                opened_file& made);
int sync_folder_of(const char* path);
// Makes a file with a new name: `path` ends in XXXXXX, which is replaced.
int make_temporary(char* path, std::size_t suffix, opened_file& made) noexcept;

// All that there is room for; fewer bytes only at the end of the file.
int read_file_at(int fd, void* data, std::size_t size, std::uint64_t offset) noexcept;
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
