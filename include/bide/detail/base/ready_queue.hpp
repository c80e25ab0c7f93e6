// bide/base: the FIFO of what may run, linked through the nodes themselves.
#pragma once

#include <bide/detail/base/node.hpp>

#include <cstddef>

namespace bide::detail {

class ready_queue {
public:
    ready_queue() = default;
    ready_queue(const ready_queue&) = delete;
    ready_queue& operator=(const ready_queue&) = delete;

    [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

    void push(ready_node& node) noexcept {
        node.next_ready = nullptr;
        *tail_ = &node;
        tail_ = &node.next_ready;
    }

    /// As push(), for a node that may have to leave before its turn. Any node of a kind that is removable comes this way.
    void push_removable(timer_node& node) noexcept {
        node.link = tail_;
        push(node);
    }

    /// Before all others; not for removable nodes.
    void push_front(ready_node& node) noexcept {
        node.next_ready = head_;
        if (head_ == nullptr) {
            tail_ = &node.next_ready;
        } else {
            mend_link(*head_, &node.next_ready);
        }
        head_ = &node;
    }

    [[nodiscard]] const ready_node* front() const noexcept { return head_; }

    ready_node* pop() noexcept {
        ready_node* const node = head_;
        if (node != nullptr) {
            head_ = node->next_ready;
            if (head_ == nullptr) tail_ = &head_;
        }
        return node;
    }

    /// Moves everything out of `other` to the end of this queue.
    void append(ready_queue& other) noexcept {
        if (other.empty()) return;
        mend_link(*other.head_, tail_);
        *tail_ = other.head_;
        tail_ = other.tail_;
        other.head_ = nullptr;
        other.tail_ = &other.head_;
    }

    /// Takes the whole queue as a chain linked by next_ready and leaves it empty.
    ready_node* take_all() noexcept {
        ready_node* const chain = head_;
        head_ = nullptr;
        tail_ = &head_;
        return chain;
    }

    /// Takes a removable node out of the one of two queues that it is in. The link of a node is out of date when what was
    /// before it has been popped: then it is the first.
    static void take_out(timer_node& node, ready_queue& one, ready_queue& other) noexcept {
        ready_node** link = node.link;
        if (one.head_ == &node) link = &one.head_;
        if (other.head_ == &node) link = &other.head_;
        ready_node* const next = node.next_ready;
        *link = next;
        if (next == nullptr) {
            (one.tail_ == &node.next_ready ? one : other).tail_ = link;
        } else {
            mend_link(*next, link);
        }
    }

    /// Removes one node, wherever it is. O(n); only for what is rare.
    bool remove(ready_node& node) noexcept {
        for (ready_node** at = &head_; *at != nullptr; at = &(*at)->next_ready) {
            if (*at != &node) continue;
            *at = node.next_ready;
            if (tail_ == &node.next_ready) tail_ = at;
            if (*at != nullptr) mend_link(**at, at);
            return true;
        }
        return false;
    }

private:
    // What points to `node` has changed.
    static void mend_link(ready_node& node, ready_node** link) noexcept {
        if (node.ops->removable) static_cast<timer_node&>(static_cast<wait_node&>(node)).link = link;
    }

    ready_node* head_ = nullptr;
    ready_node** tail_ = &head_;
};

}  // namespace bide::detail
