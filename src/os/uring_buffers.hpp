// bide/os: memory that a ring lends to those who wait to receive, one piece for each receive that has brought something.
//
// The kernel takes a piece when bytes have come, not when the wait begins. So a connection that waits holds none, and as
// many are enough as come back in one turn of the loop; a receive that finds none left only waits.
#pragma once

#include <bide/detail/os/op.hpp>

#include <liburing.h>

#include <cstddef>
#include <memory>

namespace bide::detail {

class uring_buffers {
public:
    static constexpr int group = 0;

    uring_buffers() = default;
    ~uring_buffers();
    uring_buffers(const uring_buffers&) = delete;
    uring_buffers& operator=(const uring_buffers&) = delete;

    // Whether there are pieces to lend; registers them at the first call. Before Linux 5.19 there are none.
    bool available(io_uring& ring) noexcept {
        if (!tried_) [[unlikely]]
            open(ring);
        return ring_ != nullptr;
    }
    // The piece that a completion with these flags names; null where it names none.
    [[nodiscard]] char* piece_of(const io_uring_cqe& completion) const noexcept {
        if ((completion.flags & IORING_CQE_F_BUFFER) == 0) return nullptr;
        return memory_.get() + stride * (completion.flags >> IORING_CQE_BUFFER_SHIFT);
    }
    void give_back(void* piece) noexcept;
    // In the child of a fork: the ring is not mapped there.
    void disown() noexcept { ring_ = nullptr; }

private:
    static constexpr unsigned count = 1024;
    // Not a power of two: otherwise the first lines of all pieces compete for the same few places in the cache.
    static constexpr std::size_t stride = lent_size + 64;

    void open(io_uring& ring) noexcept;
    void offer(unsigned index, unsigned ahead) noexcept;

    bool tried_ = false;
    io_uring_buf_ring* ring_ = nullptr;  // which pieces the kernel may take
    std::unique_ptr<char[]> memory_;
};

}  // namespace bide::detail
