// bide/system: a ring of items, as bytes, in shared memory, that no death of a process can spoil.
#include "system/shared_ring.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace bide::detail {

namespace {
constexpr int patience = 100;  // milliseconds
}

void shared_ring::make(std::byte* at, const std::string& label) {
    auto& made = *::new (static_cast<void*>(at)) state{};
    const int result = made.mutex.init();
    if (result < 0) throw_block_error(-result, label);
}

shared_ring::shared_ring(std::byte* at, std::size_t capacity, std::size_t most) noexcept
    : state_(reinterpret_cast<state*>(at)),  // make() has put it there
      data_(at + data_offset),
      capacity_(round_up(capacity)),
      most_(most) {}

bool shared_ring::enter(bool patient) noexcept {
    const lock_outcome result = patient ? state_->mutex.enter(patience) : state_->mutex.try_enter();
    if (result == lock_outcome::after_a_death) mend();
    return result != lock_outcome::busy;
}

void shared_ring::mend() noexcept {
    std::uint64_t count = 0;
    const std::uint64_t tail = state_->tail.load();
    for (std::uint64_t at = state_->head.load(); at < tail; ++count) {
        std::uint64_t size = 0;
        read(at, &size, sizeof size);
        at += room_for(size);
    }
    state_->count.store(count);
}

void shared_ring::settle() noexcept {
    if (enter(false)) state_->mutex.leave();
}

void shared_ring::write(std::uint64_t at, const void* from, std::size_t size) noexcept {
    if (size == 0) return;
    const std::size_t begin = at % capacity_;
    const std::size_t first = std::min(size, capacity_ - begin);
    std::memcpy(data_ + begin, from, first);
    std::memcpy(data_, static_cast<const std::byte*>(from) + first, size - first);
}

void shared_ring::read(std::uint64_t at, void* into, std::size_t size) const noexcept {
    if (size == 0) return;
    const std::size_t begin = at % capacity_;
    const std::size_t first = std::min(size, capacity_ - begin);
    std::memcpy(into, data_ + begin, first);
    std::memcpy(static_cast<std::byte*>(into) + first, data_, size - first);
}

queue_step shared_ring::push(std::string_view item, bool patient) noexcept {
    if (!enter(patient)) return queue_step::busy;
    ipc_step();
    queue_step result = queue_step::no;
    if (is_shut_down()) {
        result = queue_step::shut_down;
    } else if (fits(item.size())) {
        const std::uint64_t tail = state_->tail.load(std::memory_order_relaxed);
        const std::uint64_t size = item.size();
        write(tail, &size, sizeof size);
        ipc_step();
        write(tail + sizeof size, item.data(), item.size());
        ipc_step();
        state_->tail.store(tail + room_for(item.size()));
        ipc_step();
        state_->count.store(state_->count.load(std::memory_order_relaxed) + 1);
        ipc_step();
        result = queue_step::done;
    }
    state_->mutex.leave();
    ipc_step();
    return result;
}

queue_step shared_ring::pop(std::string& item, bool patient) {
    if (count() == 0 && !is_shut_down()) return queue_step::no;
    if (!enter(patient)) return queue_step::busy;
    ipc_step();
    const std::uint64_t head = state_->head.load(std::memory_order_relaxed);
    if (head == state_->tail.load(std::memory_order_relaxed)) {
        const queue_step result = is_shut_down() ? queue_step::shut_down : queue_step::no;
        state_->mutex.leave();
        return result;
    }
    std::uint64_t size = 0;
    read(head, &size, sizeof size);
    try {
        if (size > capacity_)
            throw std::runtime_error("process_queue: its memory is damaged; who has written into it?");
        item.resize(size);
    } catch (...) {
        state_->mutex.leave();
        throw;
    }
    read(head + sizeof size, item.data(), size);
    ipc_step();
    state_->head.store(head + room_for(size));
    ipc_step();
    state_->count.store(state_->count.load(std::memory_order_relaxed) - 1);
    ipc_step();
    state_->mutex.leave();
    ipc_step();
    return queue_step::done;
}

bool shared_ring::shut_down(bool drop_items) noexcept {
    if (!enter(true)) return false;
    state_->shut_down.store(1);
    ipc_step();
    if (drop_items) {
        state_->head.store(state_->tail.load());
        ipc_step();
        state_->count.store(0);
    }
    state_->mutex.leave();
    return true;
}

// A process that died may have left the count behind the items, or before them.
std::size_t shared_ring::count() const noexcept {
    const std::uint64_t head = state_->head.load();
    if (head == state_->tail.load()) return 0;
    return std::max<std::uint64_t>(state_->count.load(), 1);
}

bool shared_ring::fits(std::size_t item) const noexcept {
    if (most_ != 0 && count() >= most_) return false;
    const std::uint64_t used = state_->tail.load() - state_->head.load();
    return used <= capacity_ && room_for(item) <= capacity_ - used;
}

}  // namespace bide::detail
