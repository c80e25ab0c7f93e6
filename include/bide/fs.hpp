// bide/system: what can be done to files by name.
#pragma once

#include <bide/coro.hpp>
#include <bide/file_status.hpp>

#include <cstdint>
#include <string>

/// Each function is one trip to a worker thread (at most 16 at a time in the process; the others wait in order).
/// Throws: std::system_error that names the operation and the path: "mkdir 'x': File exists"; std::invalid_argument for
/// a path with a NUL byte. Cancellation: a call that has started is waited for and takes effect; the cancellation fires
/// at the next await. Threads: the loop's.
namespace bide::fs {

/// Of what the path leads to; lstat() of a symbolic link itself. Python: os.stat, os.lstat.
[[nodiscard]] coro<file_status> stat(std::string path);
[[nodiscard]] coro<file_status> lstat(std::string path);

/// False also where it cannot be found out. Python: os.path.exists, isfile, isdir, islink.
[[nodiscard]] coro<bool> exists(std::string path);
[[nodiscard]] coro<bool> isfile(std::string path);
[[nodiscard]] coro<bool> isdir(std::string path);
[[nodiscard]] coro<bool> islink(std::string path);
/// Python: os.path.getsize.
[[nodiscard]] coro<std::uint64_t> getsize(std::string path);
/// Whether both lead to the same file. Python: os.path.samefile.
[[nodiscard]] coro<bool> samefile(std::string a, std::string b);

/// What access() asks for; combined with |.
enum class access_mode : std::uint8_t { exists = 0, read = 4, write = 2, execute = 1 };
constexpr access_mode operator|(access_mode a, access_mode b) noexcept {
    return static_cast<access_mode>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
/// Whether this process may do that; false also when there is no such file. By the time of a later call it may have
/// changed: to open a file, open it. Python: os.access (there for the real user, here for the effective one).
[[nodiscard]] coro<bool> access(std::string path, access_mode mode = access_mode::exists);

/// Bytes of a file system. Python: shutil.disk_usage.
class disk_space {
public:
    explicit disk_space(const detail::space_record& record) noexcept : record_(record) {}
    [[nodiscard]] std::uint64_t total() const noexcept { return record_.total; }
    [[nodiscard]] std::uint64_t used() const noexcept { return record_.total - record_.free; }
    /// To this process; less than total() - used() where some is kept for root.
    [[nodiscard]] std::uint64_t available() const noexcept { return record_.available; }

private:
    detail::space_record record_;
};
[[nodiscard]] coro<disk_space> disk_usage(std::string path);

/// Permissions are before the umask. Python: os.mkdir.
coro<void> mkdir(std::string path, std::uint32_t permissions = 0777);
/// With the folders that lead there, which get 0777 before the umask. A folder that is there already is no error. Python:
/// os.makedirs(exist_ok=True).
coro<void> makedirs(std::string path, std::uint32_t permissions = 0777);
/// An empty folder. Python: os.rmdir.
coro<void> rmdir(std::string path);
/// A name of a file; the file goes with its last name. Not a folder. Python: os.remove, os.unlink.
coro<void> remove(std::string path);
/// A folder with everything in it, without following symbolic links. Not one transaction: what was removed before a
/// failure is gone. Python: shutil.rmtree.
coro<void> rmtree(std::string path);

/// Replaces a file that is there; one step for everybody who looks. Python: os.replace, os.rename.
coro<void> rename(std::string from, std::string to);
/// Throws: file_exists when there is such a file. Python: os.rename on Windows.
coro<void> rename_new(std::string from, std::string to);
/// A second name for a file; a symbolic link. Python: os.link, os.symlink, os.readlink.
coro<void> link(std::string target, std::string name);
coro<void> symlink(std::string target, std::string name);
[[nodiscard]] coro<std::string> readlink(std::string path);

/// Python: os.chmod.
coro<void> chmod(std::string path, std::uint32_t permissions);
/// When it was last read and written. Python: os.utime.
coro<void> utime(std::string path, file_status::time_point accessed, file_status::time_point modified);
/// Cuts or extends a file. Python: os.truncate.
coro<void> truncate(std::string path, std::uint64_t size);

}  // namespace bide::fs
