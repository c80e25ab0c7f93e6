// bide/system: wait for signals, and end gracefully on one.
#pragma once

#include <bide/async_generator.hpp>
#include <bide/coro.hpp>
#include <bide/detail/base/move_only_function.hpp>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>

namespace bide {

namespace detail {

struct signal_listener;  // src/system/signal_hub.hpp

// Listens to some signals of the running loop, from its construction to its destruction.
class signal_subscription {
public:
    signal_subscription(const char* call, std::initializer_list<int> numbers);
    signal_subscription(signal_subscription&& other) noexcept;
    signal_subscription& operator=(signal_subscription&&) = delete;
    ~signal_subscription();

    // In the order of their arrival; one that comes again before it was taken is one signal.
    coro<int> next();
    // Called in the loop for each signal, in place of next().
    void on_signal(move_only_function<void(int)> fn);
    void stop() noexcept;

private:
    std::unique_ptr<signal_listener> listener_;
};

coro<int> next_signal(signal_subscription from);
async_generator<int> all_signals(signal_subscription from);
coro<int> run_until_signal(coro<void> body, signal_subscription from);

}  // namespace detail

/// Waits for one of these signals: `int number = co_await bide::wait_for_signal(SIGTERM, SIGHUP);`. It counts from this
/// call on, not only from the await; until it is over, the signal does not have its action of before. Any number of tasks
/// may wait for the same signal, each gets it. Takes the place of a handler that was set with add_signal_handler().
/// Returns: the signal's number. Throws: std::invalid_argument for one that cannot be caught; invalid_state_error without
/// a running loop, or when another loop of the process handles the signal.
/// Cancellation: no longer listens. Threads: the loop's. Python: none (add_signal_handler).
template <std::convertible_to<int>... Numbers>
    requires(sizeof...(Numbers) > 0)
[[nodiscard]] coro<int> wait_for_signal(Numbers... numbers) {
    return detail::next_signal(
        detail::signal_subscription("wait_for_signal", {static_cast<int>(numbers)...}));
}

/// These signals as they come, from this call until the generator is closed or dropped:
/// `auto reload = bide::signals(SIGHUP); while (auto number = co_await reload.next()) ...`. Never ends by itself. A signal
/// that comes again before it was taken is one signal, as for the system. The rest is as above. Python: none.
template <std::convertible_to<int>... Numbers>
    requires(sizeof...(Numbers) > 0)
[[nodiscard]] async_generator<int> signals(Numbers... numbers) {
    return detail::all_signals(detail::signal_subscription("signals", {static_cast<int>(numbers)...}));
}

/// Runs `body` as a task that SIGINT or SIGTERM (or the signals that are named) cancels, so that it can clean up:
/// `int main() { return bide::run(bide::until_signal(serve())) == 0 ? 0 : 1; }`. A second signal ends the loop at once,
/// with system_exit(128 + number), and from then on the signals have the action they had before.
/// Returns: the signal that cancelled it; 0 when it ended without one. Throws: what the body throws.
/// Cancellation: cancels the body. Python: none (asyncio.run does so for SIGINT).
[[nodiscard]] coro<int> until_signal(coro<void> body);
template <std::convertible_to<int>... Numbers>
    requires(sizeof...(Numbers) > 0)
[[nodiscard]] coro<int> until_signal(coro<void> body, Numbers... numbers) {
    return detail::run_until_signal(
        std::move(body), detail::signal_subscription("until_signal", {static_cast<int>(numbers)...}));
}

}  // namespace bide
