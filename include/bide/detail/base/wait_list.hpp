// bide/base: a FIFO of waiting nodes in one pointer.
#pragma once

#include <bide/detail/base/node.hpp>

namespace bide::detail {

/// Circular list of wait_nodes; only the head is stored, its `prev` is the tail.
class wait_list {
public:
    [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
    [[nodiscard]] wait_node* front() const noexcept { return head_; }

    void push_back(wait_node& node) noexcept {
        if (head_ == nullptr) {
            node.prev = node.next = &node;
            head_ = &node;
            return;
        }
        node.prev = head_->prev;
        node.next = head_;
        head_->prev->next = &node;
        head_->prev = &node;
    }

    void push_front(wait_node& node) noexcept {
        push_back(node);
        head_ = &node;
    }

    void remove(wait_node& node) noexcept {
        if (node.next == &node) {
            head_ = nullptr;
        } else {
            node.prev->next = node.next;
            node.next->prev = node.prev;
            if (head_ == &node) head_ = node.next;
        }
        node.prev = node.next = nullptr;
    }

    wait_node* pop_front() noexcept {
        wait_node* const node = head_;
        if (node != nullptr) remove(*node);
        return node;
    }

    /// The node after `node`, or null at the end.
    [[nodiscard]] wait_node* after(const wait_node& node) const noexcept {
        return node.next == head_ ? nullptr : node.next;
    }

private:
    wait_node* head_ = nullptr;
};

}  // namespace bide::detail
