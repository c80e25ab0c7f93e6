// bide/os: the names in a folder, some at a time.
#pragma once

#include <bide/detail/os/file_record.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace bide::detail {

struct folder_entry {
    std::string name;
    file_kind kind = file_kind::unknown;  // where the file system does not tell without a look at the file
    std::uint64_t inode = 0;
};

// Not thread-safe, but not bound to a thread. Returns -errno on failure.
class folder_reader {
public:
    folder_reader() = default;
    folder_reader(const folder_reader&) = delete;
    folder_reader& operator=(const folder_reader&) = delete;
    ~folder_reader() { close(); }

    // `follow`: a symbolic link to a folder counts as one.
    int open(const char* path, bool follow) noexcept;
    int open_at(int folder, const char* name, bool follow) noexcept;
    // Appends at most `most` entries, without "." and ".."; none at the end.
    int read(std::vector<folder_entry>& entries, std::size_t most);
    void close() noexcept;

private:
    void* stream_ = nullptr;
};

}  // namespace bide::detail
