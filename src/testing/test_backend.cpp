// bide/testing: a backend with virtual time and faults on demand, on top of a real one.
#include "testing/test_backend.hpp"

#include <bide/time.hpp>

#include <algorithm>
#include <utility>

namespace bide::detail {

namespace {

// How long, in real time, an operation in flight or another thread may take before the clock jumps past it. What is in
// flight between two ends in this process has finished before the first look; the rest is for workers. In so many looks:
// while the whole machine stands still, which is not rare where others use it as well, only one of them passes.
struct grace {
    std::int64_t of_one_look;
    int looks;
};
constexpr grace for_operations{500'000, 4};
constexpr grace for_threads{50'000'000, 10};

}  // namespace

test_backend::test_backend(std::unique_ptr<backend> real, bool virtual_time) noexcept
    : backend(real->gives_away()), real_(std::move(real)), virtual_time_(virtual_time) {}

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
    const bool threads = loop_ != nullptr && loop_->pending_external != 0;
    const grace patience = threads ? for_threads : for_operations;
    const bool jumps = deadline != 0 && deadline != no_deadline && !faulted;
    const bool waits = jumps && (threads || real_->in_flight() != 0);
    for (int look = 1;; ++look) {
        std::int64_t limit = deadline == no_deadline && !faulted ? no_deadline : 0;
        if (waits) limit = monotonic_now() + patience.of_one_look;
        real_->poll(limit, done);
        settle();
        // Asked even when the look took all its time: who was woken may have got the processor only afterwards.
        const bool woken = woken_.exchange(false);
        if (!jumps || woken || !done.empty()) return;
        if (!waits) break;
        if (monotonic_now() < limit) return;  // something else than wake() has ended it
        if (look == patience.looks) break;
    }
    now_ = std::max(now_, deadline);
}

void test_backend::wake() noexcept {
    woken_ = true;
    real_->wake();
}

void test_backend::forget(int fd) noexcept {
    real_->forget(fd);
    settle();
}

std::int64_t test_backend::now() noexcept { return virtual_time_ ? now_ : real_->now(); }

}  // namespace bide::detail
