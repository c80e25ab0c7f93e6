// bide/system: bytes of a file at an offset, read or written in one await.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/system/file_ref.hpp>
#include <bide/result.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace bide::detail {

enum class transfer_kind : std::uint8_t { read, write };

// A read of what the page cache holds is done where it is awaited and does not suspend, but for one turn of the loop now
// and then, so that such a reader does not keep the others waiting. Everything else is an operation of the backend.
// The buffer is the caller's and stays until the await has ended.
class file_transfer : public awaitable_tag {
public:
    file_transfer(file_ref file, transfer_kind kind, std::uint64_t offset, void* data,
                  std::size_t size) noexcept;
    // Moved only before it is awaited (GCC 12 does so).
    file_transfer(file_transfer&&) noexcept = default;
    file_transfer& operator=(file_transfer&&) = delete;
    ~file_transfer() {
        if (in_flight_) come_back();
    }

    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> frame);
    // Returns the bytes that were moved.
    std::size_t await_resume();
    result<std::size_t> await_result();

private:
    bool read_cached() noexcept;
    void come_back() noexcept;
    void finish();

    file_ref file_;
    io_wait_state state_;
    std::size_t moved_ = 0;  // before the operation, which moves the rest
    transfer_kind kind_;
    bool in_flight_ = false;
};

}  // namespace bide::detail
