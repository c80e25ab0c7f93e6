// bide/system: the state of an open file.
//
// There is one buffer, and it holds either bytes that were read ahead or bytes that wait to be written; `position` is
// where the next byte that the user reads or writes lies, in both cases. The descriptor's own position is used only by
// files that have no other (pipes, terminals, files opened to append).
//
// Operations that use the position take turns (`turn`), in the order in which they were awaited. Those at an offset of
// their own need no turn. The descriptor stays open while any of them is in flight, also when the file is closed
// meanwhile: a worker thread must not find another file under its number.
#pragma once

#include <bide/detail/os/file_record.hpp>
#include <bide/detail/system/file_ref.hpp>
#include <bide/file.hpp>
#include <bide/lock.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "os/file_calls.hpp"
#include "system/utf8.hpp"

namespace bide::detail {

struct loop_state;

struct file_core {
    file_core(std::string file_path, std::string file_mode, const open_flags& how,
              const open_options& options, const opened_file& made) noexcept;
    file_core(const file_core&) = delete;
    file_core& operator=(const file_core&) = delete;
    ~file_core();

    [[nodiscard]] std::size_t ahead() const noexcept { return writing ? 0 : buffer.size() - head; }
    [[nodiscard]] std::string_view view() const noexcept { return std::string_view(buffer).substr(head); }
    [[nodiscard]] std::size_t unwritten() const noexcept { return writing ? buffer.size() : 0; }
    // Takes bytes that were read ahead.
    std::string take(std::size_t count);
    void skip(std::size_t count) noexcept;
    // What was read ahead is not needed any more.
    void drop_ahead() noexcept;
    // Bytes that the user gets: checks that they are text, where that was asked for.
    void check_text(std::string_view bytes, bool at_end);
    void end_operation() noexcept;
    void close_now() noexcept;

    // The unwritten bytes, without waiting for more than the page cache. Returns -errno on failure.
    int write_out_now() noexcept;

    std::uint32_t refs = 1;
    std::uint32_t in_flight = 0;
    int fd;
    open_flags flags;
    bool seekable;
    bool before_writer;
    bool closed = false;
    bool writing = false;      // the buffer holds what is to be written
    bool inline_reads = true;  // the file can say what of it is in the page cache
    bool check_utf8;
    static constexpr std::uint32_t inline_budget = 1024 * 1024;
    std::uint32_t budget =
        inline_budget;  // bytes that may still be read inline before others have their turn
    std::size_t buffer_size;
    std::size_t line_limit;
    std::uint64_t position = 0;
    std::size_t head = 0;
    std::string buffer;
    std::uint64_t size_hint;  // the size when it was opened
    utf8_check text;
    lock turn;
    loop_state* loop;
    std::uint32_t loop_number;
    std::string path;
    std::string mode;
};

// Keeps the file and its descriptor for as long as an operation uses them.
class file_use {
public:
    enum need { any_use, to_read, to_write };

    // Throws: invalid_state_error when the file is closed, was not opened for that, or has no buffer (direct).
    file_use(const file_ref& file, const char* call, need what = any_use);
    file_use(const file_use&) = delete;
    file_use& operator=(const file_use&) = delete;
    ~file_use() { file_->end_operation(); }

    // After a wait, during which it may have been closed.
    void check_open(const char* call) const;

private:
    file_ref file_;
};

// Throws what is wrong with the file for this call.
[[noreturn]] BIDE_COLD void refuse_file(const file_core* file, const char* call, file_use::need what);

inline void check_file(const file_core* file, const char* call, file_use::need what) {
    const bool usable = file != nullptr && !file->closed && (what != file_use::to_read || file->flags.read) &&
                        (what != file_use::to_write || file->flags.write);
    if (!usable) [[unlikely]]
        refuse_file(file, call, what);
}

// Reads ahead until the buffer has `most` more bytes. False at the end.
coro<bool> fill(file_core& file, std::size_t most);
// Writes what waits in the buffer. What could not be written stays there.
coro<void> write_out(file_core& file, const char* call);
// Puts bytes at the position; large ones come straight from the caller's memory.
coro<void> put(file_core& file, std::string_view bytes);

}  // namespace bide::detail
