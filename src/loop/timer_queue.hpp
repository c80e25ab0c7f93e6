// bide/loop: deadlines in order, with start and cancel in constant time however many there are.
//
// A hierarchical wheel holds what is far, a heap what is near:
//
//   wheel  8 levels of 64 slots. A slot of level 0 spans 2^20 ns (about 1 ms), one of level n spans 64 slots of level
//          n-1. A timer goes to the level of the highest group of bits in which its deadline differs from `horizon_`,
//          so insertion and removal touch one list and one bitmap. Most timers are cancelled long before they are
//          due and never move.
//   heap   everything before `horizon_`, ordered by (deadline, order of arrival), so that firing is exact to the
//          nanosecond and timers with equal deadlines run in the order in which they were set.
//
// Invariants:
//   1. Every timer in the wheel has deadline >= horizon_, every timer in the heap has deadline < horizon_ or was
//      inserted behind it.
//   2. horizon_ is a multiple of a level-0 slot and at most one slot ahead of the time last given to expire().
//   3. Timers of equal deadline are in the same slot or the heap, in the order in which they were set: a slot that is
//      emptied into a lower level or the heap keeps its order, and it is emptied before anything later is inserted.
//   4. A linked timer has prev != null; in the heap prev is `heap_mark` and next holds the index.
//   5. A deadline of no_deadline is never: such timers are in a list of their own, and nobody wakes up for them.
#pragma once

#include <bide/detail/base/node.hpp>
#include <bide/detail/base/ready_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bide::detail {

class timer_queue {
public:
    // `now` only saves moving timers that are set before the first expire().
    explicit timer_queue(std::int64_t now = 0) noexcept;
    timer_queue(const timer_queue&) = delete;
    timer_queue& operator=(const timer_queue&) = delete;

    // node.when is the deadline; the node must not be linked.
    void insert(timer_node& node) noexcept;
    // The node must be linked here.
    void remove(timer_node& node) noexcept;

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // When to call expire() next: a moment at or before the earliest deadline, no_deadline when empty. It may lie in
    // the past although nothing is due; expire() then brings the wheel up to date, and the next answer is later.
    [[nodiscard]] std::int64_t next_deadline() noexcept;

    // Unlinks every timer with when <= now and appends it to `due`, in order. Never those without a deadline.
    void expire(std::int64_t now, ready_queue& due) noexcept;

    // Unlinks any one timer; null when empty.
    timer_node* take_any() noexcept;

private:
    static constexpr int tick_bits = 20;
    static constexpr int slot_bits = 6;
    static constexpr std::int64_t tick = std::int64_t{1} << tick_bits;
    static constexpr std::size_t slots = std::size_t{1} << slot_bits;
    static constexpr std::size_t levels = 8;

    struct entry {
        std::int64_t when;
        std::uint64_t order;
        timer_node* node;
    };

    static std::int64_t slot_end(std::int64_t start) noexcept;
    static bool earlier(const entry& a, const entry& b) noexcept {
        return a.when != b.when ? a.when < b.when : a.order < b.order;
    }

    static void append(wait_node& head, timer_node& node) noexcept;
    void to_wheel(timer_node& node) noexcept;
    void to_heap(timer_node& node) noexcept;
    void empty_slot(std::size_t level, std::size_t slot) noexcept;
    bool advance_one(std::int64_t target) noexcept;
    bool first_slot(std::size_t& level, std::size_t& slot, std::int64_t& start) const noexcept;
    void sift_up(std::size_t at, entry moving) noexcept;
    void sift_down(std::size_t at, entry moving) noexcept;
    void place(std::size_t at, const entry& what) noexcept;
    void remove_from_heap(std::size_t at) noexcept;

    std::int64_t horizon_ = 0;
    std::size_t size_ = 0;
    std::uint64_t arrivals_ = 0;
    std::vector<entry> heap_;
    std::uint64_t occupied_[levels] = {};
    wait_node heads_[levels][slots] = {};
    wait_node never_{};
};

}  // namespace bide::detail
