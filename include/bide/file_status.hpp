// bide/system: what the operating system knows about a file.
#pragma once

#include <bide/detail/os/file_record.hpp>

#include <chrono>
#include <cstdint>

namespace bide {

/// Regular file, directory, symbolic link and so on.
using file_kind = detail::file_kind;

/// What stat() says of a file, at the moment when it was asked. A value. Python: os.stat_result.
class file_status {
public:
    using time_point = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

    explicit file_status(const detail::file_record& record) noexcept : record_(record) {}

    [[nodiscard]] file_kind kind() const noexcept { return record_.kind; }
    [[nodiscard]] bool is_file() const noexcept { return record_.kind == file_kind::regular; }
    [[nodiscard]] bool is_dir() const noexcept { return record_.kind == file_kind::directory; }
    [[nodiscard]] bool is_symlink() const noexcept { return record_.kind == file_kind::symlink; }

    /// In bytes. Python: st_size.
    [[nodiscard]] std::uint64_t size() const noexcept { return record_.size; }
    /// Bytes that it takes on the disk; fewer than its size when it has holes. Python: st_blocks * 512.
    [[nodiscard]] std::uint64_t allocated() const noexcept { return record_.allocated; }
    /// The twelve bits that chmod() sets. Python: stat.S_IMODE(st_mode).
    [[nodiscard]] std::uint32_t permissions() const noexcept { return record_.permissions; }
    /// Python: st_uid, st_gid.
    [[nodiscard]] std::uint32_t user() const noexcept { return record_.user; }
    [[nodiscard]] std::uint32_t group() const noexcept { return record_.group; }
    /// How many names it has. Python: st_nlink.
    [[nodiscard]] std::uint64_t links() const noexcept { return record_.links; }
    /// Together they tell files apart, whatever their names. Python: st_dev, st_ino.
    [[nodiscard]] std::uint64_t device() const noexcept { return record_.device; }
    [[nodiscard]] std::uint64_t inode() const noexcept { return record_.inode; }
    [[nodiscard]] bool same_file(const file_status& other) const noexcept {
        return device() == other.device() && inode() == other.inode();
    }

    /// Of the last read, the last write, and the last change of content or status. Python: st_atime, st_mtime, st_ctime.
    [[nodiscard]] time_point accessed() const noexcept { return at(record_.accessed); }
    [[nodiscard]] time_point modified() const noexcept { return at(record_.modified); }
    [[nodiscard]] time_point changed() const noexcept { return at(record_.changed); }

private:
    static time_point at(std::int64_t ns) noexcept { return time_point(std::chrono::nanoseconds(ns)); }

    detail::file_record record_;
};

}  // namespace bide
