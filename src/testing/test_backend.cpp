// bide/testing: a backend with virtual time and faults on demand, on top of a real one.
#include "testing/test_backend.hpp"

#include <bide/time.hpp>

#include <algorithm>
#include <utility>

namespace bide::detail {

namespace {

// How long, in real time, an operation in flight or another thread may take before the clock jumps past it. What is in
// flight between two ends in this process has finished before the first look; the rest is for workers.
constexpr std::int64_t grace_for_operations = 2'000'000;
constexpr std::int64_t grace_for_threads = 500'000'000;

}  // namespace

test_backend::test_backend(std::unique_ptr<backend> real, bool virtual_time) noexcept
    : real_(std::move(real)), virtual_time_(virtual_time) {}

void test_backend::submit(timer_node& node) noexcept {
    if (submitted_++ == fault_at_) {
        node.request->result = -fault_;
        node.request->state = op_state::done;
        ++faults_waiting_;
        faulted_.push(node);
    } else {
        real_->submit(node);
    }
    settle();
}

void test_backend::cancel(timer_node& node) noexcept {
    real_->cancel(node);
    settle();
}

void test_backend::poll(std::int64_t deadline, ready_queue& done) noexcept {
    const bool faulted = !faulted_.empty();
    done.append(faulted_);
    faults_waiting_ = 0;
    if (!virtual_time_) {
        real_->poll(faulted ? 0 : deadline, done);
        return settle();
    }
    // One look only: a second one would sleep through a wake-up that the first has taken notice of.
    const bool threads = loop_ != nullptr && loop_->pending_external != 0;
    std::int64_t limit = 0;
    if (deadline == 0 || faulted) {
        deadline = 0;
    } else if (deadline == no_deadline) {
        limit = no_deadline;
    } else if (threads || real_->in_flight() != 0) {
        limit = monotonic_now() + (threads ? grace_for_threads : grace_for_operations);
    }
    real_->poll(limit, done);
    settle();
    if (deadline == 0 || deadline == no_deadline || !done.empty()) return;
    if (limit != 0 && monotonic_now() < limit) return;  // another thread woke the loop
    now_ = std::max(now_, deadline);
}

void test_backend::wake() noexcept { real_->wake(); }

void test_backend::forget(int fd) noexcept {
    real_->forget(fd);
    settle();
}

std::int64_t test_backend::now() noexcept { return virtual_time_ ? now_ : real_->now(); }

}  // namespace bide::detail
