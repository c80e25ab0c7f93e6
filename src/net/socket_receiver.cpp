// bide/net: how a connected socket is received from: what to wait with, and what has come then.
#include "net/socket_receiver.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "os/sock.hpp"

namespace bide::detail {

namespace {

constexpr std::size_t worth_a_copy = 4096;

// Only waits until there is something to receive.
ring_entry prepare_look(const op_args& a) noexcept { return poll_read_op.prepare(a); }

// Many sockets may be readable at once, long before their tasks run: none of them may hold a block for a little, and
// where the thread has none to spare, this one only looks as well.
int attempt_block(const op_args& a) noexcept {
    auto& landed = *static_cast<received_bytes*>(a.data);
    receive_block block = receive_block::acquire_spare();
    if (!block) {
        char first = 0;
        return recv_op.attempt({.fd = a.fd, .flags = MSG_PEEK, .data = &first, .size = 1});
    }
    const std::ptrdiff_t got = sys::recv_now(a.fd, block.data(), a.size);
    if (got <= 0) return static_cast<int>(got);
    const auto count = static_cast<std::size_t>(got);
    if (count <= worth_a_copy) landed.copy.reset(new (std::nothrow) char[count]);
    if (landed.copy) {
        std::memcpy(landed.copy.get(), block.data(), count);
    } else {
        landed.block = std::move(block);
    }
    return static_cast<int>(got);
}

constexpr op_kind recv_block_op{
    .name = "recv", .prepare = prepare_look, .attempt = attempt_block, .waits_for = ready_for::reading};

}  // namespace

void received_piece::append_to(receive_buffer& into) {
    if (block) {
        into.append(std::move(block), bytes.size());
    } else {
        into.text().append(bytes);
    }
}

received_piece socket_receiver::take_now(int fd, std::size_t most) {
    if (!more_likely_) return {};
    received_piece piece = receive(fd, 0, most);
    if (piece.error == EAGAIN || piece.bytes.empty())
        return {};  // the end, or an error, is for the operation to say
    return piece;
}

op_request socket_receiver::request(int fd, std::size_t most) noexcept {
    landed_.clear();
    if (with_small_ && !large_) {
        if (small_ == nullptr) small_ = std::make_unique_for_overwrite<char[]>(small_size);
        const op_args args{.fd = fd, .data = small_.get(), .size = std::min(most, small_size)};
        return {.kind = &recv_op, .args = args, .drained = drained_};
    }
    const op_args args{.fd = fd, .data = &landed_, .size = std::min(most, receive_block::size)};
    return {.kind = &recv_block_op, .args = args, .drained = drained_};
}

bool socket_receiver::is_look(const op_request& done) const noexcept {
    return done.kind == &recv_block_op && !landed_.any();
}

received_piece socket_receiver::collect(const op_request& done, std::size_t most, std::span<char> room) {
    const auto count = static_cast<std::size_t>(done.result);
    if (count == 0) return {};
    if (is_look(done)) {
        received_piece piece = receive(done.args.fd, 0, most, room);
        large_ = piece.bytes.size() > small_size;
        return piece;
    }
    received_piece piece;
    drained_ = count < done.args.size;
    if (landed_.any()) {
        more_likely_ = !drained_;
        large_ = count > small_size;
        piece.bytes = {landed_.copy ? landed_.copy.get() : landed_.block.data(), count};
        piece.block = std::move(landed_.block);
        return piece;
    }
    more_likely_ = false;
    large_ = !drained_;
    if (!drained_ && count < most) {
        piece = receive(done.args.fd, count, most, room);
        if (!piece.bytes.empty()) return piece;
    }
    piece.error = 0;  // whatever there is after these bytes comes with the next receive
    piece.bytes = {small_.get(), count};
    return piece;
}

// `before`: bytes in small_ that come first.
received_piece socket_receiver::receive(int fd, std::size_t before, std::size_t most, std::span<char> room) {
    received_piece piece;
    if (room.size() <= small_size) {
        piece.block = receive_block::acquire();
        room = {piece.block.data(), receive_block::size};
    }
    room = room.first(std::min({room.size(), most, receive_block::size}));
    const std::size_t free = room.size() - before;
    const std::ptrdiff_t got = sys::recv_now(fd, room.data() + before, free);
    more_likely_ = got == static_cast<std::ptrdiff_t>(free);
    drained_ = got > 0 && !more_likely_;
    if (got < 0) piece.error = static_cast<int>(-got);
    if (got <= 0) {
        piece.block.give_back();
        return piece;
    }
    if (before != 0) std::memcpy(room.data(), small_.get(), before);
    piece.bytes = {room.data(), before + static_cast<std::size_t>(got)};
    return piece;
}

}  // namespace bide::detail
