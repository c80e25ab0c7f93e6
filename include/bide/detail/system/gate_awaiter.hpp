// bide/system: waits for a process_lock, or for a place of a process_semaphore.
#pragma once

#include <bide/awaitable.hpp>
#include <bide/detail/core/wait.hpp>

#include <coroutine>

namespace bide::detail {

class process_gate;  // src/system/process_gate.hpp

class gate_awaiter : public awaitable_tag, public wait {
public:
    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> frame);

protected:
    friend process_gate;

    explicit gate_awaiter(process_gate& gate) noexcept : wait{nullptr}, gate_(&gate) {}
    // Throws the cancellation, after it has passed on what it was granted.
    void end() const {
        if (kind != nullptr) end_waiting();
    }

    process_gate* gate_;

private:
    void end_waiting() const;
};

}  // namespace bide::detail
