// bide/net: receives for a stream's sink where the kind of stream has no better way: a task of the library's own.
#include "net/receive_pump.hpp"

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/until_done.hpp>
#include <bide/error.hpp>
#include <bide/sleep.hpp>

#include <chrono>
#include <utility>

#include "net/share_of_turn.hpp"
#include "net/stream_core.hpp"

namespace bide::detail {

namespace {
constexpr std::size_t keep_capacity = 4 * 1024;  // of the buffer of an idle connection
}  // namespace

void receive_pump::start() {
    wanted_ = true;
    if (running_) return;
    stream_.retain();
    const stream_ref hold(&stream_);
    task_ = make_internal_task(stream_.loop(), run(hold, *this));
    running_ = true;
}

// Bytes are delivered in the turn in which they came; before the next ones are asked for, others have theirs.
coro<void> receive_pump::run(stream_ref stream, receive_pump& self) {
    const scope_guard leave([&self]() noexcept { self.running_ = false; });
    while (self.wanted_) {
        if (self.bytes_.empty() && !self.ended_) {
            try {
                const std::size_t count = co_await stream->receive(self.bytes_, share_of_turn);
                self.ended_ = count == 0;
            } catch (const base_exception&) { throw; } catch (...) {
                self.error_ = std::current_exception();
                self.ended_ = true;
            }
        }
        if (self.wanted_) self.deliver();
        if (self.wanted_) co_await sleep(std::chrono::seconds(0));
    }
}

void receive_pump::deliver() {
    stream_sink* const sink = stream_.sink();
    if (sink == nullptr) {
        wanted_ = false;
        return;
    }
    if (!bytes_.empty()) {
        std::string bytes = std::exchange(bytes_, std::string());
        sink->received(bytes);
        if (bytes.capacity() > keep_capacity || !bytes_.empty()) return;
        bytes.clear();
        bytes_ = std::move(bytes);
    } else if (ended_) {
        wanted_ = false;
        sink->receive_ended(error_);
    }
}

coro<std::string> receive_pump::end() {
    std::string kept;
    wanted_ = false;
    if (running_) {
        const task<void> running = task_;
        running.cancel();
        co_await until_done(running.core());
    }
    kept = std::exchange(bytes_, std::string());
    co_return kept;
}

}  // namespace bide::detail
