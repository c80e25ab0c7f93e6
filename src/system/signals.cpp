// bide/system: wait for signals, and end gracefully on one.
#include <bide/signals.hpp>

#include <bide/error.hpp>
#include <bide/task.hpp>

#include <csignal>
#include <cstring>
#include <utility>

#include "system/signal_hub.hpp"
#include "system/system_services.hpp"

namespace bide {

namespace detail {

signal_subscription::signal_subscription(const char* call, std::initializer_list<int> numbers)
    : listener_(std::make_unique<signal_listener>()) {
    listener_->numbers = numbers;
    running_system_services(call).signals.add(*listener_);
}

signal_subscription::signal_subscription(signal_subscription&& other) noexcept = default;
signal_subscription::~signal_subscription() { stop(); }

void signal_subscription::stop() noexcept {
    if (listener_ && listener_->hub != nullptr) listener_->hub->remove(*listener_);
}

coro<int> signal_subscription::next() {
    signal_listener& listener = *listener_;
    while (listener.arrived.empty()) {
        listener.some_arrived.clear();
        co_await listener.some_arrived.wait();
    }
    const int number = listener.arrived.front();
    listener.arrived.erase(listener.arrived.begin());
    co_return number;
}

void signal_subscription::on_signal(move_only_function<void(int)> fn) { listener_->fn = std::move(fn); }

// In all of these: the parameter lasts as long as the frame, which may be to the end of the full expression that awaits
// it; the local ends with the body.

coro<int> next_signal(signal_subscription from) {
    signal_subscription listening = std::move(from);
    const int number = co_await listening.next();
    co_return number;
}

async_generator<int> all_signals(signal_subscription from) {
    signal_subscription listening = std::move(from);
    for (;;) {
        const int number = co_await listening.next();
        co_yield number;
    }
}

coro<int> run_until_signal(coro<void> body, signal_subscription from) {
    int came = 0;
    task<void> main = create_task(std::move(body));
    signal_subscription listening = std::move(from);  // ends before what its function refers to
    listening.on_signal([&](int number) {
        if (came == 0) {
            came = number;
            main.cancel("signal " + std::to_string(number));
            return;
        }
        listening.stop();
        throw system_exit(128 + number);
    });
    try {
        co_await main;
    } catch (const cancelled_error&) {
        if (came == 0 || current_task().cancelling() != 0) throw;
    }
    co_return came;
}

}  // namespace detail

// A coroutine itself, so that it listens when it starts and not when it is called: `run(until_signal(serve()))` calls it
// before there is a loop.
coro<int> until_signal(coro<void> body) {
    coro<int> listening = until_signal(std::move(body), SIGINT, SIGTERM);
    const int number = co_await std::move(listening);
    co_return number;
}

}  // namespace bide
