// bide/loop: everything of a loop that its public header does not show.
#pragma once

#include <bide/loop.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "loop/inbox.hpp"
#include "loop/loop_door.hpp"
#include "loop/timer_queue.hpp"
#include "os/backend.hpp"
#include "os/thread_mark.hpp"

namespace bide::detail {

struct fd_watch;
class signal_watch;

class loop_core : public loop_state {
public:
    loop_core(event_loop& owner, std::unique_ptr<backend> os, std::string why, const loop_options& options);
    ~loop_core();
    loop_core(const loop_core&) = delete;
    loop_core& operator=(const loop_core&) = delete;

    void run_forever();
    void run_once();
    // One turn for somebody else's loop, which polls the backend's descriptor.
    void run_ready();
    void take_thread() noexcept;
    // Whether a thread other than the calling one runs it.
    [[nodiscard]] bool runs_elsewhere() const noexcept {
        return thread != std::thread::id() && thread != std::this_thread::get_id();
    }
    void close() noexcept;
    // Waits until no operation is in flight; what comes back is ready.
    void drain() noexcept;

    // Discards what is ready and what waits for a moment, without running it.
    void drop_queued() noexcept;

    // During a turn: `node` runs next, before the rest of the turn.
    void run_next(ready_node& node) noexcept { batch_.push_front(node); }
    // Takes out a node if it is ready. O(n).
    bool unqueue_any(ready_node& node) noexcept { return batch_.remove(node) || ready.remove(node); }

    // Takes out a removable node that is ready but has not run.
    void unqueue(timer_node& node) noexcept { ready_queue::take_out(node, batch_, ready); }

    // Starts an operation; the node becomes ready when it is done.
    void submit(timer_node& node) noexcept { os->submit(node); }

    std::unique_ptr<backend> os;
    std::string reason;
    timer_queue timers{os->now()};
    inbox arrivals;
    const std::shared_ptr<loop_door> door = std::make_shared<loop_door>(*this, arrivals, *os);
    std::shared_ptr<exception_handler> on_exception;  // shared: a handler may replace itself
    task_factory factory;
    std::int64_t slow_ns = 100'000'000;
    std::atomic<std::thread::id> thread{};  // that runs it; empty while none does
    thread_mark runner;                     // that ran it first; the loop is its from then on
    std::vector<fd_watch*> watches;
    std::vector<std::shared_ptr<signal_watch>> signals;  // that have a handler
    bool stopping = false;
    bool closed = false;
    bool embedded = false;  // somebody else's loop polls the backend's descriptor

    // Set from a signal handler; `on_interrupt` is called in the loop for what has come.
    std::atomic<int> interrupts{0};
    move_only_function<void()> on_interrupt;

    // For tests: called before every turn.
    move_only_function<void()> on_turn;

    // Whatever upper layers keep with a loop until it closes, such as the default executor.
    std::shared_ptr<void> executor_slot;
    std::shared_ptr<void> core_slot;
    std::shared_ptr<void> system_slot;  // goes before what is in flight is waited for: children are killed

    // Null: what runs is the last of the turn.
    [[nodiscard]] const ready_node* next_in_turn() const noexcept { return batch_.front(); }
    // In a turn that is not over. What a turn that ended early has left may run in the next one.
    [[nodiscard]] bool others_follow() const noexcept { return this_loop == this && !batch_.empty(); }

private:
    template <class Turns>
    void run(Turns turns);
    void look_at_os();
    void run_batch();
    void run_batch_debug();
    void run_one_measured(ready_node& node);
    void shuffle_batch();
    void check_stuck();
    void close_guests() noexcept;

    ready_queue batch_;
    std::uint32_t poll_interval_;
    std::uint32_t ran_ = 0;  // callbacks since the last look at the operating system
    std::uint64_t shuffle_;  // state of the generator; 0: FIFO
};

// Reports through the handler of the loop if it still exists, else by default; for objects that may outlive it, which know
// its number as well. The other one: for a loop that is there, or null, in destructors.
void report_late(const loop_state* loop, std::uint32_t number, const exception_context& context) noexcept;
void report_late(const loop_state* loop, const exception_context& context) noexcept;

// Reports `context` through the loop's handler; never throws but for keyboard_interrupt and system_exit.
void report(loop_core& loop, exception_context context);

}  // namespace bide::detail
