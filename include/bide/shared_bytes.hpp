// bide/system: a block of memory that a process pool and its workers share.
#pragma once

#include <bide/detail/system/memory_packer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace bide {

namespace detail {

class block_hold;  // src/system/shared_arena.hpp

struct block_place {
    std::uint64_t block = 0;  // offset in the segment
    std::uint64_t size = 0;
};

}  // namespace detail

/// Bytes that cross between a process_pool and its workers without being copied: as an argument or a result, also inside
/// other values, only their place goes. Copies refer to the same block, in all processes; it is free when the last one
/// goes. Whoever writes while another process reads is to know what they do.
/// Life: may outlive its pool and its loop. Made by process_pool::allocate(), and in a worker by the constructor.
/// Threads: any; the bytes are not guarded. Python: none (multiprocessing.shared_memory, passed by name).
class shared_bytes {
public:
    /// No bytes.
    shared_bytes() noexcept = default;
    /// In a call in a worker: a new block, whose content is not set. Throws: invalid_state_error elsewhere,
    /// std::length_error when the shared memory is used up.
    explicit shared_bytes(std::size_t size);
    shared_bytes(const shared_bytes& other) noexcept = default;
    shared_bytes(shared_bytes&& other) noexcept
        : hold_(std::move(other.hold_)), place_(std::exchange(other.place_, {})) {}
    shared_bytes& operator=(shared_bytes other) noexcept {
        std::swap(hold_, other.hold_);
        std::swap(place_, other.place_);
        return *this;
    }
    ~shared_bytes() = default;

    [[nodiscard]] std::byte* data() const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return place_.size; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data(), size()}; }
    /// The same, as text.
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(data()), size()};
    }
    /// The first bytes alone; the rest of the block stays where it is. Throws: std::out_of_range.
    void truncate(std::size_t size);

    /// For bide's own layers.
    shared_bytes(std::shared_ptr<detail::block_hold> hold, detail::block_place place) noexcept
        : hold_(std::move(hold)), place_(place) {}
    [[nodiscard]] detail::block_place send() const;
    static shared_bytes receive(detail::block_place place);

private:
    std::shared_ptr<detail::block_hold> hold_;
    detail::block_place place_;
};

namespace detail {

inline void CEREAL_SAVE_FUNCTION_NAME(memory_packer& archive, const shared_bytes& bytes) {
    const block_place place = archive.counts() ? block_place{} : bytes.send();
    archive(place.block, place.size);
}
inline void CEREAL_LOAD_FUNCTION_NAME(unpacker& archive, shared_bytes& bytes) {
    block_place place;
    archive(place.block, place.size);
    bytes = shared_bytes::receive(place);
}

}  // namespace detail

}  // namespace bide
