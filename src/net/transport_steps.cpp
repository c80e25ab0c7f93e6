// bide/net: the order in which every kind of transport calls its protocol.
#include "net/transport_steps.hpp"

namespace bide::detail {

const ready_ops transport_steps::step_ops{run, discard};

transport_steps::~transport_steps() = default;

void transport_steps::begin(future<void> made) {
    made_ = std::move(made);
    retain();
    queue();
}

void transport_steps::end() noexcept {
    ended_ = true;
    queue();
}

void transport_steps::leave() noexcept {
    const bool before = std::exchange(stage_, stage::lost) != stage::lost;
    drop_protocol();
    if (before && !queued_) release();
}

void transport_steps::queue() noexcept {
    if (std::exchange(queued_, true)) return;
    loop_.ready.push(node_);
}

void transport_steps::step() {
    queued_ = false;
    if (stage_ == stage::waiting) {
        stage_ = stage::connected;
        if (ended_) queue();
        const scope_guard tell([made = std::move(made_)]() noexcept {
            if (made && !made.done()) made.set_result();
        });
        return introduce();
    }
    const scope_guard leave([this]() noexcept {
        drop_protocol();
        release();
    });
    if (std::exchange(stage_, stage::lost) == stage::connected) lose();
}

// The loop closes: nobody is called any more, but the ring of protocol and transport is opened.
void transport_steps::discard(ready_node& node) noexcept {
    transport_steps& self = static_cast<step_node&>(node).steps;
    self.queued_ = false;
    self.stage_ = stage::lost;
    self.drop_protocol();
    self.release();
}

}  // namespace bide::detail
