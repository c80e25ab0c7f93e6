// bide/system: write a file at its position.
#include <bide/as_result.hpp>
#include <bide/file.hpp>

#include <algorithm>

#include "system/file_core.hpp"
#include "system/worker_call.hpp"

namespace bide {

namespace detail {

namespace {

// Writes some bytes, which belong right before the position `end` moves to. Returns how many: at least one.
coro<std::size_t> write_some(file_core& file, const char* bytes, std::size_t size, std::uint64_t at,
                             std::uint64_t& end) {
    const std::size_t most = std::min(size, largest_piece);
    if (!file.seekable) {
        op_args args;
        args.fd = file.fd;
        args.data = const_cast<char*>(bytes);  // the record serves reads as well; write_op only reads it
        args.size = most;
        const auto count = co_await as_result(io_awaiter(write_op, args));
        if (!count) throw_file_error(count.error().value(), "write", file.path);
        end = at + *count;
        co_return *count;
    }
    const int fd = file.fd;
    const bool append = file.flags.append;
    end = at;
    const int count = co_await on_worker("write", file.path, [&] {
        return append ? sys::write_at_end(fd, bytes, most, end) : sys::write_file_at(fd, bytes, most, at);
    });
    if (!append) end = at + static_cast<std::size_t>(count);
    co_return static_cast<std::size_t>(count);
}

coro<std::size_t> write_bytes(file_ref file, std::string_view bytes) {
    const file_use use(file, "write", file_use::to_write);
    const auto turn = co_await file->turn.scoped();
    use.check_open("write");
    co_await put(*file, bytes);
    co_return bytes.size();
}

coro<void> write_pieces(file_ref file, std::vector<std::string> pieces) {
    const file_use use(file, "writelines", file_use::to_write);
    const auto turn = co_await file->turn.scoped();
    use.check_open("writelines");
    for (const std::string& each : pieces) co_await put(*file, each);
}

coro<std::size_t> write_bytes_at(file_ref file, std::uint64_t offset, std::string_view bytes) {
    std::size_t put = 0;
    check_file(file.get(), "write_at", file_use::to_write);
    while (put < bytes.size()) {
        const std::size_t most = std::min(bytes.size() - put, largest_piece);
        // The record serves reads as well; a write only reads it.
        char* const from = const_cast<char*>(bytes.data()) + put;
        file_transfer piece(file, transfer_kind::write, offset + put, from, most);
        const std::size_t count = co_await std::move(piece);
        put += count;
    }
    co_return put;
}

}  // namespace

coro<void> write_out(file_core& file, const char*) {
    while (file.unwritten() != 0) {
        const std::size_t size = file.buffer.size();
        std::uint64_t end = 0;
        const std::size_t count =
            co_await write_some(file, file.buffer.data(), size, file.position - size, end);
        file.buffer.erase(0, count);
        file.position = end + file.buffer.size();
    }
}

coro<void> put(file_core& file, std::string_view bytes) {
    if (!file.writing) {
        file.drop_ahead();
        file.writing = true;
    }
    if (file.unwritten() + bytes.size() >= file.buffer_size) {
        co_await write_out(file, "write");
        // What fills a buffer by itself need not be copied into one.
        while (bytes.size() >= file.buffer_size && !bytes.empty()) {
            std::uint64_t end = 0;
            const std::size_t count =
                co_await write_some(file, bytes.data(), bytes.size(), file.position, end);
            file.position = end;
            bytes.remove_prefix(count);
        }
    }
    file.buffer.append(bytes);
    file.position += bytes.size();
}

}  // namespace detail

coro<std::size_t> file::write(std::string_view data) { return detail::write_bytes(core_, data); }
coro<void> file::writelines(std::vector<std::string> pieces) {
    return detail::write_pieces(core_, std::move(pieces));
}
coro<std::size_t> file::write_at(std::uint64_t offset, std::string_view data) {
    return detail::write_bytes_at(core_, offset, data);
}

}  // namespace bide
