// bide/system: blocks of shared memory for what does not fit into a slot.
#include "system/pool_blocks.hpp"

#include <bide/detail/base/assert.hpp>

#include "system/ipc_step.hpp"

namespace bide::detail {

namespace {

// Freed blocks of this size give their memory back; smaller ones keep it for the next call.
constexpr std::size_t large_block = std::size_t{16} << 20;

}  // namespace

pool_blocks::pool_blocks(const sys::shared_segment& segment, std::size_t begin, std::size_t size) noexcept
    : segment_(&segment), begin_(begin), size_(size) {
    if (region().end.load(std::memory_order_relaxed) == 0)
        region().end.store(sizeof(region_head), std::memory_order_relaxed);
}

void pool_blocks::recover() noexcept {
    const std::uint64_t end = region().end.load(std::memory_order_relaxed);
    for (std::uint64_t offset = sizeof(region_head); offset < end;) {
        block_head& block = at(offset);
        if (block.owned_by_worker != 0) block.users.store(0, std::memory_order_relaxed);
        ipc_step();
        std::uint64_t size = block.size.load(std::memory_order_relaxed);
        if (size ==
            0) {  // no block begins here, so nobody can tell what lies behind: it is not used any more
            size = end - offset;
            block.users.store(1, std::memory_order_relaxed);
            ipc_step();
            block.size.store(size, std::memory_order_relaxed);
            ipc_step();
        }
        offset += size;
    }
}

// Joins the free blocks from here on until they are large enough, and splits what is left over. Each store leaves a row
// of blocks that somebody else could walk.
bool pool_blocks::take(std::uint64_t offset, std::uint64_t needed, bool by_worker) noexcept {
    const std::uint64_t end = region().end.load(std::memory_order_relaxed);
    block_head& block = at(offset);
    if (block.users.load(std::memory_order_acquire) != 0) return false;
    std::uint64_t size = block.size.load(std::memory_order_relaxed);
    while (size < needed && offset + size < end) {
        const block_head& after = at(offset + size);
        if (after.users.load(std::memory_order_acquire) != 0) break;
        size += after.size.load(std::memory_order_relaxed);
    }
    if (size < needed && offset + size == end) {  // the last one: it may grow, by a free block behind it
        if (needed > size_ - offset) return false;
        block_head& more = at(end);
        more.users.store(0, std::memory_order_relaxed);
        ipc_step();
        more.owned_by_worker = 0;
        ipc_step();
        more.size.store(needed - size, std::memory_order_relaxed);
        ipc_step();
        region().end.store(offset + needed, std::memory_order_release);
        ipc_step();
        size = needed;
    }
    if (size >= needed + sizeof(block_head)) {
        block_head& rest = at(offset + needed);
        rest.users.store(0, std::memory_order_relaxed);
        ipc_step();
        rest.owned_by_worker = 0;
        ipc_step();
        rest.size.store(size - needed, std::memory_order_release);
        ipc_step();
        size = needed;
    }
    block.size.store(size, std::memory_order_release);
    ipc_step();
    if (size < needed) return false;
    block.owned_by_worker = by_worker ? 1 : 0;
    ipc_step();
    block.users.store(1, std::memory_order_release);
    ipc_step();
    return true;
}

std::uint64_t pool_blocks::allocate(std::size_t size, bool by_worker) noexcept {
    if (size > size_ - sizeof(region_head) - sizeof(block_head)) return 0;
    const std::uint64_t needed = (size + sizeof(block_head) + 63) / 64 * 64;
    std::uint64_t offset = next_;
    for (int round = 0; round < 2; ++round) {
        const std::uint64_t end = round == 0 ? region().end.load(std::memory_order_relaxed) : next_;
        if (round == 1) offset = sizeof(region_head);
        while (offset < end) {
            if (take(offset, needed, by_worker)) {
                next_ = offset + needed;
                return begin_ + offset + sizeof(block_head);
            }
            offset += at(offset).size.load(std::memory_order_relaxed);
        }
    }
    const std::uint64_t end = region().end.load(std::memory_order_relaxed);
    next_ = sizeof(region_head);  // the old place may lie inside a block by now
    if (needed > size_ - end) return 0;
    block_head& block = at(end);
    block.size.store(needed, std::memory_order_relaxed);
    ipc_step();
    block.owned_by_worker = by_worker ? 1 : 0;
    ipc_step();
    block.users.store(1, std::memory_order_relaxed);
    ipc_step();
    region().end.store(end + needed, std::memory_order_release);
    ipc_step();
    next_ = end + needed;
    return begin_ + end + sizeof(block_head);
}

void pool_blocks::retain(const sys::shared_segment& segment, std::uint64_t block) noexcept {
    head_of(segment, block).users.fetch_add(1, std::memory_order_relaxed);
    ipc_step();
}

void pool_blocks::release(const sys::shared_segment& segment, std::uint64_t block) noexcept {
    block_head& head = head_of(segment, block);
    BIDE_ASSERT(head.users.load() != 0 && "a block of shared memory was given back twice");
    if (head.users.load(std::memory_order_acquire) == 1) {
        // The last one: nobody else can reach it, so its memory may go first.
        const std::size_t room = room_of(head);
        if (room >= large_block) segment.discard(block, room);
        ipc_step();
    }
    head.users.fetch_sub(1, std::memory_order_release);
    ipc_step();
}

}  // namespace bide::detail
