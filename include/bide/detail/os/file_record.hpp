// bide/os: what the operating system knows about a file.
#pragma once

#include <cstdint>

namespace bide::detail {

enum class file_kind : std::uint8_t { unknown, regular, directory, symlink, pipe, socket, character, block };

struct file_record {
    file_kind kind = file_kind::unknown;
    std::uint32_t permissions = 0;  // with set-user-id, set-group-id and sticky
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t links = 0;
    std::uint64_t size = 0;
    std::uint64_t allocated = 0;  // bytes on the disk
    std::int64_t accessed = 0;    // nanoseconds since 1970
    std::int64_t modified = 0;
    std::int64_t changed = 0;
};

struct space_record {
    std::uint64_t total = 0;
    std::uint64_t free = 0;
    std::uint64_t available = 0;  // to those who are not root
};

}  // namespace bide::detail
