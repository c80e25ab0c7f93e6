// bide/testing: force the order in which pieces of several tasks run.
#include <bide/testing/sequencer.hpp>

#include <bide/error.hpp>

#include <string>

namespace bide::testing {

namespace {

std::string broken_text(std::size_t step) {
    return "sequencer: the task that waited for step " + std::to_string(step) +
           " was cancelled, so the later steps cannot begin";
}

}  // namespace

coro<sequencer::scope> sequencer::step(std::size_t number) {
    bool waits = number != next_;
    check(number);
    if (waits) {
        const future<void> turn = create_future<void>();
        waiting_.emplace(number, turn);
        try {
            co_await turn;
        } catch (const cancelled_error&) {
            if (number == next_) running_ = false;
            fail(number);
            throw;
        }
    }
    running_ = true;
    co_return scope(*this);
}

void sequencer::check(std::size_t number) const {
    if (number < next_ || (number == next_ && running_) || waiting_.count(number) != 0) {
        throw invalid_state_error("sequencer: step " + std::to_string(number) +
                                  " was taken before; give every step a number of its own, from 0");
    }
    if (broken_by_ < number) throw invalid_state_error(broken_text(broken_by_));
}

void sequencer::end_step() noexcept {
    running_ = false;
    const auto at = waiting_.find(++next_);
    if (at == waiting_.end()) return;
    running_ = true;  // taken, although its task has not resumed
    const future<void> turn = at->second;
    waiting_.erase(at);
    if (!turn.done()) turn.set_result();
}

void sequencer::fail(std::size_t cancelled) {
    if (cancelled < broken_by_) broken_by_ = cancelled;
    waiting_.erase(cancelled);
    for (auto at = waiting_.upper_bound(cancelled); at != waiting_.end(); at = waiting_.erase(at)) {
        if (!at->second.done()) at->second.set_exception(invalid_state_error(broken_text(cancelled)));
    }
}

}  // namespace bide::testing
