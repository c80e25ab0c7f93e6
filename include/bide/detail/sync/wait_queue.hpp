// bide/sync: the one list of waiting tasks that every primitive is built on.
//
// The rules that all primitives keep:
//
// 1. First come, first served. Whoever gives something back hands it to the first waiter; while anybody waits there is
//    nothing to take, so nobody overtakes.
// 2. Waking only queues: the woken task runs in a later turn. From the hand-over on, the grant is its own.
// 3. A task's flags tell how its wait has ended. One that was taken back has flag::cancel_now and got nothing; any
//    other was granted. A cancellation that comes between grant and resumption finds the wait over (too_late) and
//    leaves flag::must_cancel; await_resume then passes the grant on before it throws.
// 4. A loop that closes detaches its tasks: they leave their list, or give their grant back, and nobody is woken.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/base/assert.hpp>
#include <bide/detail/base/wait_list.hpp>
#include <bide/detail/core/task_base.hpp>

#include <coroutine>

namespace bide::detail {

class wait_queue {
public:
    wait_queue() noexcept = default;
    wait_queue(const wait_queue&) = delete;
    wait_queue& operator=(const wait_queue&) = delete;
    ~wait_queue() {
        BIDE_ASSERT(empty() && "a lock, event, condition, semaphore, barrier or queue is in use");
    }

    [[nodiscard]] bool empty() const noexcept { return tasks_.empty(); }
    [[nodiscard]] task_base& first() const noexcept { return of(*tasks_.front()); }

    void add(task_base& task) noexcept { tasks_.push_back(task); }
    void remove(task_base& task) noexcept { tasks_.remove(task); }

    // Takes the first task out, without making it ready.
    task_base& take_first() noexcept { return of(*tasks_.pop_front()); }
    // Takes the first task out and makes it ready.
    task_base& wake_first() noexcept {
        task_base& task = take_first();
        make_ready(task, *task.loop);
        return task;
    }
    void wake_all() noexcept {
        while (!empty()) wake_first();
    }

    // Throws when this thread, or the loop that runs on it, must not touch the tasks that wait here. Checked builds
    // and loops in debug mode; does nothing in others.
    void check_thread() const;

private:
    static task_base& of(wait_node& node) noexcept {
        return static_cast<task_base&>(static_cast<timer_node&>(node));
    }

    wait_list tasks_;
};

// A primitive belongs to the loop in which a task first had to wait for it.
class loop_binding {
public:
    // Throws invalid_state_error when the task runs in another loop.
    void check(const task_base& task, const wait_kind& kind) {
        if (loop_ == task.loop) return;
        if (loop_ != nullptr) throw_other_loop(task, kind);
        loop_ = task.loop;
    }

private:
    [[noreturn]] BIDE_COLD static void throw_other_loop(const task_base& task, const wait_kind& kind);

    const loop_state* loop_ = nullptr;  // compared only: the loop may be gone
};

// Base of the awaitables of this layer; `kind` is null until the task is suspended. They are copied only before that,
// which GCC 12 always does. Written out, because the implicit copy reads both words at once right after they were stored
// one by one, and the processor stalls on that.
template <class Owner>
class wait_for_owner : public awaitable_tag, public wait {
public:
    explicit wait_for_owner(Owner& owner) noexcept : wait{nullptr}, owner_(&owner) {}
    wait_for_owner(const wait_for_owner& other) noexcept
        : awaitable_tag(), wait{nullptr}, owner_(other.owner_) {}
    wait_for_owner& operator=(const wait_for_owner&) = delete;

protected:
    ~wait_for_owner() = default;
    [[nodiscard]] Owner& owner() const noexcept { return *owner_; }

    Owner* owner_;
};

// Suspends the running task at the end of `queue`.
void suspend_in(wait_queue& queue, loop_binding& home, wait& what, const wait_kind& kind,
                std::coroutine_handle<> frame);

// The cancel function of most waits: leave the queue, unless the grant is on its way.
inline cancel_outcome withdraw(wait_queue& queue, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    queue.remove(task);
    return cancel_outcome::withdrawn;
}

// Of a wait that is over: whether it ended with a grant (rule 3).
inline bool was_granted(const task_base& task) noexcept { return !task.has(flag::cancel_now); }

// The detach function of most waits. Returns whether the task holds a grant that nobody will use.
inline bool leave(wait_queue& queue, task_base& task) noexcept {
    if (!task.linked()) return was_granted(task);
    queue.remove(task);
    return false;
}

}  // namespace bide::detail
