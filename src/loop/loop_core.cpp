// bide/loop: one turn of the loop, phase by phase.
#include "loop/loop_core.hpp"

#include <bide/detail/base/assert.hpp>
#include <bide/detail/base/scope_guard.hpp>
#include <bide/error.hpp>

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "loop/fd_watch.hpp"
#include "loop/loop_list.hpp"
#include "os/process_state.hpp"

namespace bide::detail {

constinit thread_local loop_state* this_loop = nullptr;

namespace {

// The child of a fork shares the parent's descriptors and ring: it must not see a running loop.
[[maybe_unused]] const int forget_in_child = ::pthread_atfork(nullptr, nullptr, [] { this_loop = nullptr; });

std::uint64_t next_random(std::uint64_t& state) noexcept {  // xorshift64
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

}  // namespace

loop_core::loop_core(event_loop& owner, std::unique_ptr<backend> system, std::string why,
                     const loop_options& options)
    : os(std::move(system)),
      reason(std::move(why)),
      poll_interval_(options.poll_interval()),
      shuffle_(options.shuffle().value_or(0)) {
    loop = &owner;
    debug = options.debug().value_or(false);
    enlist(*this);
}

loop_core::~loop_core() { delist(*this); }

void loop_core::take_thread() noexcept {
    if (!runner) runner = thread_mark::here();
}

void loop_core::run_forever() {
    run([this] {
        do { run_once(); } while (!stopping);
    });
}

void loop_core::run_ready() {
    arrivals.awake();
    stopping = true;  // the turn of a loop that is to stop does not sleep
    run([this] { run_once(); });
}

template <class Turns>
void loop_core::run(Turns turns) {
    take_thread();
    thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
    this_loop = this;
    const scope_guard leave([this]() noexcept {
        this_loop = nullptr;
        thread.store({}, std::memory_order_relaxed);
        stopping = false;
    });
    turns();
}

// One turn: look at the operating system, then run what is ready. What the batch schedules waits for the next turn.
void loop_core::run_once() {
    if (on_turn) [[unlikely]]
        on_turn();
    arrivals.take(ready);
    if (ready.empty() || stopping || ran_ >= poll_interval_) look_at_os();
    batch_.append(ready);
    if (shuffle_ != 0) shuffle_batch();
    const scope_guard end([this]() noexcept {  // of the turn, also by an exception
        if (os->holds_sends()) os->send_held();
    });
    if (debug) {
        run_batch_debug();
    } else {
        run_batch();
    }
}

// Finished operations first, then the timers that are due; both behind what was ready before.
void loop_core::look_at_os() {
    ran_ = 0;
    if (interrupts.load(std::memory_order_relaxed) != 0 && on_interrupt) on_interrupt();
    if (!ready.empty() || stopping) {
        if (os->in_flight() != 0 || embedded) os->poll(0, ready);
        if (timers.empty()) return;
    } else {
        const std::int64_t deadline = timers.next_deadline();
        if (deadline == no_deadline && os->in_flight() == 0 && pending_external == 0) check_stuck();
        if (arrivals.fall_asleep()) {
            os->poll(deadline, ready);
            arrivals.awake();
        } else if (os->in_flight() != 0) {
            os->poll(0, ready);
        }
        if (interrupts.load(std::memory_order_relaxed) != 0 && on_interrupt) on_interrupt();
        arrivals.take(ready);
    }
    timers.expire(os->now(), ready);  // also without timers: the next ones are set from here on
}

void loop_core::run_batch() {
    // A node that throws (keyboard_interrupt, system_exit) leaves the rest of the batch for the next run.
    while (ready_node* const node = batch_.pop()) {
        ++ran_;
        node->ops->run(*node);
    }
}

void loop_core::run_batch_debug() {
    while (ready_node* const node = batch_.pop()) {
        ++ran_;
        run_one_measured(*node);
    }
}

void loop_core::shuffle_batch() {
    std::vector<ready_node*> nodes;
    while (ready_node* const node = batch_.pop()) nodes.push_back(node);
    for (std::size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[next_random(shuffle_) % i]);
    for (ready_node* const node : nodes) {
        if (node->ops->removable) {
            batch_.push_removable(static_cast<timer_node&>(static_cast<wait_node&>(*node)));
        } else {
            batch_.push(*node);
        }
    }
}

void loop_core::check_stuck() {
    if (hooks == nullptr || tasks.after == &tasks || others_may_act()) return;
    if (!arrivals.empty()) return;  // from a thread that has ended since
    if (const std::exception_ptr error = hooks->stuck(*this)) std::rethrow_exception(error);
}

void loop_core::drain() noexcept {
    if (os->inherited()) return;  // the parent's operations: the kernel touches no memory of this process
    while (os->in_flight() != 0) os->poll(no_deadline, ready);
}

void loop_core::close() noexcept {
    closed = true;
    // Destructors of frames and callbacks may look for their loop. Another one may be running: it stays the running one.
    const scope_guard leave([before = std::exchange(this_loop, this)]() noexcept { this_loop = before; });
    close_watches(*this);
    close_guests();
    drop_queued();
    system_slot.reset();
    if (hooks != nullptr) hooks->destroy_tasks(*this);
    drain();
    door->close();
    arrivals.close(ready);
    drop_queued();
    executor_slot.reset();
    core_slot.reset();
    drop_queued();
    if (tasks.after != &tasks) hooks->destroy_tasks(*this);  // made by destructors of what was dropped
}

void loop_core::close_guests() noexcept {
    while (guests.after != &guests) {
        auto& guest = static_cast<loop_guest&>(*guests.after);
        guest.unlink();
        guest.close(guest);
    }
}

// Discards what is ready and what waits for a moment, without running it.
void loop_core::drop_queued() noexcept {
    for (;;) {
        batch_.append(ready);
        ready_node* node = batch_.pop();
        if (node == nullptr) node = timers.take_any();
        if (node == nullptr) return;
        node->ops->discard(*node);
    }
}

}  // namespace bide::detail
