// bide/system: read a file at its position.
#include <bide/as_result.hpp>
#include <bide/error.hpp>
#include <bide/file.hpp>

#include <bide/detail/base/scope_guard.hpp>

#include <algorithm>
#include <cstring>

#include "system/fifo.hpp"
#include "system/file_core.hpp"
#include "system/worker_call.hpp"

namespace bide {

namespace detail {

namespace {

constexpr std::size_t least_piece = 4096;

// How much to ask for when `wanted` bytes are missing. A buffer may be larger than what is read at a time.
std::size_t piece_of(const file_core& file, std::size_t wanted) {
    return std::clamp(std::max(wanted, file.buffer_size), least_piece, largest_piece);
}

// Before bytes are read at the position: what waits to be written comes first.
coro<void> begin_reading(file_core& file, const char* call) {
    if (!file.writing) co_return;
    co_await write_out(file, call);
    file.writing = false;
    file.drop_ahead();
}

// The unread bytes of a file as far as they are known: a guess for the first piece.
std::size_t left_of(const file_core& file) {
    const std::uint64_t read = file.position + file.ahead();
    return read < file.size_hint ? static_cast<std::size_t>(file.size_hint - read) + 1 : 0;
}

coro<std::string> read_bytes(file_ref file, std::size_t most) {
    const file_use use(file, "read", file_use::to_read);
    const auto turn = co_await file->turn.scoped();
    use.check_open("read");
    co_await begin_reading(*file, "read");
    bool at_end = false;
    while (!at_end && file->ahead() < most) {
        const std::size_t missing = most - file->ahead();
        const bool more = co_await fill(*file, piece_of(*file, std::min(missing, left_of(*file))));
        at_end = !more;
    }
    const std::size_t count = std::min(most, file->ahead());
    file->check_text(file->view().substr(0, count), at_end);
    co_return file->take(count);
}

coro<std::size_t> read_into_memory(file_ref file, std::span<std::byte> room) {
    const file_use use(file, "read_into", file_use::to_read);
    const auto turn = co_await file->turn.scoped();
    use.check_open("read_into");
    co_await begin_reading(*file, "read_into");
    bool at_end = false;
    while (!at_end && file->ahead() < room.size()) {
        const bool more = co_await fill(*file, piece_of(*file, room.size() - file->ahead()));
        at_end = !more;
    }
    const std::size_t count = std::min(room.size(), file->ahead());
    file->check_text(file->view().substr(0, count), at_end);
    if (count != 0) std::memcpy(room.data(), file->view().data(), count);
    file->skip(count);
    co_return count;
}

[[noreturn]] void fail_long_line(const file_core& file, const char* call) {
    throw limit_overrun_error(about(call, file.path) + ": the line at byte " + std::to_string(file.position) +
                                  " is longer than " + std::to_string(file.line_limit) +
                                  " bytes; see open_options::line_limit",
                              file.ahead());
}

// The bytes of the next line; 0 at the end. They are in the buffer then.
coro<std::size_t> find_line(file_core& file, const char* call) {
    std::size_t searched = 0;
    for (;;) {
        const std::string_view bytes = file.view();
        const std::size_t found = bytes.find('\n', searched);
        searched = bytes.size();
        if ((found == std::string_view::npos ? searched : found + 1) > file.line_limit)
            fail_long_line(file, call);
        if (found != std::string_view::npos) {
            file.check_text(bytes.substr(0, found + 1), false);
            co_return found + 1;
        }
        const bool more = co_await fill(file, piece_of(file, 0));
        if (!more) break;
    }
    file.check_text(file.view(), true);
    co_return file.ahead();
}

coro<std::optional<std::string>> read_line(file_ref file, const char* call) {
    std::optional<std::string> line;
    const file_use use(file, call, file_use::to_read);
    const auto turn = co_await file->turn.scoped();
    use.check_open(call);
    co_await begin_reading(*file, call);
    const std::size_t size = co_await find_line(*file, call);
    if (size != 0) line = file->take(size);
    co_return line;
}

coro<std::string> read_line_or_empty(file_ref file) {
    std::optional<std::string> line = co_await read_line(std::move(file), "readline");
    co_return line ? std::move(*line) : std::string();
}

coro<std::vector<std::string>> read_lines(file_ref file, std::size_t hint) {
    std::vector<std::string> lines;
    const file_use use(file, "readlines", file_use::to_read);
    const auto turn = co_await file->turn.scoped();
    use.check_open("readlines");
    co_await begin_reading(*file, "readlines");
    std::size_t total = 0;
    while (hint == 0 || total < hint) {
        const std::size_t size = co_await find_line(*file, "readlines");
        if (size == 0) break;
        lines.push_back(file->take(size));
        total += size;
    }
    co_return lines;
}

coro<std::string> read_bytes_at(file_ref file, std::uint64_t offset, std::size_t most) {
    std::string bytes;
    while (bytes.size() < most) {
        const std::size_t before = bytes.size();
        bytes.resize(before + std::min(most - before, largest_piece));
        file_transfer piece(file, transfer_kind::read, offset + before, bytes.data() + before,
                            bytes.size() - before);
        const std::size_t count = co_await std::move(piece);
        bytes.resize(before + count);
        if (count == 0) break;  // fewer than asked for may also mean that the next ones cannot be read
    }
    co_return bytes;
}

coro<std::size_t> fill_from_stream(file_core& file, char* to, std::size_t most) {
    op_args args;
    if (file.before_writer) co_await wait_for_writer(file.fd, file.path);
    file.before_writer = false;
    args.fd = file.fd;
    args.data = to;
    args.size = most;
    const auto count = co_await as_result(io_awaiter(read_op, args));
    if (!count) throw_file_error(count.error().value(), "read", file.path);
    co_return *count;
}

}  // namespace

coro<bool> fill(file_core& file, std::size_t most) {
    std::size_t count = 0;
    if (file.head != 0) {
        file.buffer.erase(0, file.head);
        file.head = 0;
    }
    const std::size_t before = file.buffer.size();
    file.buffer.resize(before + most);
    const scope_guard trim([&]() noexcept { file.buffer.resize(before + count); });
    char* const to = file.buffer.data() + before;
    if (file.seekable) {
        ++file.refs;
        file_transfer piece(file_ref(&file), transfer_kind::read, file.position + before, to, most);
        count = co_await std::move(piece);
    } else {
        count = co_await fill_from_stream(file, to, most);
    }
    co_return count != 0;
}

}  // namespace detail

coro<std::string> file::read() { return detail::read_bytes(core_, SIZE_MAX); }
coro<std::string> file::read(std::size_t most) { return detail::read_bytes(core_, most); }
coro<std::size_t> file::read_into(std::span<std::byte> room) { return detail::read_into_memory(core_, room); }
coro<std::string> file::readline() { return detail::read_line_or_empty(core_); }
coro<std::optional<std::string>> file::next_line() { return detail::read_line(core_, "next_line"); }
coro<std::vector<std::string>> file::readlines(std::size_t hint) { return detail::read_lines(core_, hint); }

detail::file_transfer file::read_at(std::uint64_t offset, std::span<std::byte> room) {
    return detail::file_transfer(core_, detail::transfer_kind::read, offset, room.data(), room.size());
}
coro<std::string> file::read_at(std::uint64_t offset, std::size_t most) {
    return detail::read_bytes_at(core_, offset, most);
}

}  // namespace bide
