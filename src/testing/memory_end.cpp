// bide/testing: one end of a stream in memory.
//
// Bytes go from the writer's buffer to the wire in the turn after they were written, as far as it has room, and from
// there to whoever receives, piece by piece. Nothing is done inside the call that causes it, as with sockets.
#include "testing/memory_end.hpp"

#include <bide/error.hpp>
#include <bide/loop.hpp>

#include <algorithm>
#include <system_error>
#include <utility>

namespace bide::testing::detail {

using bide::detail::awaitable_tag;
using bide::detail::cancel_outcome;
using bide::detail::loop_state;
using bide::detail::stream_core;
using bide::detail::stream_ref;
using bide::detail::task_base;
using bide::detail::wait;
using bide::detail::wait_kind;
using bide::detail::wait_list;
using bide::detail::wait_node;

namespace {

std::exception_ptr failure(int error, const char* what, const std::string& peer) {
    return std::make_exception_ptr(
        std::system_error(error, std::generic_category(), std::string(what) + " " + peer));
}

}  // namespace

class memory_end final : public stream_core {
public:
    memory_end(loop_state& loop, std::shared_ptr<memory_wires> wires, int number, memory_options options,
               std::string name)
        : stream_core(loop),
          wires_(std::move(wires)),
          in_(wires_->to[number]),
          out_(wires_->to[1 - number]),
          options_(std::move(options)),
          name_(std::move(name)) {
        in_.receiver = this;
        in_.capacity = options_.capacity();
        piece_left_ = next_piece();
    }

    coro<std::size_t> receive(std::string& into, std::size_t most) override;

    void send(std::string_view bytes) override {
        if (closing_ || eof_asked_ || bytes.empty()) return;
        pending_.append(bytes);
        pump_later();
        update_pause();
    }

    void send_eof() override {
        if (closing_ || eof_asked_) return;
        eof_asked_ = true;
        pump_later();
    }
    [[nodiscard]] bool can_send_eof() const noexcept override { return options_.half_close(); }

    void close() override {
        if (closing_) return;
        set_closing();
        if (pending_.empty()) finish_close();
    }
    void abort() noexcept override {
        set_closing();
        finish_close();
    }

    [[nodiscard]] std::size_t unsent() const noexcept override { return pending_.size(); }
    [[nodiscard]] std::string extra_info(std::string_view name) const override {
        return name == "peername" || name == "sockname" ? name_ : std::string();
    }

    // Something has happened to what comes in.
    void changed() noexcept {
        while (wait_node* const node = receivers_.pop_front()) make_ready(*node, *loop_);
    }
    // The other end takes no more.
    void refused() noexcept {
        if (!pending_.empty()) fail(out_.refused);
    }
    // There is room on the way out again.
    void has_room() {
        if (!pending_.empty()) pump_later();
    }
    void note_arrival() noexcept { due_ = loop_->loop->time() + options_.delay(); }

private:
    class arrival;
    struct arrival_state : wait {
        memory_end* end;
    };
    static cancel_outcome cancel(wait& what, task_base& task) noexcept {
        if (!task.linked()) return cancel_outcome::too_late;
        static_cast<arrival_state&>(what).end->receivers_.remove(task);
        return cancel_outcome::withdrawn;
    }
    static void detach(wait& what, task_base& task) noexcept {
        if (task.linked()) static_cast<arrival_state&>(what).end->receivers_.remove(task);
    }
    static constexpr wait_kind arrival_wait{"read from memory", cancel, detach};

    void destroy() noexcept override {
        finish_close();
        delete this;
    }

    std::size_t next_piece() noexcept {
        if (options_.pieces().empty()) return SIZE_MAX;
        return std::max<std::size_t>(options_.pieces()[piece_++ % options_.pieces().size()], 1);
    }

    [[nodiscard]] bool at_end() const noexcept {
        return closed_ || (in_.size() == 0 && in_.ended && !wires_->held);
    }

