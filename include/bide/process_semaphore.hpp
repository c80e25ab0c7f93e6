// bide/system: process_semaphore, a number of places that the tasks of several processes take and give back.
#pragma once

#include <bide/detail/sync/guard.hpp>
#include <bide/detail/system/gate_awaiter.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace bide {

class process_semaphore;

namespace detail {

class process_semaphore_awaiter : public gate_awaiter {
public:
    explicit process_semaphore_awaiter(process_semaphore& owner) noexcept;
    void await_resume() const { end(); }

protected:
    [[nodiscard]] process_semaphore& owner() const noexcept { return *owner_; }

private:
    process_semaphore* owner_;
};

}  // namespace detail

/// A number of places that processes share: `auto place = co_await places.scoped();`. Each place belongs to the handle that
/// took it, so the places of a process that dies are free again. Fair, as process_lock is.
/// Life, threads, processes, limits: as process_lock. Up to 4096 places.
/// Python: multiprocessing.BoundedSemaphore, which blocks the loop, may be released by any process, and loses the places of
/// a process that dies. For counting what others have done, use a process_queue.
class process_semaphore {
public:
    using guard = detail::guard<process_semaphore>;

    /// Without a name, for this process and those that get its descriptor.
    /// Throws: std::invalid_argument for a number below 1 or above 4096.
    explicit process_semaphore(std::ptrdiff_t places = 1);
    /// Opens the one of that name, or makes it. Throws as process_lock; std::invalid_argument when it exists with another
    /// number of places.
    process_semaphore(std::string name, std::ptrdiff_t places);
    /// As those of process_lock: made anew, there already, or handed over by another process as a descriptor.
    [[nodiscard]] static process_semaphore create(std::string name, std::ptrdiff_t places);
    [[nodiscard]] static process_semaphore open(std::string name);
    [[nodiscard]] static process_semaphore adopt(int fd);
    process_semaphore(const process_semaphore&) = delete;
    process_semaphore& operator=(const process_semaphore&) = delete;
    ~process_semaphore();

    /// Takes a place. Suspends: only while there is none, or others have waited before.
    /// Throws, cancellation: as process_lock::acquire(). Python: Semaphore.acquire.
    [[nodiscard("co_await it")]] detail::process_semaphore_awaiter acquire() noexcept {
        return detail::process_semaphore_awaiter(*this);
    }
    /// As acquire(); the await gives a guard that releases. Python: with semaphore.
    [[nodiscard("co_await it")]] detail::scoped_awaiter<process_semaphore, detail::process_semaphore_awaiter>
    scoped() noexcept {
        return detail::scoped_awaiter<process_semaphore, detail::process_semaphore_awaiter>(*this);
    }

    /// Gives a place back. Throws: invalid_state_error when this handle has none. Python: Semaphore.release.
    void release();

    /// Free places at this moment. Python: Semaphore.get_value.
    [[nodiscard]] std::size_t value() const noexcept;
    /// All places. Python: none.
    [[nodiscard]] std::size_t places() const noexcept;
    /// Whether acquire() would wait. Python: Semaphore.locked.
    [[nodiscard]] bool locked() const noexcept;

    /// As those of process_lock.
    [[nodiscard]] const std::string& name() const noexcept;
    [[nodiscard]] int fileno() const noexcept;
    void unlink();
    static void unlink(std::string_view name);

private:
    friend guard;
    friend detail::process_semaphore_awaiter;

    explicit process_semaphore(std::unique_ptr<detail::process_gate> gate) noexcept;
    void give_back() noexcept;

    std::unique_ptr<detail::process_gate> gate_;
};

}  // namespace bide
