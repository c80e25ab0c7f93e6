// bide/system: a block of memory that a process pool and its workers share.
#include <bide/shared_bytes.hpp>

#include <bide/error.hpp>

#include <stdexcept>
#include <string>

#include "system/shared_arena.hpp"

namespace bide {

namespace {

detail::block_traffic& traffic(const char* what, bool in_worker = false) {
    detail::block_traffic* const now = detail::block_traffic_scope::current();
    if (now == nullptr || (in_worker && now->worker == nullptr))
        throw invalid_state_error(std::string("shared_bytes: ") + what);
    return *now;
}

}  // namespace

shared_bytes::shared_bytes(std::size_t size) {
    const detail::block_traffic& now =
        traffic("a new block is made by process_pool::allocate(), or in a worker", true);
    if (!now.arena->is_ours())
        throw invalid_state_error(
            "shared_bytes: this process was forked from the worker, whose memory it is");
    auto hold = std::make_shared<detail::block_hold>(now.arena);
    const std::uint64_t block = now.worker->fresh.allocate(size, true);
    if (block == 0) {
        throw std::length_error("shared_bytes: " + std::to_string(size) +
                                " bytes, more than is left (process_pool_options::shared_memory)");
    }
    hold->take_over(block);
    hold_ = std::move(hold);
    place_ = {block, size};
}

std::byte* shared_bytes::data() const noexcept {
    return place_.block == 0 ? nullptr : hold_->arena->segment.data() + place_.block;
}

void shared_bytes::truncate(std::size_t size) {
    if (size > place_.size)
        throw std::out_of_range("shared_bytes::truncate: to " + std::to_string(size) + " of " +
                                std::to_string(place_.size) + " bytes");
    place_.size = size;
}

detail::block_place shared_bytes::send() const {
    if (place_.block == 0) return {};
    const detail::block_traffic& now =
        traffic("can be packed only as an argument or the result of a call in a process pool");
    if (now.arena != hold_->arena)
        throw std::invalid_argument("shared_bytes: this block belongs to another process pool");
    if (now.worker != nullptr) {
        now.worker->results.push_back(hold_);
    } else {
        now.sent->push_back(place_.block);
        detail::pool_blocks::retain(now.arena->segment, place_.block);
    }
    return place_;
}

shared_bytes shared_bytes::receive(detail::block_place place) {
    if (place.block == 0) return {};
    const detail::block_traffic& now = traffic("can be unpacked only by a process pool");
    auto hold = std::make_shared<detail::block_hold>(now.arena);
    if (now.worker != nullptr) {
        now.worker->arguments.push_back(hold);
        hold->borrow(place.block);
    } else {
        hold->take_over(place.block);
    }
    return {std::move(hold), place};
}

}  // namespace bide
