// bide/testing: force the order in which pieces of several tasks run.
#pragma once

#include <bide/coro.hpp>
#include <bide/future.hpp>

#include <cstddef>
#include <map>
#include <utility>

namespace bide::testing {

/// Numbered steps, spread over tasks, that run one after the other: step 0 begins at once, every other one when the
/// one before it has ended. A race that one order in a thousand shows becomes a test that shows it every time.
/// Outlives its scopes. Threads: one loop's. Python: none in asyncio; trio.testing.Sequencer.
class sequencer {
public:
    /// The step that is running; it ends when this is destroyed.
    class [[nodiscard("keep it for as long as the step lasts")]] scope {
    public:
        explicit scope(sequencer& of) noexcept : of_(&of) {}
        scope(scope&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
        scope& operator=(scope&&) = delete;
        ~scope() {
            if (of_ != nullptr) of_->end_step();
        }

    private:
        sequencer* of_;
    };

    sequencer() = default;
    sequencer(const sequencer&) = delete;
    sequencer& operator=(const sequencer&) = delete;

    /// `const auto step = co_await order.step(2);` waits until step 1 has ended, and keeps step 3 from beginning.
    /// Throws: invalid_state_error when the step was taken before, and when one before it was cancelled.
    /// Cancellation: the later steps can never begin; whoever waits for them is told so.
    coro<scope> step(std::size_t number);

    /// The first step that has not ended.
    [[nodiscard]] std::size_t next() const noexcept { return next_; }

private:
    void check(std::size_t number) const;
    void end_step() noexcept;
    void fail(std::size_t cancelled);

    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    std::size_t next_ = 0;
    bool running_ = false;
    std::size_t broken_by_ = none;
    std::map<std::size_t, future<void>> waiting_;
};

}  // namespace bide::testing
