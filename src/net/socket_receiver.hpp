// bide/net: how a connected socket is received from: what to wait with, and what has come then.
//
// An idle connection must cost little. With readiness it waits with nothing and receives into a block of the thread once
// there is something; a little is copied out of it, so that the next one finds it free. Where the kernel needs memory
// while it waits, that is a small buffer, and what does not fit is fetched at once with a plain recv into a block; a
// connection that has sent so much waits for a look whether there is something next time. A receive that follows one which filled its block tries a plain recv first (a token, so that
// it is not tried in vain every time).
#pragma once

#include <bide/detail/os/ops.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "net/receive_buffer.hpp"

namespace bide::detail {

// Bytes in a block, in the memory that was given for them, or in the receiver until its next request.
struct received_piece {
    receive_block block;
    std::string_view bytes;  // none: the end, or an error
    int error = 0;

    void append_to(receive_buffer& into);
};

// Where an operation has put what it received.
struct received_bytes {
    receive_block block;
    std::unique_ptr<char[]> copy;

    [[nodiscard]] bool any() const noexcept { return copy != nullptr || static_cast<bool>(block); }
    void clear() noexcept {
        block.give_back();
        copy.reset();
    }
};

class socket_receiver {
public:
    explicit socket_receiver(bool kernel_holds_memory) noexcept : with_small_(kernel_holds_memory) {}

    // What can be had without waiting, if there is reason to hope for some; no bytes: wait.
    received_piece take_now(int fd, std::size_t most);

    // The operation to wait with.
    [[nodiscard]] op_request request(int fd, std::size_t most) noexcept;
    // What has come with it, when its result is not an error. Much of it goes into `room` where that is large enough for
    // it to be worth it.
    received_piece collect(const op_request& done, std::size_t most, std::span<char> room = {});

    // Whether its result is a look, which leaves the bytes with the kernel.
    [[nodiscard]] bool is_look(const op_request& done) const noexcept;

private:
    static constexpr std::size_t small_size = 512;

    received_piece receive(int fd, std::size_t before, std::size_t most, std::span<char> room = {});

    bool drained_ = false;      // the last receive took everything there was
    bool more_likely_ = false;  // ... did not
    bool large_ = false;        // it sends more than fits into small_
    received_bytes landed_;     // what the operation has received, if it did more than look
    const bool with_small_;
    std::unique_ptr<char[]> small_;
};

}  // namespace bide::detail
