// bide/system: the memory that a pool and its workers share, as those who have blocks of it keep it.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "os/fork_count.hpp"
#include "os/shared_segment.hpp"
#include "system/pool_blocks.hpp"

namespace bide::detail {

class shared_arena {
public:
    explicit shared_arena(sys::shared_segment memory) noexcept : segment(std::move(memory)) {}

    // The copies of handles in a forked child count for nothing.
    [[nodiscard]] bool is_ours() const noexcept { return made_in_ == fork_count(); }

    const sys::shared_segment segment;

private:
    const std::uint32_t made_in_ = fork_count();
};

// One user of a block, until it is destroyed: the handles of a process that came from one another.
class block_hold {
public:
    explicit block_hold(std::shared_ptr<shared_arena> memory) noexcept : arena(std::move(memory)) {}
    block_hold(const block_hold&) = delete;
    block_hold& operator=(const block_hold&) = delete;
    ~block_hold() {
        if (counts_ && arena->is_ours()) pool_blocks::release(arena->segment, block_);
    }

    [[nodiscard]] std::uint64_t block() const noexcept { return block_; }
    // Takes over a user that was counted; or has what somebody else holds for as long as this lasts.
    void take_over(std::uint64_t block) noexcept {
        block_ = block;
        counts_ = true;
    }
    void borrow(std::uint64_t block) noexcept { block_ = block; }
    // From now on a user of its own.
    void count() noexcept {
        pool_blocks::retain(arena->segment, block_);
        counts_ = true;
    }

    const std::shared_ptr<shared_arena> arena;

private:
    std::uint64_t block_ = 0;
    bool counts_ = false;
};

using block_holds = std::vector<std::shared_ptr<block_hold>>;

// What a worker has to do with the blocks of the call that it runs. It may be killed for that call, so until the call has
// ended it adds itself to nothing that it would have to be taken away from: the call's slot holds the arguments, and what
// is to travel with the result is counted at the end.
struct call_blocks {
    pool_blocks& fresh;
    block_holds arguments{};  // borrowed
    block_holds results{};
};

// What shared_bytes that are packed or unpacked on this thread right now have to do with.
//
// A block that is sent has one user more until the call is over. The loop's side counts it for arguments: `sent` has what
// is to be given back then. Of a result it takes over what the worker has counted.
struct block_traffic {
    std::shared_ptr<shared_arena> arena;
    call_blocks* worker = nullptr;  // null on the loop's side
    std::vector<std::uint64_t>* sent = nullptr;
};

// For the time of its life.
class block_traffic_scope {
public:
    explicit block_traffic_scope(block_traffic& traffic) noexcept
        : before_(std::exchange(current_, &traffic)) {}
    block_traffic_scope(const block_traffic_scope&) = delete;
    block_traffic_scope& operator=(const block_traffic_scope&) = delete;
    ~block_traffic_scope() { current_ = before_; }

    static block_traffic* current() noexcept { return current_; }

private:
    static constinit inline thread_local block_traffic* current_ = nullptr;
    block_traffic* before_;
};

}  // namespace bide::detail
