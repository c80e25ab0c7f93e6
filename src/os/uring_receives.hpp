// bide/os: receives of a ring that stay armed: one entry brings what comes on a descriptor, again and again.
//
// Asking costs as much as receiving, so a receive into memory that the ring lends is asked for once (multishot,
// Linux 6.0) and ends one operation after the other. What comes while no operation waits is kept here, and the receive is
// asked to end, so that a peer cannot send more than somebody reads.
//
// Order. With DEFER_TASKRUN the kernel receives only inside this thread's own calls. So what was kept here, and what
// lies in completions that nobody has looked at, came before all that is still in the socket.
#pragma once

#include <bide/detail/base/node.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bide::detail {

class uring_receives {
public:
    // What has come and was not taken; an error comes behind the bytes.
    struct kept {
        std::string bytes;
        std::size_t head = 0;
        int error = 0;
    };

    // Of one descriptor.
    struct place {
        timer_node* waiter = nullptr;  // the operation that is told what comes next
        std::unique_ptr<kept> early;
        std::uint32_t generation = 0;  // of the descriptor's number
        bool armed = false;            // its last completion has not come
        bool ending = false;           // it was asked to end

        void keep(const char* bytes, std::size_t count);
        void keep_error(int error);
        // A result for who asks what there is: 1, or -errno where there is only an error.
        [[nodiscard]] int early_result() const noexcept;
        // Up to `most` of the bytes; the error, as -errno, when there are none. There is something.
        std::ptrdiff_t take(void* to, std::size_t most) noexcept;
    };

    // Null: nothing was ever armed on it.
    [[nodiscard]] place* find(int fd) noexcept {
        const auto index = static_cast<std::size_t>(fd);
        return fd >= 0 && index < places_.size() ? &places_[index] : nullptr;
    }
    place& at(int fd);

    // What tells the completions of one armed receive from those of others, in 61 bits.
    [[nodiscard]] static std::uint64_t ticket(int fd, const place& of) noexcept {
        return std::uint64_t{of.generation} << 32 | static_cast<unsigned>(fd);
    }
    // Null: the descriptor has been closed since.
    [[nodiscard]] place* of_ticket(std::uint64_t ticket) noexcept;

    // The number belongs to nobody, or to another file, from now on.
    static void renew(place& which) noexcept;
    // All operations have been ended by other means.
    void forget_waiters() noexcept;

private:
    std::vector<place> places_;  // by descriptor
};

}  // namespace bide::detail
