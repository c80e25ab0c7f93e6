// bide/core: what a future and a task have in common: one result, and those who wait for it.
#pragma once

#include <bide/detail/base/block_pool.hpp>
#include <bide/detail/base/wait_list.hpp>
#include <bide/detail/core/wait.hpp>
#include <bide/detail/loop/loop_state.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace bide::detail {

namespace flag {
inline constexpr std::uint16_t done = 1 << 0;
inline constexpr std::uint16_t cancelled = 1 << 1;  // ... by cancelled_error
inline constexpr std::uint16_t failed = 1 << 2;     // ... by an exception, held in `error`
inline constexpr std::uint16_t is_task = 1 << 3;
inline constexpr std::uint16_t unretrieved = 1 << 4;  // the exception was not looked at by anybody yet
inline constexpr std::uint16_t must_cancel = 1 << 5;  // throw at the next await; uncancel() can take it back
inline constexpr std::uint16_t cancel_now = 1 << 6;   // the wait was withdrawn: throw when the task resumes
inline constexpr std::uint16_t frame_ended = 1 << 7;  // the coroutine has reached its end
inline constexpr std::uint16_t taken = 1 << 8;        // a result that cannot be copied was moved out
inline constexpr std::uint16_t started = 1 << 9;      // the task has taken its first step
inline constexpr std::uint16_t in_cancel = 1 << 10;   // guards against a cycle of tasks that await each other
inline constexpr std::uint16_t quiet = 1 << 11;       // a failure that nobody looks at is not reported
inline constexpr std::uint16_t driven = 1
                                        << 12;  // ends without a handle, so its done callbacks keep it alive
inline constexpr std::uint16_t op_cancelled =
    1 << 14;  // the operation in flight was asked to end; uncancel() cannot undo it
inline constexpr std::uint16_t internal = 1 << 15;  // a task of the library's own: nobody sees or cancels it
inline constexpr std::uint16_t marked = 1 << 13;    // seen; set within one call only, to find duplicates
}  // namespace flag

// What few futures and tasks have: a name that was set, context variables, the text of a cancellation,
// where a failure came from.
struct future_extra {
    std::string name;
    std::string cancel_message;
    context_data* context = nullptr;
    const void* failed_at = nullptr;  // of a task that failed: the place, a source_location
    ~future_extra() { release(context); }
};

struct future_core {
    std::uint32_t refs = 1;
    std::uint32_t number = 0;  // of the task, for its default name
    std::uint16_t flags = 0;
    std::uint16_t cancelling = 0;
    std::uint32_t loop_number;  // of `loop`, whose address another loop may have later
    loop_state* loop;
    wait_list waiters;  // tasks that await it and done callbacks, in the order of their arrival
    future_extra* extra = nullptr;
    union {
        void* frame = nullptr;     // tasks, until done: the suspended frame that resumes next
        std::exception_ptr error;  // once done with flag::failed
    };

    explicit future_core(loop_state* in) noexcept : loop_number(in->number), loop(in) {}
    ~future_core() {
        if (has(flag::failed)) error.~exception_ptr();
        delete extra;
    }
    future_core(const future_core&) = delete;
    future_core& operator=(const future_core&) = delete;

    [[nodiscard]] bool has(std::uint16_t bits) const noexcept { return (flags & bits) != 0; }
    void set(std::uint16_t bits) noexcept { flags = static_cast<std::uint16_t>(flags | bits); }
    void clear(std::uint16_t bits) noexcept { flags = static_cast<std::uint16_t>(flags & ~bits); }

    future_extra& more() {
        if (extra == nullptr) extra = new future_extra;
        return *extra;
    }
    void fail(std::exception_ptr with) noexcept {
        ::new (static_cast<void*>(&error)) std::exception_ptr(std::move(with));
        set(flag::failed);
    }
};

// Futures that are no tasks bring their own behaviour.
struct future_ops {
    void (*destroy)(future_core&) noexcept;
    bool (*cancel)(future_core&, const std::string& message);
    const char* name;
};

struct plain_future : future_core {
    plain_future(loop_state* in, const future_ops& table) noexcept : future_core(in), ops(&table) {}
    const future_ops* ops;
};

void destroy_future(future_core& what) noexcept;

inline future_core& retain(future_core& what) noexcept {
    ++what.refs;
    return what;
}
inline void release(future_core& what) noexcept {
    if (--what.refs == 0) destroy_future(what);
}

// For calls that come from the loop's thread only. Throws invalid_state_error when the loop runs in another thread.
BIDE_COLD void check_use_slow(const future_core& what, const char* call);
inline void check_use(const future_core& what, const char* call) {
    if (this_loop != what.loop) [[unlikely]]
        check_use_slow(what, call);
}

// Not for a loop that merely has the address of the one it was made in.
inline bool belongs_to(const future_core& what, const loop_state* loop) noexcept {
    return loop == what.loop && loop->number == what.loop_number;
}

// Marks it done and makes everybody who waits ready. The caller has set the result.
void finish_future(future_core& what) noexcept;

// asyncio's Future.cancel for plain futures: at once and unconditional. False when done.
bool cancel_plain(future_core& what, const std::string& message);

// cancel() of whatever it is.
bool cancel_any(future_core& what, const std::string& message);

// Throws the failure or the cancellation of a future that is done; returns when it has a value.
void check_result(future_core& what);
// The text it was cancelled with, for a cancelled_error.
std::string cancel_message_of(const future_core& what);
// The failure without a throw; null when there is a value. A cancellation is a cancelled_error.
std::exception_ptr failure_of(future_core& what);

[[noreturn]] BIDE_COLD void throw_not_ready(const future_core& what);
[[noreturn]] BIDE_COLD void throw_taken(const future_core& what);
[[noreturn]] BIDE_COLD void throw_done_already(const future_core& what, const char* call);
[[noreturn]] BIDE_COLD void throw_empty_handle(const char* what);

}  // namespace bide::detail
