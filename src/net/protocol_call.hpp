// bide/net: calls into a protocol.
#pragma once

#include <bide/detail/loop/loop_state.hpp>
#include <bide/error.hpp>

#include <exception>
#include <utility>

#include "loop/loop_core.hpp"

namespace bide::detail {

// The context variables that were set where a transport was made; its callbacks share them.
class protocol_context {
public:
    explicit protocol_context(const loop_state& loop) noexcept : data_(retain(loop.context)) {}
    ~protocol_context() { release(data_); }
    protocol_context(const protocol_context&) = delete;
    protocol_context& operator=(const protocol_context&) = delete;

private:
    friend class protocol_scope;
    context_data* data_;
    bool entered_ = false;
};

// A protocol runs as a callback does: outside any task, even where a task's write() calls it or a task of the
// library's own has received the bytes.
class protocol_scope {
public:
    protocol_scope(loop_state& loop, protocol_context& context) noexcept
        : loop_(loop), context_(context), task_(std::exchange(loop.current, nullptr)) {
        if (std::exchange(context.entered_, true)) return;
        before_ = std::exchange(loop.context, std::exchange(context.data_, nullptr));
        outermost_ = true;
    }
    ~protocol_scope() {
        loop_.current = task_;
        if (!outermost_) return;
        context_.data_ = std::exchange(loop_.context, before_);
        context_.entered_ = false;
    }
    protocol_scope(const protocol_scope&) = delete;
    protocol_scope& operator=(const protocol_scope&) = delete;

private:
    loop_state& loop_;
    protocol_context& context_;
    task_base* task_;
    context_data* before_ = nullptr;
    bool outermost_ = false;
};

// Calls fn; when it throws, calls failed(error) and reports, with `message`. keyboard_interrupt and system_exit go on
// their way instead of being reported. False when it threw.
template <class F, class G>
bool call_protocol(loop_state& loop, protocol_context& context, const char* message, F fn, G failed) {
    std::exception_ptr error;
    {
        const protocol_scope scope(loop, context);
        try {
            fn();
            return true;
        } catch (const keyboard_interrupt&) {
            failed(std::current_exception());
            throw;
        } catch (const system_exit&) {
            failed(std::current_exception());
            throw;
        } catch (...) { error = std::current_exception(); }
    }
    failed(error);
    report(static_cast<loop_core&>(loop), {message, error, {}, {}});
    return false;
}

}  // namespace bide::detail
