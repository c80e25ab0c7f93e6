// bide/os: small sends of a ring that wait for each other: one call hands over those of several connections.
//
// A call for each answer is what a server with many connections pays most for after the sending itself. The bytes are
// copied, so nobody has to keep them, and the kernel is asked not to wait, so each send is done when the call that
// hands it over returns: whoever sent hears only of what did not go.
#pragma once

#include <liburing.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "os/backend.hpp"
#include "os/uring_marks.hpp"
#include "os/uring_queue.hpp"

namespace bide::detail {

class uring_sends {
public:
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] bool full() const noexcept { return count_ == most; }
    // Where those of the descriptor are, or would be.
    [[nodiscard]] unsigned find(int fd) const noexcept {
        unsigned place = 0;
        while (place < count_ && held_[place].fd != fd) ++place;
        return place;
    }
    [[nodiscard]] bool holds(unsigned place) const noexcept { return place < count_; }
    // Of a place that has held something until just now.
    [[nodiscard]] bool failed(unsigned place) const noexcept { return held_[place].failed; }

    // False: there are too many. Bytes of one descriptor become one send.
    bool hold(unsigned place, int fd, std::string_view bytes, send_owner& owner) noexcept;

    // They are held until the last one is completed, which is now unless the ring lacks room or memory.
    void hand_over(uring_queue& ring) noexcept;
    void completed(const io_uring_cqe& cqe) noexcept {
        ended(static_cast<unsigned>(number_of(cqe.user_data)), cqe.res);
    }
    // Without the ring.
    void send_each() noexcept;
    void drop() noexcept { count_ = queued_ = 0; }

private:
    static constexpr unsigned most = 8;
    static constexpr std::size_t most_bytes = backend::most_held;

    struct held {
        send_owner* owner;
        int fd;
        std::uint32_t size;
        bool failed;
    };

    void ended(unsigned place, int result) noexcept;

    unsigned count_ = 0;
    unsigned queued_ = 0;  // whose completion has not come
    std::array<held, most> held_{};
    std::array<std::array<char, most_bytes>, most> bytes_;
};

}  // namespace bide::detail
