// bide/os: memory without a name that processes share.
#pragma once

#include <cstddef>

#include "os/fd.hpp"

namespace bide::detail::sys {

// Zeros until written; takes memory only where it was written.
class shared_segment {
public:
    shared_segment() noexcept = default;
    // Makes one. Throws std::system_error.
    explicit shared_segment(std::size_t size);
    // Maps one that another process has made. Throws std::system_error.
    explicit shared_segment(unique_fd file);
    shared_segment(shared_segment&& other) noexcept;
    shared_segment& operator=(shared_segment&&) = delete;
    ~shared_segment();

    [[nodiscard]] int fd() const noexcept { return file_.get(); }
    [[nodiscard]] std::byte* data() const noexcept { return at_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Gives the memory of whole pages in this part back to the system; they are zeros then.
    void discard(std::size_t offset, std::size_t size) const noexcept;

private:
    void map();

    unique_fd file_;
    std::byte* at_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace bide::detail::sys
