// bide/system: read, write and copy whole files in one call.
#pragma once

#include <bide/coro.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace bide {

/// Settings of write_file().
class write_options {
public:
    /// Writes a new file beside the old one, waits until the device has it, and puts it in the old one's place: whoever
    /// opens the path finds all of the old or all of the new content, also after a crash. Where the path is a symbolic
    /// link, replaces what it leads to. Keeps owner, group and permissions; those that this process may not give become its
    /// own, and then set-id bits are dropped and another group gets only what everybody has. Until then nobody else may
    /// read the new file. Not kept: ACLs, extended attributes (file capabilities among them); other hard links to the old
    /// file still lead to that. Throws: std::errc::operation_not_supported for a device or a FIFO. Default: off.
    write_options& atomic(bool on = true) noexcept {
        atomic_ = on;
        return *this;
    }
    /// Writes behind what is there. Not with atomic(). Default: off.
    write_options& append(bool on = true) noexcept {
        append_ = on;
        return *this;
    }
    /// Returns when the device has it. Default: off.
    write_options& sync(bool on = true) noexcept {
        sync_ = on;
        return *this;
    }
    /// Of a file that is created, before the umask. Default: 0666.
    write_options& permissions(std::uint32_t mode) noexcept {
        permissions_ = mode;
        return *this;
    }

    [[nodiscard]] bool atomic() const noexcept { return atomic_; }
    [[nodiscard]] bool append() const noexcept { return append_; }
    [[nodiscard]] bool sync() const noexcept { return sync_; }
    [[nodiscard]] std::uint32_t permissions() const noexcept { return permissions_; }

private:
    std::uint32_t permissions_ = 0666;
    bool atomic_ = false;
    bool append_ = false;
    bool sync_ = false;
};

/// The content of a file. Opens, reads and closes it on a worker thread, in one trip where it is at most 8 MiB.
/// Throws: std::system_error "open 'x': ..." or "read 'x': ..."; file_too_large when there is more than `limit`.
/// Cancellation: after the trip that has started. Python: none (pathlib.Path.read_bytes in to_thread).
[[nodiscard]] coro<std::string> read_file(std::string path, std::size_t limit = SIZE_MAX);

/// Makes a file with this content, or gives an existing one this content.
/// Throws: std::system_error "write 'x': ..." and the like. Cancellation: after the trip (of at most 8 MiB) that has
/// started; a file that was being written stays cut off, unless it was to be replaced atomically: then the old one stays.
/// Python: none (pathlib.Path.write_bytes in to_thread).
coro<void> write_file(std::string path, std::string data, write_options options = {});

/// Whether copy_file() may write over a file that is there.
enum class if_exists : std::uint8_t { replace, fail };

/// Copies content, then permissions (set-id bits only where the owner and the group are the same); without a trip through
/// this process where the file system can, and sharing the blocks where it can do that. `to` names the file, not a folder.
/// Neither may be a pipe, socket or terminal (/dev/stdin can be one): open() that, and read or write it piece by piece.
/// Returns: the bytes copied. Throws: std::system_error "copy 'a' to 'b': ...", also when both are the same file or one
/// is a pipe (invalid_seek; nothing was read or written), and for a file of somebody else's that may be written, when its
/// content is copied and its permissions cannot be set.
/// Cancellation, failure: what was copied stays. Python: shutil.copy.
coro<std::uint64_t> copy_file(std::string from, std::string to, if_exists existing = if_exists::replace);

}  // namespace bide
