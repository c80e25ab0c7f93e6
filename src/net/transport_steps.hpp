// bide/net: the order in which every kind of transport calls its protocol.
#pragma once

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/loop/loop_state.hpp>
#include <bide/future.hpp>

#include <cstdint>
#include <exception>
#include <utility>

#include "net/protocol_call.hpp"

namespace bide::detail {

// Counted: one reference of the loop from begin() until connection_lost() was called, one of each handle and of each
// operation in flight.
//
// The order follows from one node: the turn that it is queued for calls connection_made() and then begins to read;
// when the connection is closed it is queued once more, for connection_lost(). So neither is called inside the call
// that causes it, and they cannot change places even where the ready queue is shuffled.
class transport_steps {
public:
    transport_steps(const transport_steps&) = delete;
    transport_steps& operator=(const transport_steps&) = delete;

    void retain() noexcept { ++refs_; }
    void release() noexcept {
        if (--refs_ == 0) delete this;
    }

    // connection_made() in a later turn; then `made` is set, where it is given.
    void begin(future<void> made);

protected:
    enum class stage : std::uint8_t { waiting, connected, lost };

    explicit transport_steps(loop_state& loop) noexcept : loop_(loop), context_(loop), node_(*this) {}
    virtual ~transport_steps();

    virtual void introduce() = 0;
    virtual void lose() = 0;
    // Nobody is to be called any more.
    virtual void drop_protocol() noexcept = 0;

    // The connection is closed: connection_lost() in a later turn.
    void end() noexcept;
    // As if connection_lost() had been called.
    void leave() noexcept;
    [[nodiscard]] stage at() const noexcept { return stage_; }

    // A call whose failure is reported and changes nothing.
    template <class F>
    void call(const char* message, F fn) {
        call_protocol(loop_, context_, message, fn, [](const std::exception_ptr&) {});
    }

    loop_state& loop_;
    protocol_context context_;

private:
    struct step_node : ready_node {
        explicit step_node(transport_steps& of) noexcept : ready_node{&step_ops}, steps(of) {}
        transport_steps& steps;
    };
    static void run(ready_node& node) { static_cast<step_node&>(node).steps.step(); }
    static void discard(ready_node& node) noexcept;
    static const ready_ops step_ops;

    void step();
    void queue() noexcept;

    std::uint32_t refs_ = 1;
    stage stage_ = stage::waiting;
    bool queued_ = false;
    bool ended_ = false;
    step_node node_;
    future<void> made_;
};

}  // namespace bide::detail
