// bide/os: small sends of a ring that wait for each other: one call hands over those of several connections.
#include "os/uring_sends.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "os/ring_code.hpp"
#include "os/sock.hpp"

namespace bide::detail {

bool uring_sends::hold(unsigned place, int fd, std::string_view bytes, send_owner& owner) noexcept {
    const std::size_t before = holds(place) ? held_[place].size : 0;
    if (bytes.size() > most_bytes - before) return false;
    std::memcpy(bytes_[place].data() + before, bytes.data(), bytes.size());
    held_[place] = {&owner, fd, static_cast<std::uint32_t>(before + bytes.size()), false};
    count_ = std::max(count_, place + 1);
    return true;
}

void uring_sends::hand_over(uring_queue& ring) noexcept {
    for (unsigned place = 0; place < count_; ++place) {
        ring.add({.code = ring_code::send,
                  .fd = held_[place].fd,
                  .data = bytes_[place].data(),
                  .size = held_[place].size,
                  .flags = MSG_DONTWAIT | MSG_NOSIGNAL},
                 mark(place, tag::held_send));
    }
    queued_ = count_;
    ring.submit();
    // Completions of others wait for the end of the turn: what arrives would find nobody yet who waits for it.
    const auto take = [this](io_uring_cqe& cqe) {
        if (tag_of(cqe.user_data) != tag::held_send) return false;
        completed(cqe);
        return true;
    };
    ring.take_completions_while(take);
    if (empty()) return;
    ring.look_at_completions([&](io_uring_cqe& cqe) {
        if (take(cqe)) cqe.user_data = mark(nullptr, tag::ignored);
    });
}

void uring_sends::ended(unsigned place, int result) noexcept {
    held& each = held_[place];
    const bool later = result == -EAGAIN || result == -EINTR;
    const std::uint32_t sent = result > 0 ? static_cast<std::uint32_t>(result) : 0;
    each.failed = sent < each.size;
    if (each.failed) {
        const std::string_view rest(bytes_[place].data() + sent, each.size - sent);
        each.owner->not_sent(rest, result < 0 && !later ? -result : 0);
    }
    if (--queued_ == 0) count_ = 0;
}

void uring_sends::send_each() noexcept {
    queued_ = count_;
    for (unsigned i = 0; queued_ != 0; ++i)
        ended(i, static_cast<int>(sys::send_now(held_[i].fd, bytes_[i].data(), held_[i].size)));
}

}  // namespace bide::detail
