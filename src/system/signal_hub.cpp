// bide/system: several tasks of a loop that listen to the same signals.
#include "system/signal_hub.hpp"

#include <bide/loop.hpp>

#include <algorithm>

namespace bide::detail {

namespace {

signal_listener& listener_of(ring_link& link) noexcept { return static_cast<signal_listener&>(link); }

bool holds(const std::vector<int>& all, int number) noexcept {
    return std::find(all.begin(), all.end(), number) != all.end();
}

}  // namespace

signal_hub::~signal_hub() {
    while (listeners_.after != &listeners_) {
        signal_listener& listener = listener_of(*listeners_.after);
        listener.unlink();
        listener.hub = nullptr;
    }
}

bool signal_hub::heard(int number) const noexcept {
    for (ring_link* each = listeners_.after; each != &listeners_; each = each->after) {
        if (holds(listener_of(*each).numbers, number)) return true;
    }
    return false;
}

void signal_hub::add(signal_listener& listener) {
    const std::vector<int> wanted = std::exchange(listener.numbers, {});
    listener.insert_before(listeners_);
    listener.hub = this;
    try {
        for (const int number : wanted) {
            if (!heard(number)) loop_.add_signal_handler(number, [this, number] { arrived(number); });
            listener.numbers.push_back(number);
        }
    } catch (...) {
        remove(listener);
        throw;
    }
}

void signal_hub::remove(signal_listener& listener) noexcept {
    listener.unlink();
    listener.hub = nullptr;
    for (const int number : listener.numbers) {
        if (!heard(number)) loop_.remove_signal_handler(number);
    }
}

// A listener's function may end its own listening, or throw; those that come after it are told first.
void signal_hub::arrived(int number) {
    std::vector<signal_listener*> callees;
    for (ring_link* each = listeners_.after; each != &listeners_; each = each->after) {
        signal_listener& listener = listener_of(*each);
        if (!holds(listener.numbers, number)) continue;
        if (listener.fn) {
            callees.push_back(&listener);
        } else if (!holds(listener.arrived, number)) {
            listener.arrived.push_back(number);
            listener.some_arrived.set();
        }
    }
    for (signal_listener* const each : callees) each->fn(number);
}

}  // namespace bide::detail
