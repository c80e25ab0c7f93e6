// bide/system: a ring of items, as bytes, in shared memory, that no death of a process can spoil.
//
// It is worked on under a robust mutex. An item is written behind the last one and is in the ring when `tail` has moved,
// which is one store; it is copied out and gone when `head` has moved. Whoever dies before that store has done nothing.
// The count of items is for a quick look only: after a death it is counted anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <bide/detail/system/queue_step.hpp>

#include "os/robust_mutex.hpp"
#include "system/ipc_block.hpp"

namespace bide::detail {

class shared_ring {
public:
    // How many bytes a ring takes whose items take `capacity` bytes in all, and what an item takes.
    static constexpr std::size_t memory_for(std::size_t capacity) noexcept {
        return data_offset + round_up(capacity);
    }
    static constexpr std::size_t room_for(std::size_t item) noexcept { return 8 + round_up(item); }
    static constexpr std::size_t round_up(std::size_t size) noexcept { return (size + 7) / 8 * 8; }

    // Throws std::system_error. The ring lies at `at`, which is zero.
    static void make(std::byte* at, const std::string& label);

    // The ring at `at`: its memory, as a handle sees it.
    shared_ring() noexcept = default;
    shared_ring(std::byte* at, std::size_t capacity, std::size_t most) noexcept;

    // `patient`: waits for a while when another process is in the middle of an item.
    queue_step push(std::string_view item, bool patient) noexcept;
    queue_step pop(std::string& item, bool patient);
    bool shut_down(bool drop_items) noexcept;
    // Mends what a dead process left half done, if so.
    void settle() noexcept;

    // Without the mutex; of this moment.
    [[nodiscard]] std::size_t count() const noexcept;
    [[nodiscard]] bool fits(std::size_t item) const noexcept;
    [[nodiscard]] bool is_shut_down() const noexcept { return state_->shut_down.load() != 0; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t most() const noexcept { return most_; }

private:
    struct state {
        robust_mutex mutex;
        alignas(64) shared_word head;  // bytes ever taken; where in the ring is the rest
        shared_word tail;              // bytes ever put
        shared_word count;
        shared_word shut_down;
    };
    static constexpr std::size_t data_offset = (sizeof(state) + 63) / 64 * 64;

    bool enter(bool patient) noexcept;
    void mend() noexcept;
    void write(std::uint64_t at, const void* from, std::size_t size) noexcept;
    void read(std::uint64_t at, void* into, std::size_t size) const noexcept;

    state* state_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t capacity_ = 0;  // rounded up to 8
    std::size_t most_ = 0;
};

}  // namespace bide::detail
