// bide/net: how a connected socket is received from: what to wait with, and what has come then.
//
// An idle connection must cost little: it waits with no memory of its own. A little is received by the operation itself,
// into memory that the backend lends, and what does not fit is fetched with a plain recv. A connection that has sent so
// much only waits next time: it is received from right before it is read, into a block of the thread, so that the
// bytes are still in the processor's cache when they are looked at. A receive that follows one which filled its block
// tries a plain recv first.
#pragma once

#include <bide/detail/os/ops.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "net/receive_buffer.hpp"
#include "os/backend.hpp"

namespace bide::detail {

// A piece of the backend's memory, on loan.
class lent_piece {
public:
    lent_piece() noexcept = default;
    lent_piece(backend& owner, void* piece) noexcept : owner_(&owner), piece_(piece) {}
    lent_piece(lent_piece&& other) noexcept
        : owner_(other.owner_), piece_(std::exchange(other.piece_, nullptr)) {}
    lent_piece& operator=(lent_piece&& other) noexcept {
        std::swap(owner_, other.owner_);
        std::swap(piece_, other.piece_);
        return *this;
    }
    ~lent_piece() {
        if (piece_ != nullptr) owner_->give_back(piece_);
    }
    [[nodiscard]] const char* data() const noexcept { return static_cast<const char*>(piece_); }

private:
    backend* owner_ = nullptr;
    void* piece_ = nullptr;
};

// Bytes in a block, in a piece of the backend's, or in the memory that was given for them.
struct received_piece {
    receive_block block;
    lent_piece lent;
    std::string_view bytes;  // none: the end, or an error
    int error = 0;

    void append_to(receive_buffer& into);
};

class socket_receiver {
public:
    // `stops_early`: a receive may give less than there is (a unix socket: what came with descriptors stands alone).
    explicit socket_receiver(bool stops_early) noexcept : stops_early_(stops_early) {}

    // What can be had without waiting, if there is reason to hope for some; no bytes: wait.
    received_piece take_now(backend& from, int fd, std::size_t most);

    // It was reported to somebody who does not want it now: the receive after the next end throws it.
    void keep_error(int error) noexcept {
        error_ = error;
        more_likely_ = false;
    }

    // Whether take_now() is worth a call.
    [[nodiscard]] bool more_likely() const noexcept { return more_likely_; }

    // The peer has sent everything.
    [[nodiscard]] bool ended() const noexcept { return ended_; }

    // Makes it the operation to wait with.
    void prepare(op_request& request, int fd, std::size_t most) noexcept {
        request.kind = large_ ? &recv_wait_op : &recv_lent_op;
        request.args.fd = fd;
        request.args.data = nullptr;
        request.args.size = std::min(most, lent_size);
        request.drained = std::exchange(drained_, false);
    }
    // What has come with it, when its result is not an error. Much of it goes into `room` where that is large enough for
    // it to be worth it.
    received_piece collect(backend& from, op_request& done, std::size_t most, std::span<char> room = {});

    // The same for what is most frequent, a little that is all there was: how much has come into the buffer. 0: it is not
    // that.
    std::size_t take_little(backend& from, op_request& done, receive_buffer& into) {
        void* const piece = done.args.data;
        if (done.result <= 0 || piece == nullptr) return 0;
        const auto count = static_cast<std::size_t>(done.result);
        if (count == done.args.size) return 0;
        note_lent(false);
        done.args.data = nullptr;
        if (from.gives_away()) {
            into.append_piece(static_cast<char*>(piece), count);
        } else {
            const lent_piece lent(from, piece);
            into.append({lent.data(), count});
        }
        return count;
    }

private:
    // A receive into memory on loan has come back.
    void note_lent(bool filled) noexcept {
        more_likely_ = false;
        drained_ = !filled && !stops_early_;
        large_ = filled;
    }
    received_piece receive(backend& from, int fd, std::string_view before, std::size_t most,
                           std::span<char> room = {});

    const bool stops_early_;
    bool drained_ = false;  // the last receive took everything there was, and none has been asked for since
    bool more_likely_ = false;  // ... did not
    bool ended_ = false;
    bool large_ = false;  // it sends more than a piece that the backend lends
    int error_ = 0;       // taken from the socket behind bytes: the next receive finds only an end
};

}  // namespace bide::detail
