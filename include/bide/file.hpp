// bide/system: open files, read and write them.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/system/file_ref.hpp>
#include <bide/detail/system/file_transfer.hpp>
#include <bide/file_status.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bide {

/// Settings of open(), beyond the mode.
class open_options {
public:
    /// Bytes that wait in memory before they are written. 0: each write goes to the system at once. Default: 64 KiB.
    /// Reads are always buffered, with at least 4 KiB. Python: buffering.
    open_options& buffering(std::size_t bytes) noexcept {
        buffering_ = bytes;
        return *this;
    }
    /// Of a file that is created, before the umask. Default: 0666.
    open_options& permissions(std::uint32_t mode) noexcept {
        permissions_ = mode;
        return *this;
    }
    /// The longest line that readline() and its like accept. Default: 16 MiB.
    open_options& line_limit(std::size_t bytes) noexcept {
        line_limit_ = bytes;
        return *this;
    }
    /// What is read at the position must be UTF-8; the error names the offset. Default: off, bytes are bytes.
    /// Python: encoding="utf-8", errors="strict".
    open_options& check_utf8(bool on = true) noexcept {
        check_utf8_ = on;
        return *this;
    }
    /// Past the page cache (O_DIRECT): only read_at() and write_at(), with memory, offset and size that are multiples of
    /// the device's block (see aligned_buffer). Default: off.
    open_options& direct(bool on = true) noexcept {
        direct_ = on;
        return *this;
    }
    /// Fails when the path is a symbolic link. Default: off.
    open_options& no_follow(bool on = true) noexcept {
        no_follow_ = on;
        return *this;
    }

    [[nodiscard]] std::size_t buffering() const noexcept { return buffering_; }
    [[nodiscard]] std::uint32_t permissions() const noexcept { return permissions_; }
    [[nodiscard]] std::size_t line_limit() const noexcept { return line_limit_; }
    [[nodiscard]] bool check_utf8() const noexcept { return check_utf8_; }
    [[nodiscard]] bool direct() const noexcept { return direct_; }
    [[nodiscard]] bool no_follow() const noexcept { return no_follow_; }

private:
    std::size_t buffering_ = 64 * 1024;
    std::size_t line_limit_ = 16 * 1024 * 1024;
    std::uint32_t permissions_ = 0666;
    bool check_utf8_ = false;
    bool direct_ = false;
    bool no_follow_ = false;
};

/// From where seek() counts. Python: os.SEEK_SET, SEEK_CUR, SEEK_END.
enum class seek_from : std::uint8_t { start, current, end };

/// An open file with a position and a buffer; open() makes it. Movable; a default-constructed one is closed.
///
/// Operations on one file that use its position take turns, in the order in which they were awaited. Reads from the page
/// cache do not suspend; everything else that could keep the loop waiting runs on a worker thread or in the kernel.
///
/// Close it with `co_await f.close()`, which reports what could not be written. A file that is dropped is closed at once:
/// what waits in its buffer is written there and then, on the loop's thread, and where that fails the loop's exception
/// handler is told. An operation in flight keeps the descriptor open until it has ended.
/// Throws: every call invalid_state_error for a closed file, and for one whose mode does not allow it; those that use the
/// position also for one opened with direct(). Python: ValueError and io.UnsupportedOperation.
/// Cancellation: a call on a worker thread that has started is waited for; what it did counts (its bytes are returned or
/// stay buffered), and the cancellation fires at the next await.
/// Threads: the loop's. Python: the file objects of aiofiles.
class file {
public:
    file() noexcept = default;
    file(file&&) noexcept = default;
    file& operator=(file&&) noexcept = default;
    ~file() = default;

    // --- at the position ---

    /// All that is left. Throws: std::system_error that names the file. Python: read().
    [[nodiscard]] coro<std::string> read();
    /// `most` bytes; fewer only at the end of the file, none when it was there before.
    /// Cancellation, failure: what was read stays in the buffer for the next read. Python: read(n).
    [[nodiscard]] coro<std::string> read(std::size_t most);
    /// Fills the caller's memory, which must stay until the call is done; less only at the end. Python: readinto.
    [[nodiscard]] coro<std::size_t> read_into(std::span<std::byte> room);

    /// A line with its newline; the last one may have none; empty at the end.
    /// Throws: limit_overrun_error for a line longer than open_options::line_limit(). Python: readline.
    [[nodiscard]] coro<std::string> readline();
    /// As readline(), and nothing at the end: `while (auto line = co_await f.next_line())`.
    /// Python: async for line in f.
    [[nodiscard]] coro<std::optional<std::string>> next_line();
    /// All lines that are left, or, with a hint, lines until they are that many bytes. Python: readlines.
    [[nodiscard]] coro<std::vector<std::string>> readlines(std::size_t hint = 0);

