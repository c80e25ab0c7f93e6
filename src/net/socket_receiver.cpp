// bide/net: how a connected socket is received from: what to wait with, and what has come then.
#include "net/socket_receiver.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bide::detail {

void received_piece::append_to(receive_buffer& into) {
    if (block) {
        into.append(std::move(block), bytes.size());
    } else {
        into.append(bytes);
    }
}

received_piece socket_receiver::take_now(backend& from, int fd, std::size_t most) {
    received_piece piece = receive(from, fd, {}, most);
    if (piece.error == EAGAIN || piece.bytes.empty())
        return {};  // the end, or an error, is for the operation to say
    return piece;
}

received_piece socket_receiver::collect(backend& from, op_request& done, std::size_t most,
                                        std::span<char> room) {
    const auto count = static_cast<std::size_t>(done.result);
    received_piece piece;
    if (count == 0) {
        piece.error = std::exchange(error_, 0);
        ended_ = true;
        return piece;
    }
    piece.lent = lent_piece(from, std::exchange(done.args.data, nullptr));
    if (piece.lent.data() == nullptr) {
        piece = receive(from, done.args.fd, {}, most, room);
        large_ = piece.bytes.size() > lent_size;
        return piece;
    }
    piece.bytes = {piece.lent.data(), count};
    const bool filled = count == done.args.size;
    note_lent(filled);
    if (!filled || count >= most) return piece;
    received_piece whole = receive(from, done.args.fd, piece.bytes, most, room);
    // An end comes again with the next receive, and error_ keeps an error for it.
    return whole.bytes.empty() ? std::move(piece) : std::move(whole);
}

// `before`: bytes that come first.
received_piece socket_receiver::receive(backend& from, int fd, std::string_view before, std::size_t most,
                                        std::span<char> room) {
    received_piece piece;
    if (room.size() <= before.size()) {
        piece.block = receive_block::acquire();
        room = {piece.block.data(), receive_block::size};
    }
    room = room.first(std::min({room.size(), most, receive_block::size}));
    const std::size_t free = room.size() - before.size();
    const std::ptrdiff_t got = from.receive_now(fd, room.data() + before.size(), free);
    more_likely_ = got == static_cast<std::ptrdiff_t>(free);
    drained_ = got > 0 ? !more_likely_ && !stops_early_ : got == -EAGAIN;
    if (got < 0) piece.error = static_cast<int>(-got);
    if (got < 0 && got != -EAGAIN) error_ = piece.error;
    if (got == 0) piece.error = std::exchange(error_, 0);
    if (got <= 0) {
        piece.block.give_back();
        return piece;
    }
    std::copy(before.begin(), before.end(), room.begin());
    piece.bytes = {room.data(), before.size() + static_cast<std::size_t>(got)};
    return piece;
}

}  // namespace bide::detail
