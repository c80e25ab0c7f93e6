// bide/exec: what a concurrent_future is without its value: one result, set on one thread and waited for on others.
//
//   pending --start--> running --finish--> finished
//      |                                       ^
//      +-----cancel----> cancelled             |
//      +------------------finish---------------+
//
// The mutex guards everything but `refs`; callbacks are called without it. Those that end a pool's job do so in two
// steps (worker_job_ops): `finish` with later == true makes the result visible, `announce` wakes those who wait for
// it. A callback of the user's belongs to the first step, because it may take long; with one, everything does.
#pragma once

#include <bide/detail/base/block_pool.hpp>
#include <bide/detail/base/move_only_function.hpp>
#include <bide/detail/loop/loop_state.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

namespace bide::detail {

class concurrent_core {
public:
    enum class phase : std::uint8_t { pending, running, cancelled, finished };
    using callback = move_only_function<void(concurrent_core&)>;

    concurrent_core();
    concurrent_core(const concurrent_core&) = delete;
    concurrent_core& operator=(const concurrent_core&) = delete;

    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* at, std::size_t size) noexcept { pool_free(at, size); }

    void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    // Whether the caller's reference is the only one. It stays so if it is: others are made from it.
    [[nodiscard]] bool sole() const noexcept { return refs_.load(std::memory_order_acquire) == 1; }

    [[nodiscard]] phase now() const noexcept;
    [[nodiscard]] bool done() const noexcept { return now() >= phase::cancelled; }

    bool cancel() noexcept;
    // False: it was cancelled. Throws invalid_state_error when it was started before or has a result.
    bool start();

    // Waits until done, at most until `deadline` (nanoseconds of the monotonic clock). Throws timeout_error;
    // invalid_state_error on the thread of the loop that has to finish it.
    void wait(std::int64_t deadline) const;
    // Throws the invalid_state_error of wait().
    void check_may_wait() const;
    // Throws the failure or the cancellation of one that is done; marks the failure as seen.
    void check();
    std::exception_ptr failure();
    // Whether it ended with an exception.
    [[nodiscard]] bool failed() const noexcept;
    // A value that cannot be copied is moved out once. Throws invalid_state_error the second time.
    void take_once();

    // Calls fn when it is done, or now. `owner` is null for a callback of the user's, whose exceptions are reported and
    // ignored. Callbacks of bide's own are short, and their owner takes them back: false when it has been, or is being, called.
    void add_callback(callback fn, const void* owner = nullptr);
    bool remove_callback(const void* owner) noexcept;

    void fail(std::exception_ptr error, bool later);
    // As fail(), but for a failure that has been reported elsewhere, and without a throw when it is done.
    void fail_seen(const std::exception_ptr& error) noexcept;
    void announce() noexcept;

    // The loop whose thread must not wait for this, since it has to finish it.
    void finished_by(const loop_state* loop) noexcept { loop_ = loop; }

protected:
    virtual ~concurrent_core();
    // After cancel(), without the mutex: the job is not wanted any more.
    virtual void withdraw() noexcept {}

    // Sets a result: `construct` is called under the mutex. Throws invalid_state_error when there is one.
    template <class Construct>
    void finish(bool later, Construct&& construct) {
        std::unique_lock lock(mutex_);
        check_unfinished();
        construct();
        phase_ = phase::finished;
        publish(lock, later);
    }

    // No lock: only for the destructor.
    [[nodiscard]] bool holds_value() const noexcept { return phase_ == phase::finished && error_ == nullptr; }

private:
    struct waiters;  // keeps <condition_variable> out of this header
    struct entry {
        const void* owner;
        callback fn;
    };

    void check_unfinished() const;
    void check_thread() const;
    void publish(std::unique_lock<std::mutex>& lock, bool later) noexcept;
    void call_all(std::unique_lock<std::mutex>& lock) noexcept;
    void call(entry& what) noexcept;

    mutable std::mutex mutex_;
    mutable std::unique_ptr<waiters> waiters_;  // from the first wait() on
    std::atomic<std::uint32_t> refs_{1};
    phase phase_ = phase::pending;
    bool seen_ = false;   // the exception was looked at
    bool taken_ = false;  // the value was moved out
    std::vector<entry> callbacks_;
    std::exception_ptr error_;
    const loop_state* loop_ = nullptr;
};

}  // namespace bide::detail
