// bide/base: asyncio's exceptions under their own names, and what they carry.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace bide {

/// Base of the signals that ordinary error handling must let through. It is not a std::exception on purpose:
/// `catch (const std::exception&)` does not swallow a cancellation. `catch (...)` does; rethrow there. The signals are
/// final: bide tells them by their type, without a throw.
/// Python: BaseException.
class base_exception {
public:
    virtual ~base_exception();
    [[nodiscard]] virtual const char* what() const noexcept = 0;

protected:
    base_exception() = default;
    base_exception(const base_exception&) = default;
    base_exception& operator=(const base_exception&) = default;
};

/// Thrown at a task's current await when the task, or what it waits for, was cancelled.
/// Python: asyncio.CancelledError.
class cancelled_error final : public base_exception {
public:
    explicit cancelled_error(std::string message = {});
    ~cancelled_error() override;
    /// "cancelled", or the message given to cancel().
    [[nodiscard]] const char* what() const noexcept override;
    /// The message given to cancel(); empty when there was none.
    [[nodiscard]] const std::string& message() const noexcept { return message_; }

private:
    std::string message_;
};

/// Ctrl-C, thrown by run() after the main task ended cancelled. Python: KeyboardInterrupt.
class keyboard_interrupt final : public base_exception {
public:
    ~keyboard_interrupt() override;
    [[nodiscard]] const char* what() const noexcept override;
};

/// Ends the loop that runs the task or callback which throws it. Python: SystemExit.
class system_exit final : public base_exception {
public:
    explicit system_exit(int code = 0) noexcept : code_(code) {}
    ~system_exit() override;
    [[nodiscard]] const char* what() const noexcept override;
    [[nodiscard]] int code() const noexcept { return code_; }

private:
    int code_;
};

/// A generator that is being closed sees this at its yield. Python: GeneratorExit.
class generator_exit final : public base_exception {
public:
    ~generator_exit() override;
    [[nodiscard]] const char* what() const noexcept override;
};

