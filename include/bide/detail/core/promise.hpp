// bide/core: what every coroutine frame of bide begins with.
//
// A frame knows who awaits it and, while it is suspended, the file and line of the await. That is all the bookkeeping
// there is: two words. The second word holds the exception once the body has ended with one.
#pragma once

#include <bide/detail/base/assert.hpp>
#include <bide/detail/base/block_pool.hpp>
#include <bide/detail/core/task_base.hpp>

#include <bit>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <source_location>
#include <utility>

namespace bide::detail {

class promise_base;
// An exception leaves a frame: remembers where it came from, for reports. See core/failure_place.cpp.
BIDE_COLD void note_failing_frame(const promise_base& promise) noexcept;

// Frames alive on this thread; counted in checked builds only.
extern constinit thread_local std::int64_t live_frames;

// --- transfer: resume the next frame without growing the stack ---

#if BIDE_TRAMPOLINE
extern constinit thread_local void* next_frame;

using transfer = void;
inline void transfer_to(std::coroutine_handle<> to) noexcept { next_frame = to.address(); }
inline void transfer_nowhere() noexcept {}
inline void resume_frame(void* frame) {
    do {
        std::coroutine_handle<>::from_address(frame).resume();
        frame = std::exchange(next_frame, nullptr);
    } while (frame != nullptr);
}
#else
using transfer = std::coroutine_handle<>;
inline std::coroutine_handle<> transfer_to(std::coroutine_handle<> to) noexcept { return to; }
inline std::coroutine_handle<> transfer_nowhere() noexcept { return std::noop_coroutine(); }
inline void resume_frame(void* frame) { std::coroutine_handle<>::from_address(frame).resume(); }
#endif

class promise_base {
public:
    promise_base() noexcept {
        if constexpr (BIDE_CHECKED != 0) ++live_frames;
    }
    promise_base(const promise_base&) = delete;
    promise_base& operator=(const promise_base&) = delete;
    ~promise_base() {
        if (failed()) error().~exception_ptr();
        if constexpr (BIDE_CHECKED != 0) --live_frames;
    }

    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* at, std::size_t size) noexcept { pool_free(at, size); }

    // Every promise of bide lies at the same offset in its frame, so a frame can be looked at without its type.
    static std::coroutine_handle<promise_base> handle_of(std::coroutine_handle<> frame) noexcept {
        return std::coroutine_handle<promise_base>::from_address(frame.address());
    }
    static promise_base& of(void* frame) noexcept {
        return std::coroutine_handle<promise_base>::from_address(frame).promise();
    }

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }

    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        transfer await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
            const std::uintptr_t link = frame.promise().link_;
            if ((link & root_bit) != 0) {
                note_frame_end(*reinterpret_cast<task_base*>(link & ~bits), frame.address());
                return transfer_nowhere();
            }
            return transfer_to(std::coroutine_handle<>::from_address(reinterpret_cast<void*>(link & ~bits)));
        }
        void await_resume() const noexcept {}
    };
    [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }

    void unhandled_exception() noexcept {
        note_failing_frame(*this);
        ::new (static_cast<void*>(&place_)) std::exception_ptr(std::current_exception());
        link_ |= failed_bit;
    }

    void awaited_by(void* frame) noexcept {
        link_ = reinterpret_cast<std::uintptr_t>(frame) | (link_ & (value_bit | failed_bit));
    }
    void root_of(task_base& task) noexcept { link_ = reinterpret_cast<std::uintptr_t>(&task) | root_bit; }

    // Whether somebody awaits it, or it is a task's.
    [[nodiscard]] bool has_started() const noexcept { return link_ != 0; }
    [[nodiscard]] bool is_root() const noexcept { return (link_ & root_bit) != 0; }
    [[nodiscard]] void* awaiting_frame() const noexcept {
        return is_root() ? nullptr : reinterpret_cast<void*>(link_ & ~bits);
    }
    [[nodiscard]] bool failed() const noexcept { return (link_ & failed_bit) != 0; }
    [[nodiscard]] bool has_value() const noexcept { return (link_ & value_bit) != 0; }
    [[nodiscard]] std::exception_ptr& error() noexcept {
        return reinterpret_cast<std::exception_ptr&>(place_);
    }

    // Where the frame is suspended; before its first await, where the coroutine is defined.
    [[nodiscard]] std::source_location where() const noexcept {
        return std::bit_cast<std::source_location>(place_);
    }
    void at(std::source_location place) noexcept { place_ = std::bit_cast<const void*>(place); }

protected:
    static_assert(sizeof(std::source_location) == sizeof(void*) &&
                  sizeof(std::exception_ptr) == sizeof(void*));

    // Low bits of link_; frames and tasks are 16-byte aligned.
    static constexpr std::uintptr_t root_bit = 1;    // link_ is the task, not a frame
    static constexpr std::uintptr_t failed_bit = 2;  // place_ is an exception_ptr
    static constexpr std::uintptr_t value_bit = 4;   // the value has been constructed
    static constexpr std::uintptr_t bits = 15;

    std::uintptr_t link_ = 0;
    const void* place_ = nullptr;
};

}  // namespace bide::detail
