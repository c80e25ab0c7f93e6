// bide/net: bytes that have arrived and were not read yet.
#include "net/receive_buffer.hpp"

#include <bide/detail/base/block_pool.hpp>
#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/os/op.hpp>

#include <cstring>
#include <vector>

namespace bide::detail {

namespace {

constexpr std::size_t spare_blocks = 4;
constexpr std::size_t keep_capacity = 1024;  // of the string of an idle connection
constexpr std::size_t worth_a_block = 32 * 1024;
constexpr std::size_t worth_borrowing = 2048;
constexpr std::size_t most_borrowed =
    8;  // by buffers that hold less than that, for the sake of a line perhaps

struct spares {
    spares() { blocks.reserve(spare_blocks); }
    std::vector<std::unique_ptr<char[]>> blocks;
    std::size_t borrowed = 0;
};

// Null when the thread is ending.
spares* spares_of_thread() noexcept {
    static thread_local bool ended = false;
    struct guarded : spares {
        ~guarded() { ended = true; }
    };
    if (ended) return nullptr;
    static thread_local guarded the;
    return &the;
}

}  // namespace

receive_block receive_block::acquire_spare() noexcept {
    receive_block block;
    spares* const spare = spares_of_thread();
    if (spare != nullptr && !spare->blocks.empty()) {
        block.memory_ = std::move(spare->blocks.back());
        spare->blocks.pop_back();
    }
    return block;
}

receive_block receive_block::acquire() {
    receive_block block = acquire_spare();
    if (!block) block.memory_ = std::make_unique_for_overwrite<char[]>(size);
    return block;
}

void receive_block::give_back() noexcept {
    if (memory_ == nullptr) return;
    spares* const spare = spares_of_thread();
    if (spare != nullptr && spare->blocks.size() < spare_blocks) spare->blocks.push_back(std::move(memory_));
    memory_.reset();
}

std::string receive_buffer::take(std::size_t count) {
    if (memory_ == nullptr && head_ == 0 && count == text_.size() && count > keep_capacity) {
        return std::exchange(text_, std::string());
    }
    std::string taken(view().substr(0, count));
    drop(count);
    return taken;
}

void receive_buffer::let_go() noexcept {
    char* const memory = std::exchange(memory_, nullptr);
    if (memory == nullptr) return;
    if (kind_ == storage::piece) return pool_free(memory, lent_size);
    if (kind_ == storage::borrowed_block) {
        // One that ends in another thread is missing in its own, which copies a little more from then on.
        spares* const spare = spares_of_thread();
        if (spare != nullptr && spare->borrowed > 0) --spare->borrowed;
    }
    receive_block(memory).give_back();
}

void receive_buffer::hold(char* memory, std::size_t count, storage kind) noexcept {
    reset();
    memory_ = memory;
    filled_ = count;
    kind_ = kind;
}

void receive_buffer::reset() noexcept {
    head_ = 0;
    let_go();
    text_.clear();
    if (text_.capacity() > keep_capacity) std::string().swap(text_);
}

std::string& receive_buffer::text() {
    if (memory_ != nullptr) {
        text_.assign(view());
        head_ = 0;
        let_go();
    } else if (head_ != 0) {
        text_.erase(0, head_);
        head_ = 0;
    }
    return text_;
}

void receive_buffer::append(std::string_view bytes) {
    if (bytes.empty()) return;
    if (size() == 0 && bytes.size() <= lent_size) {
        reset();  // mostly it gives back the piece that is taken next
        auto* const piece = static_cast<char*>(pool_allocate(lent_size));
        std::memcpy(piece, bytes.data(), bytes.size());
        return hold(piece, bytes.size(), storage::piece);
    }
    text().append(bytes);
}

void receive_buffer::append_piece(char* piece, std::size_t count) {
    if (size() == 0) return hold(piece, count, storage::piece);
    const scope_guard leave([&]() noexcept { pool_free(piece, lent_size); });
    text().append(piece, count);
}

void receive_buffer::append(receive_block&& block, std::size_t count) {
    spares* const spare = spares_of_thread();
    const bool borrows = count < worth_a_block;
    const bool may_borrow = count >= worth_borrowing && spare != nullptr && spare->borrowed < most_borrowed;
    if (size() != 0 || (borrows && !may_borrow)) return append(std::string_view(block.data(), count));
    hold(block.release(), count, borrows ? storage::borrowed_block : storage::block);
    if (borrows) ++spare->borrowed;
}

}  // namespace bide::detail
