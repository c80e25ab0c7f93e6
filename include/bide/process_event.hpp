// bide/system: process_event, a flag that the tasks of several processes wait for.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/wait.hpp>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bide {

namespace detail {

class process_flag;  // src/system/process_flag.hpp

class process_event_awaiter : public awaitable_tag, public wait {
public:
    explicit process_event_awaiter(process_flag& flag) noexcept : wait{nullptr}, flag_(&flag) {}

    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() const {
        if (kind != nullptr) end();
    }

private:
    friend process_flag;
    static void end();

    process_flag* flag_;
    std::uint64_t seen_ = 0;  // how often it had been set
};

}  // namespace detail

/// A flag that the tasks of several processes wait for. set() releases all that wait at that moment, in every process, even
/// if clear() follows before they run. Belongs to nobody: a process that dies leaves it as it is, and one that dies in
/// the middle of set() has set it for all or for none.
/// Life, threads, processes, limits: as process_lock. Python: multiprocessing.Event, whose wait() blocks the loop and returns
/// the flag.
class process_event {
public:
    /// Without a name, for this process and those that get its descriptor. Not set.
    process_event();
    /// Opens the one of that name, or makes it. These throw as those of process_lock.
    explicit process_event(std::string name);
    /// As those of process_lock: made anew, there already, or handed over by another process as a descriptor.
    [[nodiscard]] static process_event create(std::string name);
    [[nodiscard]] static process_event open(std::string name);
    [[nodiscard]] static process_event adopt(int fd);
    process_event(const process_event&) = delete;
    process_event& operator=(const process_event&) = delete;
    ~process_event();

    /// Raises the flag and wakes all that wait. A system call for each other process that waits. Python: Event.set.
    void set();
    /// Python: Event.clear.
    void clear() noexcept;
    /// Python: Event.is_set.
    [[nodiscard]] bool is_set() const noexcept;

    /// Waits for the flag. Suspends: only while it is not set.
    /// Throws: invalid_state_error when it belongs to another loop; std::system_error when there is no descriptor left to
    /// wait with. Cancellation: leaves the row. Python: Event.wait.
    [[nodiscard("co_await it")]] detail::process_event_awaiter wait() noexcept {
        return detail::process_event_awaiter(*flag_);
    }

    /// As those of process_lock.
    [[nodiscard]] const std::string& name() const noexcept;
    [[nodiscard]] int fileno() const noexcept;
    void unlink();
    static void unlink(std::string_view name);

private:
    explicit process_event(std::unique_ptr<detail::process_flag> flag) noexcept;

    std::unique_ptr<detail::process_flag> flag_;
};

}  // namespace bide
