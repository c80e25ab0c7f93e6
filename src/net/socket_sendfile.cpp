// bide/net: send a file on a socket, by the kernel or, where it cannot, piece by piece.
#include <bide/socket.hpp>

#include <bide/as_result.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>
#include <bide/to_thread.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <system_error>

#include "net/socket_core.hpp"
#include "os/file_calls.hpp"
#include "os/sock.hpp"

namespace bide {

namespace {

using detail::io_awaiter;
using detail::socket_ref;
using detail::throw_socket_error;

// A file that cannot be sent by the kernel, as opposed to one that cannot be read.
bool is_refused(std::error_code error) noexcept {
    const int value = error.value();
    return value == EINVAL || value == ENOSYS || value == EOPNOTSUPP || value == ESPIPE;
}

std::string file_name(int file) { return "the file on descriptor " + std::to_string(file); }

constexpr std::uint64_t piece_size = 256 * 1024;

// Whether the kernel would wait for the disk. Memory is filled and emptied in runs, so the ends of a piece will do.
bool is_cold(int file, std::uint64_t offset, std::uint64_t size) noexcept {
    char byte = 0;
    return detail::sys::read_cached(file, &byte, 1, offset) == -EAGAIN ||
           detail::sys::read_cached(file, &byte, 1, offset + size - 1) == -EAGAIN;
}

std::string read_piece(int file, std::uint64_t offset, std::size_t size) {
    std::string piece(size, '\0');
    const std::ptrdiff_t count = detail::sys::read_at(file, piece.data(), size, offset);
    if (count < 0) {
        throw std::system_error(static_cast<int>(-count), std::generic_category(),
                                "sendfile: read " + file_name(file));
    }
    piece.resize(static_cast<std::size_t>(count));
    return piece;
}

// Goes on at `sent`.
coro<std::uint64_t> read_and_send(socket_ref core, int file, std::uint64_t offset, std::uint64_t count,
                                  std::uint64_t sent) {
    std::string piece;
    while (sent < count) {
        const auto size = static_cast<std::size_t>(std::min(count - sent, piece_size));
        piece = co_await to_thread(read_piece, file, offset + sent, size);
        if (piece.empty()) break;
        co_await detail::send_all(core, "sendfile", piece);
        sent += piece.size();
    }
    co_return sent;
}

coro<std::uint64_t> send_file(socket_ref core, int file, std::uint64_t offset, std::uint64_t count,
                              sendfile_fallback fallback) {
    detail::op_args args;
    std::uint64_t sent = 0;
    while (sent < count) {
        args.fd = core->use("sendfile");
        args.flags = static_cast<std::uint32_t>(file);
        args.offset = offset + sent;
        args.size = static_cast<std::size_t>(std::min(count - sent, piece_size));
        if (is_cold(file, args.offset, args.size)) {
            static_cast<void>(co_await to_thread(read_piece, file, args.offset, args.size));
            args.fd = core->use("sendfile");
        }
        const result<std::size_t> done = co_await as_result(io_awaiter(detail::sendfile_op, args));
        if (!done && is_refused(done.error()) && fallback == sendfile_fallback::read_and_send) {
            auto rest = read_and_send(core, file, offset, count, sent);
            co_return co_await std::move(rest);
        }
        if (!done) throw_socket_error(*core, "sendfile", "of " + file_name(file), done.error());
        if (*done == 0) break;
        sent += *done;
    }
    co_return sent;
}

}  // namespace

coro<std::uint64_t> socket::sendfile(int file, std::uint64_t offset, std::optional<std::uint64_t> count,
                                     sendfile_fallback fallback) {
    if (!core_) throw invalid_state_error("sendfile: the socket is closed");
    int type = 0;
    detail::sys::get_option(core_->open("sendfile"), SOL_SOCKET, SO_TYPE, type);
    if (type != SOCK_STREAM) {
        throw std::invalid_argument("sendfile on " + core_->name() +
                                    ": a datagram socket cannot send files; a stream socket can");
    }
    if (file < 0) throw std::invalid_argument("sendfile: " + std::to_string(file) + " is no descriptor");
    if (count == std::uint64_t{0}) {
        throw std::invalid_argument("sendfile: a count of 0; leave it out to send all of the file");
    }
    // The system counts positions with a sign.
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    if (offset > largest)
        throw std::invalid_argument("sendfile: no file has an offset " + std::to_string(offset));
    return send_file(core_, file, offset, std::min(count.value_or(largest), largest - offset), fallback);
}

}  // namespace bide