    // What has arrived. Throws the failure that is next.
    std::size_t take(std::string& into, std::size_t most) {
        if (closed_) return 0;
        if (wires_->held) return 0;
        if (in_.size() == 0) {
            if (in_.failure != 0) std::rethrow_exception(failure(in_.failure, "receive from", name_));
            return 0;
        }
        if (loop_->loop->time() < due_) return 0;
        std::size_t count = std::min({most, piece_left_, in_.size()});
        if (const auto bad = options_.fail_receiving_at()) {
            if (received_ >= *bad)
                std::rethrow_exception(failure(options_.receiving_error(), "receive from", name_));
            count = std::min(count, *bad - received_);
        }
        into.append(in_.bytes, in_.head, count);
        in_.head += count;
        received_ += count;
        if (in_.size() == 0) in_.clear();
        piece_left_ -= count;
        if (piece_left_ == 0 || (options_.pieces().empty() && in_.size() == 0)) {
            piece_left_ = next_piece();
            due_ += options_.delay();
        }
        if (out_.receiver != nullptr) out_.receiver->has_room();
        return count;
    }

    // Looks again when the next piece is due.
    void wait_for_piece() {
        if (in_.size() == 0 || wires_->held) return;
        timer_.cancel();
        timer_ = loop_->loop->call_at(due_, [this] { changed(); });
    }

    void pump_later() {
        if (std::exchange(pump_queued_, true)) return;
        loop_->loop->call_soon([this, hold = self()] { pump(); });
    }

    void pump() {
        pump_queued_ = false;
        if (closed_) return;
        if (out_.refused != 0 && !pending_.empty()) return fail(out_.refused);
        std::size_t count = std::min(pending_.size(), out_.capacity - std::min(out_.capacity, out_.size()));
        const auto bad = options_.fail_sending_at();
        if (bad) count = std::min(count, *bad - std::min(*bad, sent_));
        if (count != 0) {
            if (out_.size() == 0 && out_.receiver != nullptr) out_.receiver->note_arrival();
            out_.bytes.erase(0, std::exchange(out_.head, 0));
            out_.bytes.append(pending_, 0, count);
            pending_.erase(0, count);
            sent_ += count;
        }
        if (bad && sent_ >= *bad && !pending_.empty()) return fail(options_.sending_error());
        if (pending_.empty() && eof_asked_) out_.ended = true;
        if (out_.receiver != nullptr) out_.receiver->changed();
        update_pause();  // whose call may write or close
        if (pending_.empty() && closing_) finish_close();
    }

    void fail(int error) noexcept {
        set_error(failure(error, "send to", name_));
        finish_close();
    }

    void finish_close() noexcept {
        if (closed_) return;
        timer_.cancel();
        pending_.clear();
        const bool unread = in_.size() != 0;
        in_.clear();
        in_.receiver = nullptr;
        if (in_.refused == 0) in_.refused = EPIPE;
        if (unread && out_.failure == 0) {
            out_.failure = ECONNRESET;
        } else {
            out_.ended = true;
        }
        const stream_ref peer = out_.receiver == nullptr ? stream_ref() : out_.receiver->self();
        set_closed(nullptr);
        changed();
        if (out_.receiver != nullptr) out_.receiver->changed();
        if (out_.receiver != nullptr) out_.receiver->refused();
    }

    std::shared_ptr<memory_wires> wires_;
    memory_wire& in_;
    memory_wire& out_;
    memory_options options_;
    std::string name_;
    std::string pending_;
    wait_list receivers_;
    timer_handle timer_;
    time_point due_{};
    std::size_t piece_ = 0;
    std::size_t piece_left_;
    std::size_t received_ = 0;
    std::size_t sent_ = 0;
    bool pump_queued_ = false;
};

class memory_end::arrival : public awaitable_tag {
public:
    explicit arrival(memory_end& end) noexcept : state_{{&arrival_wait}, &end} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame) {
        task_base& task = bide::detail::running_task();
        state_.end->wait_for_piece();
        state_.end->receivers_.push_back(task);
        begin_wait(task, state_, frame);
    }
    void await_resume() const { end_wait(bide::detail::running_task()); }

private:
    arrival_state state_;
};

coro<std::size_t> memory_end::receive(std::string& into, std::size_t most) {
    std::size_t count = 0;
    const stream_ref hold(self());
    for (;;) {
        count = take(into, most);
        if (count != 0 || at_end()) co_return count;
        co_await arrival(*this);
    }
}

stream_ref make_memory_end(loop_state& loop, std::shared_ptr<memory_wires> wires, int number,
                           memory_options options, std::string name) {
    return stream_ref(new memory_end(loop, std::move(wires), number, std::move(options), std::move(name)));
}

void memory_end_changed(memory_end& end) noexcept { end.changed(); }
void memory_end_refused(memory_end& end) noexcept { end.refused(); }

}  // namespace bide::testing::detail