    /// Writes all of it, or puts it into the buffer when there is room. `data` must stay until the call is done.
    /// Suspends: only when the buffer is full. Returns: data.size().
    /// Throws: std::system_error; what waited in the buffer and could not be written stays there, and flush() or close()
    /// tries again. Cancellation, failure: `data` that is no smaller than the buffer is written in pieces of at most 8 MiB,
    /// and its beginning may be in the file then: as much as tell() has moved by. Of less, nothing was written.
    /// Python: write.
    coro<std::size_t> write(std::string_view data);
    /// Writes one after the other, each as write() does. Python: writelines, which adds no newlines either.
    coro<void> writelines(std::vector<std::string> pieces);

    /// Moves the position. Returns: the new one. Throws: std::invalid_argument for one before the start;
    /// std::system_error for a file that has no positions. Python: seek.
    coro<std::uint64_t> seek(std::int64_t offset, seek_from whence = seek_from::start);
    /// Where the next byte is read or written. Python: tell (there awaited).
    [[nodiscard]] std::uint64_t tell() const;

    /// Cuts or extends the file, to the position where no size is given; the position stays. Python: truncate.
    coro<void> truncate();
    coro<void> truncate(std::uint64_t size);

    /// Gives what waits in the buffer to the operating system. Python: flush.
    coro<void> flush();
    /// Flushes, then waits until the device has it. Python: flush and os.fsync; os.fdatasync, which leaves out times.
    coro<void> fsync();
    coro<void> fdatasync();

    // --- at an offset; any number at a time, past the buffer: flush() first what they are to see ---

    /// Fills the caller's memory, which must stay until the call is done; less only at the end of the file, or
    /// before bytes that cannot be read: the next call says why.
    /// Suspends: not when all of it is in the page cache, but for one turn of the loop after each MiB.
    /// Throws: std::system_error. Python: os.preadv.
    [[nodiscard("read_at does nothing until it is awaited")]] detail::file_transfer
    read_at(std::uint64_t offset, std::span<std::byte> room);
    /// Up to `most` bytes; fewer only at the end of the file. Python: os.pread.
    [[nodiscard]] coro<std::string> read_at(std::uint64_t offset, std::size_t most);
    /// Writes all of it. Cancellation, failure: its beginning may be written, in pieces of at most 8 MiB; nothing says how
    /// much. Python: os.pwrite (which may write less).
    coro<std::size_t> write_at(std::uint64_t offset, std::string_view data);
    coro<std::size_t> write_at(std::uint64_t offset, std::span<const std::byte> data) {
        return write_at(offset, std::string_view(reinterpret_cast<const char*>(data.data()), data.size()));
    }

    // --- the file itself ---

    /// Flushes and closes. The descriptor is given back in any case. Idempotent.
    /// Throws: std::system_error when something could not be written; it is lost then.
    /// Cancellation: what waits in the buffer is written and the file closed all the same, unless another operation on
    /// it was still being waited for. Python: close, and the end of `async with`.
    coro<void> close();
    [[nodiscard]] bool closed() const noexcept;
    explicit operator bool() const noexcept { return !closed(); }

    /// Python: os.fstat(f.fileno()).
    [[nodiscard]] coro<file_status> stat();
    /// Python: readable, writable, seekable, isatty, name, mode, fileno.
    [[nodiscard]] bool readable() const;
    [[nodiscard]] bool writable() const;
    [[nodiscard]] bool seekable() const;
    [[nodiscard]] bool isatty() const;
    [[nodiscard]] const std::string& name() const;
    [[nodiscard]] const std::string& mode() const;
    /// -1 when closed. It stays the file's.
    [[nodiscard]] int fileno() const noexcept;

    /// For bide's own layers.
    explicit file(detail::file_ref core) noexcept : core_(std::move(core)) {}
    [[nodiscard]] const detail::file_ref& core() const noexcept { return core_; }

private:
    detail::file_ref core_;
};

/// Opens a file. Modes: "r" to read, "w" to write a new or emptied file, "x" to write one that must not exist, "a" to
/// append; with "+" to do both; "b" and "t" are accepted and change nothing: bytes are bytes, newlines stay as they are.
/// Throws: std::invalid_argument for another mode; std::system_error "open 'x': ...", also for a directory, and (ENXIO) for
/// a FIFO to write to that nobody reads. A FIFO to read is open at once; its first read waits until somebody writes.
/// Cancellation: a file that was opened although nobody waits any more is closed. Limits: 16 such calls at a time in the
/// process. Python: aiofiles.open, without encoding, errors and newline: see open_options::check_utf8().
[[nodiscard]] coro<file> open(std::string path, std::string mode = "r", open_options options = {});

/// Memory for files that were opened with open_options::direct(): aligned and rounded up to 4 KiB.
class aligned_buffer {
public:
    explicit aligned_buffer(std::size_t size);
    aligned_buffer(aligned_buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    aligned_buffer& operator=(aligned_buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~aligned_buffer();

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

    static constexpr std::size_t alignment = 4096;

private:
    std::byte* data_;
    std::size_t size_;
};

}  // namespace bide
