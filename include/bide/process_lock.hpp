// bide/system: process_lock, mutual exclusion between processes.
#pragma once

#include <bide/detail/sync/guard.hpp>
#include <bide/detail/system/gate_awaiter.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bide {

class process_lock;

/// The process that held a process_lock has ended without releasing it. Python: none (a dead owner's lock stays locked).
class owner_died_error : public std::runtime_error {
public:
    owner_died_error(const std::string& what, int pid);
    ~owner_died_error() override;
    /// Of the process that held it.
    [[nodiscard]] int pid() const noexcept { return pid_; }

private:
    int pid_;
};

namespace detail {

class process_lock_awaiter : public gate_awaiter {
public:
    explicit process_lock_awaiter(process_lock& owner) noexcept;
    void await_resume() const {
        end();
        check_owner();
    }

protected:
    [[nodiscard]] process_lock& owner() const noexcept { return *owner_; }

private:
    void check_owner() const;
    process_lock* owner_;
};

class process_lock_recovery : public gate_awaiter {
public:
    explicit process_lock_recovery(process_lock& owner) noexcept;
    [[nodiscard]] bool await_resume() const {
        end();
        return is_marked();
    }

private:
    [[nodiscard]] bool is_marked() const noexcept;
};

}  // namespace detail

/// Mutual exclusion between the tasks of several processes: `auto held = co_await lock.scoped();`. One object is one
/// handle; handles of the same name, in one process or in several, mean the same lock. Held by the handle that acquired it,
/// whichever of its tasks did. Not recursive.
///
/// Fair: of the processes that wait, the one that has waited longest comes next, with one of its tasks; newcomers do not
/// overtake. Without contention neither acquire() nor release() makes a system call.
///
/// A holder that dies, or whose handle is destroyed, leaves the lock abandoned: what it protects may be half changed. From
/// then on acquire() and scoped() throw owner_died_error, to those who wait and to those who come, and nobody holds it; until
/// somebody says with recover() that he will put things right.
/// Life: usable without a loop; belongs to the loop in which a task first has to wait for it. Destroy it only when no
/// task waits (checked). Neither copied nor moved. In the child of a fork it is a handle of its own.
/// Threads: not thread-safe; open one handle for each thread. Processes: of one user, and in one namespace of process ids
/// and of networks. Limits: 64 handles of a name are open at a time.
/// Python: multiprocessing.Lock, which has no names, blocks the loop, may be released by any process, and stays locked when
/// its holder dies.
class process_lock {
public:
    using guard = detail::guard<process_lock>;

    /// A lock without a name, for this process and those that get its descriptor.
    process_lock();
    /// Opens the lock of that name, or makes it. The name stays until unlink().
    /// Throws: std::invalid_argument for a name that cannot be one (see shared_memory); std::system_error;
    /// invalid_state_error when too many handles are open.
    explicit process_lock(std::string name);
    /// Makes it; throws std::system_error (file_exists) when it exists.
    [[nodiscard]] static process_lock create(std::string name);
    /// Opens it; throws std::system_error (no_such_file_or_directory) when it does not exist.
    [[nodiscard]] static process_lock open(std::string name);
    /// One that another process has handed over, as a descriptor that is inherited or was received with
    /// socket::recv_fds. Takes the descriptor; when it throws, that stays the caller's.
    [[nodiscard]] static process_lock adopt(int fd);
    process_lock(const process_lock&) = delete;
    process_lock& operator=(const process_lock&) = delete;
    ~process_lock();

    /// Locks it. Suspends: only while it is locked, or others have waited before.
    /// Throws: owner_died_error when it is abandoned, and does not hold it then; invalid_state_error when it belongs to
    /// another loop; std::system_error when there is no descriptor left to wait with.
    /// Cancellation: the task leaves its place in the row; one that was handed the lock already passes it on.
    /// Python: Lock.acquire.
    [[nodiscard("co_await it")]] detail::process_lock_awaiter acquire() noexcept {
        return detail::process_lock_awaiter(*this);
    }

    /// As acquire(); the await gives a guard that releases. Python: with lock.
    [[nodiscard("co_await it")]] detail::scoped_awaiter<process_lock, detail::process_lock_awaiter>
    scoped() noexcept {
        return detail::scoped_awaiter<process_lock, detail::process_lock_awaiter>(*this);
    }

    /// As acquire(), but takes an abandoned lock, too. Returns: whether it was abandoned. Put right what it protects then;
    /// release() makes it a lock as any other. Python: none (Windows: WAIT_ABANDONED; POSIX: EOWNERDEAD).
    [[nodiscard("co_await it")]] detail::process_lock_recovery recover() noexcept {
        return detail::process_lock_recovery(*this);
    }

    /// Unlocks it; whoever has waited longest comes next.
    /// Throws: invalid_state_error when this handle does not hold it. Python: Lock.release.
    void release();

    /// Whether anybody holds it; true also between release() and the next holder's turn. Python: Lock.locked.
    [[nodiscard]] bool locked() const noexcept;

    /// Empty for one without.
    [[nodiscard]] const std::string& name() const noexcept;
    /// The descriptor, to hand it on with subprocess_options::pass_fd() or socket::send_fds().
    [[nodiscard]] int fileno() const noexcept;
    /// Takes the name away; those who have it open keep it. Throws: std::system_error; invalid_state_error without a name.
    void unlink();
    static void unlink(std::string_view name);

private:
    friend guard;
    friend detail::process_lock_awaiter;
    friend detail::process_lock_recovery;

    explicit process_lock(std::unique_ptr<detail::process_gate> gate) noexcept;
    void give_back() noexcept;

    std::unique_ptr<detail::process_gate> gate_;
};

}  // namespace bide
