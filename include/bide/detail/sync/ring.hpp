// bide/sync: a growing ring buffer, the store of FIFO and LIFO queues.
#pragma once

#include <bide/detail/base/config.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace bide::detail {

// Allocates nothing until the first item and keeps its room while it is in use. A burst does not stay for ever: a ring
// that runs empty gives back what is more than a few pages.
template <class T>
class ring {
public:
    ring() noexcept = default;
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() {
        while (!empty()) drop_front();
        release_room();
    }

    [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }

    void push_back(T&& item) {
        if (tail_ - head_ == room_) [[unlikely]]
            grow();
        std::construct_at(at(tail_), std::move(item));
        ++tail_;
    }
    T pop_front() {
        T item(std::move(*at(head_)));
        drop_front();
        if (empty() && room_ > kept_room) [[unlikely]]
            release_room();
        return item;
    }
    T pop_back() {
        T item(std::move(*at(tail_ - 1)));
        --tail_;
        std::destroy_at(at(tail_));
        if (empty() && room_ > kept_room) [[unlikely]]
            release_room();
        return item;
    }

private:
    static constexpr std::size_t first_room = 8;
    static constexpr std::size_t kept_room =
        sizeof(T) < 16 * 1024 / first_room ? 16 * 1024 / sizeof(T) : first_room;

    // Positions count up for ever; the room is a power of two.
    [[nodiscard]] T* at(std::size_t position) const noexcept { return items_ + (position & (room_ - 1)); }

    void drop_front() noexcept {
        std::destroy_at(at(head_));
        ++head_;
    }

    BIDE_NOINLINE void grow() {
        const std::size_t room = room_ == 0 ? first_room : room_ * 2;
        T* const items = std::allocator<T>().allocate(room);
        std::size_t moved = 0;
        try {
            for (; head_ + moved != tail_; ++moved)
                std::construct_at(items + moved, std::move_if_noexcept(*at(head_ + moved)));
        } catch (...) {
            std::destroy_n(items, moved);
            std::allocator<T>().deallocate(items, room);
            throw;
        }
        while (!empty()) drop_front();
        release_room();
        items_ = items;
        room_ = room;
        head_ = 0;
        tail_ = moved;
    }

    BIDE_NOINLINE void release_room() noexcept {
        if (items_ != nullptr) std::allocator<T>().deallocate(items_, room_);
        items_ = nullptr;
        room_ = 0;
    }

    T* items_ = nullptr;
    std::size_t room_ = 0;
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
};

}  // namespace bide::detail
