// bide/sync: the part of a queue that does not depend on what it holds.
//
// Items lie in a store. An item that is put while a task waits in get() is handed over as a claim: the task is made
// ready, and one item of the store counts as gone, whichever it will be. The task takes its item when it resumes, the
// first in the queue's order at that moment. So nobody overtakes a waiting getter, a queue of priorities serves the most
// urgent item and not the one that came first, and a getter that is cancelled meanwhile has only a claim to pass on: the
// item never left its place.
//
// The other way round the item itself moves: whoever takes one from a full queue lets the first waiting putter's item
// in. From then on that put has happened, and a cancellation of its task is thrown at its next await.
//
// Invariants: where somebody waits in get(), free_ is 0; where somebody waits in put(), free_ is at least the limit.
#pragma once

#include <bide/detail/sync/wait_queue.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace bide::detail {

class queue_core {
public:
    explicit queue_core(std::size_t maxsize) noexcept
        : limit_(maxsize == 0 ? SIZE_MAX : maxsize), maxsize_(maxsize) {}
    queue_core(const queue_core&) = delete;
    queue_core& operator=(const queue_core&) = delete;
    ~queue_core() { BIDE_ASSERT(claimed_ == 0 && "a queue is in use: a task is about to resume in get()"); }

    std::size_t limit_;        // 0 once shut down, so that a put has one thing to look at
    std::size_t free_ = 0;     // items that nobody has a claim on
    std::size_t claimed_ = 0;  // items handed to tasks that have not resumed yet
    std::size_t unfinished_ = 0;
    std::size_t maxsize_;
    bool shut_down_ = false;
    wait_queue getters_;
    wait_queue putters_;
    wait_queue joiners_;
    loop_binding home_;

    // Hands an item of the store, which nobody has a claim on and free_ does not count, to the first getter.
    void hand_claim();
    void pass_claim_on();
    void task_done();
    void shut_down();
    // All items have been dropped; after shut_down().
    void note_dropped();

    [[noreturn]] BIDE_COLD void throw_nothing() const;  // to get from
    [[noreturn]] BIDE_COLD void throw_no_room() const;  // to put into
    [[noreturn]] BIDE_COLD static void throw_shut_down();
};

class queue_wait : public wait_for_owner<queue_core> {
public:
    using wait_for_owner::wait_for_owner;

protected:
    friend queue_core;

    void wait_to_get(std::coroutine_handle<> frame);
    void wait_to_put(std::coroutine_handle<> frame);
    void wait_to_join(std::coroutine_handle<> frame);
    // After a wait. Throws the cancellation; false when the queue was shut down instead.
    [[nodiscard]] bool end_get() const;
    [[nodiscard]] bool end_put() const;

    static const wait_kind getting;
    static const wait_kind putting;
    static const wait_kind joining;

    // owner_ is null where the queue was shut down before the item went through.

private:
    template <wait_queue queue_core::* Row>
    static cancel_outcome cancel(wait& what, task_base& task) noexcept;
    template <wait_queue queue_core::* Row>
    static void detach(wait& what, task_base& task) noexcept;
    static void detach_get(wait& what, task_base& task) noexcept;
};

class queue_join_awaiter : public queue_wait {
public:
    using queue_wait::queue_wait;
    [[nodiscard]] bool await_ready() const noexcept { return owner_->unfinished_ == 0; }
    void await_suspend(std::coroutine_handle<> frame) { wait_to_join(frame); }
    void await_resume() const {
        if (kind != nullptr) end_wait(running_task());
    }
};

}  // namespace bide::detail
