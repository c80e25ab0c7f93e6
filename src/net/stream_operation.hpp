// bide/net: an operation that a stream has in flight without a task.
#pragma once

#include <bide/detail/base/node.hpp>
#include <bide/detail/os/op.hpp>

#include "loop/loop_core.hpp"
#include "net/stream_core.hpp"

namespace bide::detail {

// A member of the stream `Owner`, which it keeps alive while it is in flight. When it comes back, `Done` is called with
// the result; `Lost` when the loop closes first.
template <class Owner, void (Owner::*Done)(int), void (Owner::*Lost)() noexcept>
class stream_operation : timer_node {
public:
    explicit stream_operation(Owner& owner) noexcept : timer_node{}, owner_(owner) { ops = &table; }

    [[nodiscard]] bool in_flight() const noexcept { return in_flight_; }

    void start(const op_kind& kind, const op_args& args) noexcept {
        operation_ = op_request{.kind = &kind, .args = args};
        request = &operation_;
        in_flight_ = true;
        owner_.retain();
        static_cast<loop_core&>(owner_.loop()).submit(*this);
    }

private:
    static void run(ready_node& node) {
        auto& self = static_cast<stream_operation&>(node);
        Owner& owner = self.owner_;
        self.in_flight_ = false;
        (owner.*Done)(self.operation_.result);
        owner.release();
    }
    static void discard(ready_node& node) noexcept {
        auto& self = static_cast<stream_operation&>(node);
        Owner& owner = self.owner_;
        self.in_flight_ = false;
        (owner.*Lost)();
        owner.release();
    }
    static constexpr ready_ops table{run, discard};

    Owner& owner_;
    op_request operation_{};
    bool in_flight_ = false;
};

}  // namespace bide::detail
