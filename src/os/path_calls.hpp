// bide/os: the system calls on names of files. All return -errno on failure.
#pragma once

#include <bide/detail/os/file_record.hpp>

#include <cstdint>
#include <string>

namespace bide::detail::sys {

int describe(const char* path, bool follow, file_record& record) noexcept;
int may_access(const char* path, bool read, bool write, bool execute) noexcept;
int space_on(const char* path, space_record& space) noexcept;

int make_folder(const char* path, std::uint32_t permissions) noexcept;
// `path` ends in XXXXXX, which is replaced.
int make_temporary_folder(char* path) noexcept;
int remove_folder(const char* path) noexcept;
int remove_name(const char* path) noexcept;
int rename_path(const char* from, const char* to, bool replace) noexcept;
int link_path(const char* target, const char* name) noexcept;
int symlink_path(const char* target, const char* name) noexcept;
int read_link(const char* path, std::string& target);
int change_mode(const char* path, std::uint32_t permissions) noexcept;
// Nanoseconds since 1970.
int change_times(const char* path, std::int64_t accessed, std::int64_t modified, bool follow) noexcept;
int truncate_path(const char* path, std::uint64_t size) noexcept;

}  // namespace bide::detail::sys
