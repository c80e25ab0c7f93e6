// bide/system: a block of memory that a process pool and its workers share.
#include <bide/shared_bytes.hpp>

#include <bide/error.hpp>

#include <stdexcept>
#include <string>

#include "system/shared_arena.hpp"

namespace bide {

namespace {

detail::block_traffic& traffic(const char* what) {
    detail::block_traffic* const now = detail::block_traffic_scope::current();
    if (now == nullptr || (what[0] == 'a' && now->blocks == nullptr)) {
        throw invalid_state_error(std::string("shared_bytes: ") + what);
    }
    return *now;
}

}  // namespace

shared_bytes::shared_bytes(std::size_t size) {
    detail::block_traffic& now = traffic("a new block is made by process_pool::allocate(), or in a worker");
    const std::uint64_t block = now.blocks->allocate(size, true);
    if (block == 0) {
        throw std::length_error("shared_bytes: " + std::to_string(size) +
                                " bytes, more than is left (process_pool_options::shared_memory)");
    }
    arena_ = now.arena;
    place_ = {block, size};
}

shared_bytes::shared_bytes(std::shared_ptr<detail::shared_arena> arena, detail::block_place place) noexcept
    : arena_(std::move(arena)), place_(place) {}

shared_bytes::shared_bytes(const shared_bytes& other) noexcept : arena_(other.arena_), place_(other.place_) {
    if (place_.block != 0 && arena_->is_ours()) detail::pool_blocks::retain(arena_->segment, place_.block);
}

void shared_bytes::release() noexcept {
    if (arena_->is_ours()) detail::pool_blocks::release(arena_->segment, place_.block);
}

std::byte* shared_bytes::data() const noexcept {
    return place_.block == 0 ? nullptr : arena_->segment.data() + place_.block;
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
    if (now.arena != arena_)
        throw std::invalid_argument("shared_bytes: this block belongs to another process pool");
    now.sent->push_back(place_.block);
    detail::pool_blocks::retain(arena_->segment, place_.block);
    return place_;
}

shared_bytes shared_bytes::receive(detail::block_place place) {
    if (place.block == 0) return {};
    const detail::block_traffic& now = traffic("can be unpacked only by a process pool");
    shared_bytes got(now.arena, place);
    if (!now.adopts) detail::pool_blocks::retain(now.arena->segment, place.block);
    return got;
}

}  // namespace bide
