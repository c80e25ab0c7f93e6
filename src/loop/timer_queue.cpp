// bide/loop: deadlines in order, with start and cancel in constant time however many there are.
#include "loop/timer_queue.hpp"

#include <bide/time.hpp>

#include <algorithm>
#include <bit>

namespace bide::detail {

namespace {

// Only its address is used: the `prev` of a timer that is in the heap.
wait_node heap_mark{};

std::int64_t floor_to_tick(std::int64_t when, int bits) noexcept { return (when >> bits) << bits; }

}  // namespace

timer_queue::timer_queue(std::int64_t now) noexcept
    : horizon_(now < 0 ? 0 : slot_end(floor_to_tick(now, tick_bits))) {
    for (auto& level : heads_) {
        for (wait_node& head : level) head.prev = head.next = &head;
    }
    never_.prev = never_.next = &never_;
}

void timer_queue::insert(timer_node& node) noexcept {
    ++size_;
    if (node.when < horizon_) {
        to_heap(node);
    } else if (node.when != no_deadline) {
        to_wheel(node);
    } else {
        append(never_, node);
    }
}

void timer_queue::append(wait_node& head, timer_node& node) noexcept {
    node.prev = head.prev;
    node.next = &head;
    head.prev->next = &node;
    head.prev = &node;
}

void timer_queue::to_wheel(timer_node& node) noexcept {
    const auto ticks = static_cast<std::uint64_t>(node.when) >> tick_bits;
    const auto differs = (ticks ^ (static_cast<std::uint64_t>(horizon_) >> tick_bits)) | (slots - 1);
    const auto level = static_cast<std::size_t>((63 - std::countl_zero(differs)) / slot_bits);
    const std::size_t slot = (ticks >> (level * slot_bits)) & (slots - 1);
    append(heads_[level][slot], node);
    occupied_[level] |= std::uint64_t{1} << slot;
}

void timer_queue::remove(timer_node& node) noexcept {
    --size_;
    if (node.prev == &heap_mark) return remove_from_heap(reinterpret_cast<std::size_t>(node.next));
    wait_node* const before = node.prev;
    before->next = node.next;
    node.next->prev = before;
    if (before == node.next && before != &never_) {  // only the head is left
        const auto index = static_cast<std::size_t>(before - &heads_[0][0]);
        occupied_[index / slots] &= ~(std::uint64_t{1} << (index % slots));
    }
    node.prev = node.next = nullptr;
}

// The earliest slot that holds a timer. Lower levels always come first: a higher level only holds what lies beyond
// the current round of the level below it.
bool timer_queue::first_slot(std::size_t& level, std::size_t& slot, std::int64_t& start) const noexcept {
    for (level = 0; level < levels; ++level) {
        if (occupied_[level] == 0) continue;
        slot = static_cast<std::size_t>(std::countr_zero(occupied_[level]));
        const int shift = tick_bits + slot_bits * static_cast<int>(level);
        const std::int64_t round = floor_to_tick(horizon_, std::min(63, shift + slot_bits));
        start = round + static_cast<std::int64_t>(static_cast<std::uint64_t>(slot) << shift);
        return true;
    }
    return false;
}

std::int64_t timer_queue::next_deadline() noexcept {
    if (!heap_.empty()) return heap_.front().when;
    std::size_t level = 0;
    std::size_t slot = 0;
    std::int64_t start = 0;
    if (!first_slot(level, slot, start)) return no_deadline;
    if (level > 0) return start;
    // Exact for a slot with few timers; for a crowded one a wake-up at its start costs less than the search.
    constexpr int few = 16;
    std::int64_t earliest = no_deadline;
    const wait_node* const head = &heads_[0][slot];
    int seen = 0;
    for (const wait_node* at = head->next; at != head; at = at->next) {
        if (++seen > few) return start;
        earliest = std::min(earliest, static_cast<const timer_node*>(at)->when);
    }
    return earliest;
}

void timer_queue::empty_slot(std::size_t level, std::size_t slot) noexcept {
    wait_node& head = heads_[level][slot];
    occupied_[level] &= ~(std::uint64_t{1} << slot);
    wait_node* at = head.next;
    head.prev = head.next = &head;
    while (at != &head) {
        wait_node* const following = at->next;
        auto& node = static_cast<timer_node&>(*at);
        if (node.when < horizon_) {
            to_heap(node);
        } else {
            to_wheel(node);
        }
        at = following;
    }
}

std::int64_t timer_queue::slot_end(std::int64_t start) noexcept {
    return start > INT64_MAX - tick ? INT64_MAX : start + tick;
}

// Empties the earliest slot if it starts before `target`, and moves the horizon behind it. A slot of a higher level is
// emptied even when it starts at `target`: what is inserted from then on would go to a lower level and overtake it.
bool timer_queue::advance_one(std::int64_t target) noexcept {
    std::size_t level = 0;
    std::size_t slot = 0;
    std::int64_t start = 0;
    if (!first_slot(level, slot, start)) return false;
    if (start > target || (start == target && level == 0)) return false;
    horizon_ = level == 0 ? slot_end(start) : start;
    empty_slot(level, slot);
    return true;
}

// Slot by slot, so that the heap never holds more than one slot even when the loop is late for many.
void timer_queue::expire(std::int64_t now, ready_queue& due) noexcept {
    const std::int64_t target = slot_end(floor_to_tick(now, tick_bits));
    do {
        while (!heap_.empty() && heap_.front().when <= now) {
            timer_node& node = *heap_.front().node;
            remove_from_heap(0);
            --size_;
            due.push_removable(node);
        }
    } while (horizon_ <= target && advance_one(target));
    horizon_ = std::max(horizon_, target);
}

timer_node* timer_queue::take_any() noexcept {
    timer_node* node = nullptr;
    std::size_t level = 0;
    std::size_t slot = 0;
    std::int64_t start = 0;
    if (!heap_.empty()) {
        node = heap_.front().node;
    } else if (first_slot(level, slot, start)) {
        node = static_cast<timer_node*>(heads_[level][slot].next);
    } else if (size_ != 0) {
        node = static_cast<timer_node*>(never_.next);
    } else {
        return nullptr;
    }
    remove(*node);
    return node;
}

void timer_queue::place(std::size_t at, const entry& what) noexcept {
    heap_[at] = what;
    what.node->prev = &heap_mark;
    what.node->next = reinterpret_cast<wait_node*>(at);
}

void timer_queue::to_heap(timer_node& node) noexcept {
    heap_.emplace_back();
    sift_up(heap_.size() - 1, entry{node.when, arrivals_++, &node});
}

void timer_queue::sift_up(std::size_t at, entry moving) noexcept {
    while (at > 0) {
        const std::size_t parent = (at - 1) / 2;
        if (!earlier(moving, heap_[parent])) break;
        place(at, heap_[parent]);
        at = parent;
    }
    place(at, moving);
}

void timer_queue::sift_down(std::size_t at, entry moving) noexcept {
    for (;;) {
        std::size_t child = 2 * at + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && earlier(heap_[child + 1], heap_[child])) ++child;
        if (!earlier(heap_[child], moving)) break;
        place(at, heap_[child]);
        at = child;
    }
    place(at, moving);
}

void timer_queue::remove_from_heap(std::size_t at) noexcept {
    timer_node& node = *heap_[at].node;
    const entry last = heap_.back();
    heap_.pop_back();
    if (at < heap_.size()) {
        if (at > 0 && earlier(last, heap_[(at - 1) / 2])) {
            sift_up(at, last);
        } else {
            sift_down(at, last);
        }
    }
    node.prev = node.next = nullptr;
}

}  // namespace bide::detail
