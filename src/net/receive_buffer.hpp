// bide/net: bytes that have arrived and were not read yet.
#pragma once

#include <cstddef>
#include <cstdint>
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
    explicit receive_block(char* released) noexcept : memory_(released) {}
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
    [[nodiscard]] char* release() noexcept { return memory_.release(); }
    explicit operator bool() const noexcept { return memory_ != nullptr; }

private:
    std::unique_ptr<char[]> memory_;
};

// What arrived in a piece or a block stays there, so that it is copied once, to whoever reads it; what comes on top of
// unread bytes is gathered in a string. Pieces and blocks are the thread's: while bytes are read as they come, all
// connections use the same few, which stay in the processor's cache, and an idle one has none.
class receive_buffer {
public:
    receive_buffer() = default;
    receive_buffer(const receive_buffer&) = delete;
    receive_buffer& operator=(const receive_buffer&) = delete;
    ~receive_buffer() { let_go(); }

    [[nodiscard]] std::size_t size() const noexcept { return view().size(); }
    [[nodiscard]] std::string_view view() const noexcept {
        const std::string_view all =
            memory_ != nullptr ? std::string_view(memory_, filled_) : std::string_view(text_);
        return all.substr(head_);
    }

    std::string take(std::size_t count);
    void drop(std::size_t count) noexcept {
        head_ += count;
        if (size() == 0) reset();
    }
    // As drop(), but the memory stays until the next call.
    void pass(std::size_t count) noexcept { head_ += count; }

    // Before a wait for more, which may be long: little memory is held for what is unread.
    void gather() {
        if (memory_ != nullptr && size() != 0) text();
    }
    // For appending: everything that is unread, from its beginning.
    std::string& text();
    void append(std::string_view bytes);
    // What has been received into a block, or into a piece: a block of the pool, of lent_size bytes.
    void append(receive_block&& block, std::size_t count);
    void append_piece(char* piece, std::size_t count);

private:
    enum class storage : std::uint8_t {
        text,
        piece,
        block,
        borrowed_block  // holds less than it is for
    };

    void reset() noexcept;
    void let_go() noexcept;
    void hold(char* memory, std::size_t count, storage kind) noexcept;

    std::string text_;
    char* memory_ = nullptr;  // a piece or a block
    storage kind_ = storage::text;
    std::size_t filled_ = 0;  // of the memory
    std::size_t head_ = 0;    // what lies before it was read
};

}  // namespace bide::detail