/// The time ran out. `code()` is std::errc::timed_out. Python: TimeoutError (there, too, a kind of OS error).
class timeout_error : public std::system_error {
public:
    explicit timeout_error(const std::string& what = "the time ran out");
    ~timeout_error() override;
    /// The text alone: that of the code speaks of connections.
    [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

private:
    std::runtime_error text_;  // copies of it share one text and cannot throw
};

/// The object is in no state for this call; the message says which and what to do instead.
/// Python: asyncio.InvalidStateError, and RuntimeError where asyncio reports misuse with it.
class invalid_state_error : public std::runtime_error {
public:
    explicit invalid_state_error(const std::string& what);
    ~invalid_state_error() override;
};

/// The stream ended before what was asked for was complete. Python: asyncio.IncompleteReadError.
class incomplete_read_error : public std::runtime_error {
public:
    incomplete_read_error(std::string partial, std::optional<std::size_t> expected);
    ~incomplete_read_error() override;
    /// What came before the end.
    [[nodiscard]] const std::string& partial() const noexcept { return partial_; }
    /// Bytes asked for; empty when a separator was asked for.
    [[nodiscard]] std::optional<std::size_t> expected() const noexcept { return expected_; }

private:
    std::string partial_;
    std::optional<std::size_t> expected_;
};

/// The separator was not found within the limit. Python: asyncio.LimitOverrunError.
class limit_overrun_error : public std::runtime_error {
public:
    limit_overrun_error(const std::string& what, std::size_t consumed);
    ~limit_overrun_error() override;
    /// Bytes at the start of the buffer that hold no separator.
    [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

private:
    std::size_t consumed_;
};

/// put_nowait() on a full queue. Python: asyncio.QueueFull.
class queue_full : public std::runtime_error {
public:
    queue_full();
    ~queue_full() override;
};

/// get_nowait() on an empty queue. Python: asyncio.QueueEmpty.
class queue_empty : public std::runtime_error {
public:
    queue_empty();
    ~queue_empty() override;
};

/// put() or get() on a queue that was shut down. Python: asyncio.QueueShutDown.
class queue_shut_down : public std::runtime_error {
public:
    queue_shut_down();
    ~queue_shut_down() override;
};

/// The barrier was reset or aborted while, or before, waiting. Python: asyncio.BrokenBarrierError.
class broken_barrier_error : public std::runtime_error {
public:
    explicit broken_barrier_error(const std::string& what = "the barrier is broken");
    ~broken_barrier_error() override;
};

/// A pool cannot run jobs any more. Python: concurrent.futures.BrokenExecutor.
class broken_executor : public std::runtime_error {
public:
    explicit broken_executor(const std::string& what);
    ~broken_executor() override;
};

/// A worker's initializer threw. Python: concurrent.futures.thread.BrokenThreadPool.
class broken_thread_pool : public broken_executor {
public:
    explicit broken_thread_pool(const std::string& what);
    ~broken_thread_pool() override;
};

/// next() on a generator that has ended. Python: StopIteration.
class stop_iteration : public std::runtime_error {
public:
    stop_iteration();
    ~stop_iteration() override;
};

/// next() on an async generator that has ended. Python: StopAsyncIteration.
class stop_async_iteration : public std::runtime_error {
public:
    stop_async_iteration();
    ~stop_async_iteration() override;
};

/// Several failures at once, in the order in which they happened. Members that are no std::exception are allowed.
/// Python: ExceptionGroup (and BaseExceptionGroup: see has_base_exception).
class exception_group : public std::exception {
public:
    exception_group(std::string message, std::vector<std::exception_ptr> errors);
    ~exception_group() override;
    /// The message, the count, and one line for each member.
    [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept { return errors_; }
    /// True when a member is not a std::exception. Python then makes it a BaseExceptionGroup.
    [[nodiscard]] bool has_base_exception() const noexcept;

    /// The members that are an E, in a group with the same message; empty when there is none. A member that is a group, and
    /// no E itself, is searched as well, and what it has of them stays a group. Python: ExceptionGroup.subgroup.
    template <class E>
    [[nodiscard]] std::optional<exception_group> subgroup() const {
        return pick(is_a<E>, true);
    }
    /// Those that are an E, and the others: what `except* E` would handle, and what it would pass on.
    /// Python: ExceptionGroup.split.
    template <class E>
    [[nodiscard]] std::pair<std::optional<exception_group>, std::optional<exception_group>> split() const {
        return {pick(is_a<E>, true), pick(is_a<E>, false)};
    }

private:
    template <class E>
    static bool is_a(const std::exception_ptr& error) {
        try {
            std::rethrow_exception(error);
        } catch (const E&) { return true; } catch (...) {
            return false;
        }
    }
    [[nodiscard]] std::optional<exception_group> pick(bool (*matches)(const std::exception_ptr&),
                                                      bool wanted) const;

    std::string message_;
    std::vector<std::exception_ptr> errors_;
    std::string what_;
};

/// Nothing can wake the loop any more, yet tasks are suspended. The text is the tree of waiting tasks with the file
/// and line of each await and, where there is one, the cycle. Python: none (asyncio hangs).
class deadlock_error : public std::runtime_error {
public:
    explicit deadlock_error(const std::string& tree);
    ~deadlock_error() override;
};

/// One line that says what an exception is: what() of a std::exception or base_exception, the type's name otherwise.
/// Python: str(exc).
[[nodiscard]] std::string describe_exception(const std::exception_ptr& error);

/// The error code nearest to an exception: that of a std::system_error, operation_canceled for a cancelled_error,
/// not_enough_memory, invalid_argument and operation_not_permitted (invalid_state_error) where those say it, and
/// std::errc::state_not_recoverable for anything else.
[[nodiscard]] std::error_code error_code_of(const std::exception_ptr& error) noexcept;

}  // namespace bide
