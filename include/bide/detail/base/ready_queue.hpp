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

    /// Removes one node, wherever it is. O(n); only for what is rare.
    bool remove(ready_node& node) noexcept {
        for (ready_node** at = &head_; *at != nullptr; at = &(*at)->next_ready) {
            if (*at != &node) continue;
            *at = node.next_ready;
            if (tail_ == &node.next_ready) tail_ = at;
            return true;
        }
        return false;
    }

private:
    ready_node* head_ = nullptr;
    ready_node** tail_ = &head_;
};

}  // namespace bide::detail
