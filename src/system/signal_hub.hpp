// bide/system: several tasks of a loop that listen to the same signals.
#pragma once

#include <bide/detail/base/move_only_function.hpp>
#include <bide/detail/loop/loop_state.hpp>
#include <bide/event.hpp>

#include <cstdint>
#include <vector>

namespace bide {
class event_loop;
}

namespace bide::detail {

class signal_hub;

struct signal_listener : ring_link {
    signal_hub* hub = nullptr;  // null once the loop has closed
    std::vector<int> numbers;   // it listens to
    std::vector<int> arrived;   // and were not taken; each once
    event some_arrived;
    move_only_function<void(int)> fn;  // called in place of that
};

// While anybody listens to a signal, this is the loop's handler for it.
class signal_hub {
public:
    explicit signal_hub(event_loop& loop) noexcept : loop_(loop) {}
    ~signal_hub();
    signal_hub(const signal_hub&) = delete;
    signal_hub& operator=(const signal_hub&) = delete;

    // Throws what add_signal_handler() throws; nothing is listened to then.
    void add(signal_listener& listener);
    void remove(signal_listener& listener) noexcept;

private:
    [[nodiscard]] bool heard(int number) const noexcept;
    void arrived(int number);

    event_loop& loop_;
    ring_link listeners_;
};

}  // namespace bide::detail
