// bide/system: blocks of shared memory for what does not fit into a slot.
//
// Each process allocates in a region of its own; every process may give a block back. So there is no lock: the owner of the
// region alone splits and joins blocks, the others only set a word of the block's head. A region is a row of blocks, each
// with its size in its head, so that a worker that replaces another one can go on in the same region.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "os/shared_segment.hpp"

namespace bide::detail {

struct alignas(64) block_head {
    std::atomic<std::uint64_t> size;   // with the head, a multiple of 64
    std::atomic<std::uint32_t> users;  // 0: free
    std::uint32_t owned_by_worker;     // until it is handed to the loop
};

struct alignas(64) region_head {
    std::atomic<std::uint64_t> end;  // offset in the region behind the last block
};

class pool_blocks {
public:
    // `begin`: offset of the region in the segment.
    pool_blocks(const sys::shared_segment& segment, std::size_t begin, std::size_t size) noexcept;

    // In place of a process that has ended: frees what it had for itself.
    void recover() noexcept;

    // The offset of the block's bytes in the segment; 0 when the region is full.
    std::uint64_t allocate(std::size_t size, bool by_worker) noexcept;

    static block_head& head_of(const sys::shared_segment& segment, std::uint64_t block) noexcept {
        return *reinterpret_cast<block_head*>(segment.data() + block - sizeof(block_head));
    }
    static std::size_t room_of(const block_head& head) noexcept {
        return head.size.load(std::memory_order_relaxed) - sizeof(block_head);
    }
    // Any process.
    static void retain(const sys::shared_segment& segment, std::uint64_t block) noexcept;
    static void release(const sys::shared_segment& segment, std::uint64_t block) noexcept;

private:
    [[nodiscard]] region_head& region() const noexcept {
        return *reinterpret_cast<region_head*>(segment_->data() + begin_);
    }
    [[nodiscard]] block_head& at(std::uint64_t offset) const noexcept {
        return *reinterpret_cast<block_head*>(segment_->data() + begin_ + offset);
    }
    bool take(std::uint64_t offset, std::uint64_t needed, bool by_worker) noexcept;

    const sys::shared_segment* segment_;
    std::size_t begin_;
    std::size_t size_;
    std::uint64_t next_ = sizeof(region_head);  // where the next search begins
};

}  // namespace bide::detail
