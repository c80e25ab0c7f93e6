// bide/net: bytes that have arrived and were not read yet.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/share_of_turn.hpp"

namespace bide::detail {

// A large piece of memory to receive into. Each thread keeps a few, so that what is received, looked at and sent on
// stays in the processor's cache, and an idle connection holds none.
class receive_block {
public:
    static constexpr std::size_t size = share_of_turn;

    receive_block() noexcept = default;
    static receive_block acquire();
    // One that the thread has already; empty where there is none.
    static receive_block acquire_spare() noexcept;
    receive_block(receive_block&& other) noexcept = default;
    receive_block& operator=(receive_block&& other) noexcept {
        std::swap(memory_, other.memory_);
        return *this;
    }
    ~receive_block() { give_back(); }

    void give_back() noexcept;

    [[nodiscard]] char* data() const noexcept { return memory_.get(); }
    explicit operator bool() const noexcept { return memory_ != nullptr; }

private:
    std::unique_ptr<char[]> memory_;
};

// Small amounts lie in a string of its own, a large one stays in the block that it was received into. One in between does
// so as long as few others do: mostly it is read at once, and a copy would cost as much as the receive.
class receive_buffer {
public:
    receive_buffer() = default;
    receive_buffer(const receive_buffer&) = delete;
    receive_buffer& operator=(const receive_buffer&) = delete;
    ~receive_buffer() { let_go(); }

    [[nodiscard]] std::size_t size() const noexcept { return view().size(); }
    [[nodiscard]] std::string_view view() const noexcept {
        const std::string_view all =
            block_ ? std::string_view(block_.data(), filled_) : std::string_view(text_);
        return all.substr(head_);
    }

    std::string take(std::size_t count);
    void drop(std::size_t count) noexcept;
    // As drop(), but the memory stays until the next call.
    void pass(std::size_t count) noexcept { head_ += count; }

    // For appending: everything that is unread, from its beginning.
    std::string& text();
    // What has been received into a block.
    void append(receive_block&& block, std::size_t count);

private:
    void reset() noexcept;
    void let_go() noexcept;

    std::string text_;
    receive_block block_;
    bool borrowed_ = false;   // the block holds less than it is for
    std::size_t filled_ = 0;  // of the block
    std::size_t head_ = 0;    // what lies before it was read
};

}  // namespace bide::detail
