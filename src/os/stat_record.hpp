// bide/os: the system's description of a file as a file_record.
#pragma once

#include <bide/detail/os/file_record.hpp>

#include <sys/stat.h>

namespace bide::detail::sys {

inline std::int64_t to_ns(const timespec& moment) noexcept {
    return static_cast<std::int64_t>(moment.tv_sec) * 1'000'000'000 + moment.tv_nsec;
}

inline file_kind kind_of(mode_t mode) noexcept {
    switch (mode & S_IFMT) {
        case S_IFREG: return file_kind::regular;
        case S_IFDIR: return file_kind::directory;
        case S_IFLNK: return file_kind::symlink;
        case S_IFIFO: return file_kind::pipe;
        case S_IFSOCK: return file_kind::socket;
        case S_IFCHR: return file_kind::character;
        case S_IFBLK: return file_kind::block;
        default: return file_kind::unknown;
    }
}

inline file_record to_record(const struct ::stat& from) noexcept {
    return {.kind = kind_of(from.st_mode),
            .permissions = from.st_mode & 07777U,
            .user = from.st_uid,
            .group = from.st_gid,
            .device = from.st_dev,
            .inode = from.st_ino,
            .links = from.st_nlink,
            .size = static_cast<std::uint64_t>(from.st_size),
            .allocated = static_cast<std::uint64_t>(from.st_blocks) * 512,
            .accessed = to_ns(from.st_atim),
            .modified = to_ns(from.st_mtim),
            .changed = to_ns(from.st_ctim)};
}

}  // namespace bide::detail::sys
