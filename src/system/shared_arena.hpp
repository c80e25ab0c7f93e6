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

// What shared_bytes that are packed or unpacked on this thread right now have to do with.
//
// A block that is sent has one user more until the call is over: `sent` has what is to be given back then. The loop's side
// keeps that for arguments; the worker that unpacks them adds itself. Of a result the loop's side takes over what the
// worker has added (`adopts`).
struct block_traffic {
    std::shared_ptr<shared_arena> arena;
    pool_blocks* blocks = nullptr;  // in a worker: for new ones
    std::vector<std::uint64_t>* sent = nullptr;
    bool adopts = false;

    void give_back() const noexcept {
        for (const std::uint64_t each : *sent) pool_blocks::release(arena->segment, each);
        sent->clear();
    }
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
