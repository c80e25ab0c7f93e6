// bide/os: recognise a thread, also after it has ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace bide::detail {

// std::thread::id and the kernel's number are used again for later threads; this number is not.
class thread_mark {
public:
    thread_mark() noexcept = default;  // no thread

    [[nodiscard]] static thread_mark here();
    [[nodiscard]] bool is_here() const noexcept { return number_ == this_number(); }
    // The thread is gone, and so is everything that the kernel did for it. May wait for what is left of a thread that has
    // begun to end, which is microseconds.
    [[nodiscard]] bool has_ended() const noexcept;
    explicit operator bool() const noexcept { return number_ != 0; }

private:
    static std::uint64_t this_number() noexcept;

    std::uint64_t number_ = 0;
    int kernel_id_ = 0;
    std::shared_ptr<const std::atomic<bool>> ending_;
};

}  // namespace bide::detail
