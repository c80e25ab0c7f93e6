// bide/loop: the only door through which other threads reach a loop.
//
// Producers push onto a lock-free stack; the loop takes the whole stack and reverses it. A producer wakes the loop
// only when the loop said that it goes to sleep, so a burst costs one system call, and none while the loop is busy.
//
//   producer: push (release), then exchange asleep_ -> false; was it true: wake
//   loop:     asleep_ = true, then look at the stack; empty: sleep, else stay awake
//
// Both sides write before they read and both operations on asleep_ and head_ are sequentially consistent, so at least
// one of them sees the other. After close() the head is a mark that no push can replace: a late push is refused.
#pragma once

#include <bide/detail/base/ready_queue.hpp>

#include <atomic>

namespace bide::detail {

class inbox {
public:
    // Any thread. False when closed: the node was not taken. `wake` tells whether the loop must be woken.
    bool push(ready_node& node, bool& wake) noexcept {
        ready_node* head = head_.load(std::memory_order_relaxed);
        do {
            if (head == &closed_) return false;
            node.next_ready = head;
        } while (
            !head_.compare_exchange_weak(head, &node, std::memory_order_seq_cst, std::memory_order_relaxed));
        wake = asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_seq_cst);
        return true;
    }

    [[nodiscard]] bool empty() const noexcept {
        const ready_node* const head = head_.load(std::memory_order_relaxed);
        return head == nullptr || head == &closed_;
    }

    // Loop thread: moves what has arrived to `to`, oldest first.
    void take(ready_queue& to) noexcept {
        if (empty()) return;
        reverse(head_.exchange(nullptr, std::memory_order_acquire), to);
    }

    // Loop thread: announces sleep. False: something has arrived, do not sleep.
    bool fall_asleep() noexcept {
        asleep_.store(true, std::memory_order_seq_cst);
        if (head_.load(std::memory_order_seq_cst) == nullptr) return true;
        awake();
        return false;
    }
    void awake() noexcept { asleep_.store(false, std::memory_order_relaxed); }

    // Loop thread: refuses pushes from now on; what had arrived goes to `to`.
    void close(ready_queue& to) noexcept {
        ready_node* const last = head_.exchange(&closed_, std::memory_order_acq_rel);
        if (last != &closed_) reverse(last, to);
    }

private:
    static void reverse(ready_node* newest, ready_queue& to) noexcept {
        ready_node* oldest = nullptr;
        while (newest != nullptr) {
            ready_node* const following = newest->next_ready;
            newest->next_ready = oldest;
            oldest = newest;
            newest = following;
        }
        while (oldest != nullptr) {
            ready_node* const following = oldest->next_ready;
            to.push(*oldest);
            oldest = following;
        }
    }

    static inline ready_node closed_{};
    std::atomic<ready_node*> head_{nullptr};
    std::atomic<bool> asleep_{false};
};

}  // namespace bide::detail
