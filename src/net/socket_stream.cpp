// bide/net: a byte stream over a connected socket.
//
// Reading is what socket_receiver does; a task waits for its operation, or a node of this stream where it reads for a
// sink.
//
// Writing. Bytes wait in `pending`; one operation at a time carries `sending` to the kernel, so order is kept and the
// buffer that the kernel owns never moves. When nothing waits, the bytes go to the backend, which sends them at once, out
// of the caller's memory, or holds a little until the turn ends; only what did not go is copied here.
#include "net/socket_stream.hpp"

#include <bide/detail/base/scope_guard.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>
#include <bide/future.hpp>

#include <cerrno>
#include <memory>
#include <span>
#include <system_error>

#include "loop/loop_core.hpp"
#include "net/native_address.hpp"
#include "net/share_of_turn.hpp"
#include "net/socket_receiver.hpp"
#include "os/sock.hpp"

namespace bide::detail {

namespace {

class socket_stream final : public stream_core, send_owner {
public:
    socket_stream(loop_state& loop, int fd, bool unix_socket) noexcept
        : stream_core(loop), fd_(fd), receiver_(unix_socket) {}

    coro<std::size_t> receive(std::string& into, std::size_t most) override {
        received_piece piece;
        const stream_ref hold(self());  // and with it the buffer that the kernel fills
        if (fd_ >= 0 && receiver_.more_likely()) piece = receiver_.take_now(system(), fd_, most);
        if (fd_ >= 0 && piece.bytes.empty()) {
            begin_waiting(most);
            co_await operation_awaiter(awaited_);
            piece = collect();
        }
        into.append(piece.bytes);
        co_return piece.bytes.size();
    }

    receive_start begin_receive(receive_buffer& into, std::size_t most) override {
        if (fd_ < 0) return {.done = true};
        if (receiver_.more_likely()) {
            received_piece piece = receiver_.take_now(system(), fd_, most);
            const std::size_t count = piece.bytes.size();
            if (count > 0) {
                piece.append_to(into);
                return {.done = true, .count = count};
            }
        }
        begin_waiting(most);
        return {.operation = &awaited_};
    }

    std::size_t end_receive(receive_buffer& into) override {
        if (fd_ >= 0) {
            const std::size_t little = receiver_.take_little(system(), awaited_.request, into);
            if (little > 0) return little;
        }
        received_piece piece = collect();
        const std::size_t count = piece.bytes.size();
        if (count > 0) piece.append_to(into);
        return count;
    }

    void start_receiving() override {
        if (fd_ < 0) return;
        if (!input_) input_ = std::make_unique<input_operation>(*this);
        input_->wanted = true;
        if (input_->in_flight) return;
        input_->in_flight = true;
        retain();
        if (input_->kept) return make_ready(*input_, *loop_);
        submit_input();
    }
    // What is in flight goes on, so that pausing costs nothing; what it brings is kept.
    void stop_receiving() noexcept override {
        if (input_) input_->wanted = false;
    }
    coro<std::string> end_receiving() override {
        std::string kept;
        if (!input_) co_return kept;
        input_->wanted = false;
        if (input_->in_flight) {
            const stream_ref hold(self());
            input_->back = create_future<void>();
            static_cast<loop_core*>(loop_)->os->cancel(*input_);
            const future<void> back = input_->back;
            co_await back;
        }
        op_request& done = input_->operation;
        if (!std::exchange(input_->kept, false)) co_return kept;
        if (done.result < 0) receiver_.keep_error(-done.result);
        if (done.result > 0 && done.args.data != nullptr) {
            const received_piece piece =
                receiver_.collect(system(), done, static_cast<std::size_t>(done.result));
            kept = piece.bytes;
        }
        co_return kept;
    }

    void send(std::string_view bytes) override {
        if (closing_ || eof_asked_ || bytes.empty()) return;
        has_sent_ = true;
        if (known_unsent() == 0) {
            const bool others_follow = !shared_ && static_cast<loop_core*>(loop_)->others_follow();
            const std::ptrdiff_t sent = system().send_now(fd_, bytes, *this, others_follow);
            if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
            if (sent < 0 && sent != -EAGAIN) return fail(static_cast<int>(-sent));
            if (error_) return;  // of bytes before these
            if (bytes.empty()) return note_sent();
        }
        if (!output_) output_ = std::make_unique<output_operation>(*this);
        output_->pending.append(bytes);
        if (!output_->in_flight) start_sending();
        update_pause();
    }

    void send_eof() override {
        if (closing_ || eof_asked_) return;
        eof_asked_ = true;
        send_held();
        if (known_unsent() == 0) half_close();
    }
    [[nodiscard]] bool can_send_eof() const noexcept override { return true; }

    void close() override {
        if (closing_) return;
        set_closing();
        send_held();
        if (known_unsent() == 0) finish_regular_close();
    }

    void abort() noexcept override {
        set_closing();
        send_held();
        if (output_) output_->pending.clear();
        finish_close(nullptr);
    }

    [[nodiscard]] std::size_t unsent() const noexcept override {
        send_held();
        return known_unsent();
    }
    [[nodiscard]] std::size_t known_unsent() const noexcept override {
        if (fd_ < 0 || !output_) return 0;  // what the kernel still holds is not ours any more
        return output_->pending.size() + output_->sending.size() - output_->sent;
    }

    [[nodiscard]] std::string extra_info(std::string_view name) const override {
        if (name == "peername") return peer_name();
        if (name == "sockname") return own_name();
        if (name == "socket" && fd_ >= 0) return std::to_string(descriptor());
        return {};
    }
    // Whoever asks may send on it, now and later.
    [[nodiscard]] int descriptor() const noexcept override {
        send_held();
        shared_ = true;
        return fd_;
    }

private:
    // What waits to be sent, and the operation that carries a part of it. Made when the kernel has no room, gone when all
    // is sent. Holds a reference to the stream while it is in flight.
    struct output_operation : timer_node {
        explicit output_operation(socket_stream& s) noexcept : timer_node{}, stream(s) { ops = &table; }
        socket_stream& stream;
        op_request operation{.kind = &send_op, .args = {}};
        std::string pending;
        std::string sending;  // the kernel uses it
        std::size_t sent = 0;
        bool in_flight = false;

        static void run(ready_node& node) {
            auto& self = static_cast<output_operation&>(node);
            socket_stream& stream = self.stream;
            self.in_flight = false;
            stream.sent(self.operation.result);
            stream.release();
        }
        static void discard(ready_node& node) noexcept {
            socket_stream& stream = static_cast<output_operation&>(node).stream;
            stream.output_.reset();
            stream.release();
        }
        static constexpr ready_ops table{run, discard};
    };

    // The read for the sink; made when it is first needed. Holds a reference to the stream while it is in flight.
    struct input_operation : timer_node {
        explicit input_operation(socket_stream& s) noexcept : timer_node{}, stream(s) { ops = &table; }
        socket_stream& stream;
        op_request operation{.kind = &recv_op, .args = {}};
        bool in_flight = false;  // or about to run, or running
        bool wanted = false;
        bool kept = false;  // came back when it was not wanted
        future<void> back;  // of who waits for it to come back

        static void run(ready_node& node) {
            auto& self = static_cast<input_operation&>(node);
            const scope_guard leave([&self]() noexcept { self.stream.release(); });
            self.stream.received();
        }
        static void discard(ready_node& node) noexcept {
            auto& self = static_cast<input_operation&>(node);
            self.in_flight = false;
            self.stream.give_back(self.operation);
            self.stream.release();
        }
        static constexpr ready_ops table{run, discard};
    };

    void submit_input() noexcept {
        receiver_.prepare(input_->operation, fd_, share_of_turn);
        input_->request = &input_->operation;
        static_cast<loop_core*>(loop_)->submit(*input_);
    }

    // The read for the sink has come back, or what it brought is wanted now.
    void received() {
        input_operation& input = *input_;
        const int result = input.operation.result;
        // Only then: a sink that asks for more while it is shown bytes must not have them overwritten.
        const scope_guard go_on([&]() noexcept {
            input.in_flight = input.wanted && fd_ >= 0;
            if (!input.in_flight) return;
            retain();
            submit_input();
        });
        if (input.back) {
            const future<void> back = std::exchange(input.back, future<void>());
            if (!back.done()) back.set_result();
        }
        if (fd_ < 0) return give_back(input.operation);
        input.kept = result != -ECANCELED && !input.wanted;
        if (input.wanted && result != -ECANCELED) deliver(result);
    }

    void deliver(int result) {
        received_piece piece;
        piece.error = result < 0 ? -result : 0;
        if (result > 0) {
            const std::span<char> room = sink_->room();
            if (fd_ < 0) return give_back(input_->operation);
            piece = receiver_.collect(system(), input_->operation, share_of_turn, room);
        }
        if (!piece.bytes.empty()) return sink_->received(piece.bytes);
        input_->wanted = false;
        sink_->receive_ended(piece.error == 0 ? nullptr : failure(piece.error, "receive from"));
    }

    // From here on everything that was given to send() is with the kernel, or known_unsent(), or lost with error(). The
    // loop may be gone when the descriptor is.
    void send_held() const noexcept {
        if (fd_ >= 0 && system().holds_sends()) system().send_held();
    }
    void note_sent() {
        if (output_ || marks().high < backend::most_held) update_pause();
    }
    // What was sent is not, and goes on in a turn of its own.
    void not_sent(std::string_view rest, int error) noexcept override {
        if (error != 0) set_error(failure(reason_of(error), "send to"));
        output_ = std::make_unique<output_operation>(*this);
        output_->pending = rest;
        output_->operation.result = -error;
        output_->in_flight = true;
        retain();
        make_ready(*output_, *loop_);
    }

    [[nodiscard]] backend& system() const noexcept { return *static_cast<loop_core*>(loop_)->os; }

    void destroy() noexcept override {
        if (fd_ >= 0) {
            retain();  // what there is no room for is sent in the background
            send_held();
            if (--refs_ != 0) return;
            finish_regular_close();
        }
        delete this;
    }

    void begin_waiting(std::size_t most) noexcept {
        most_ = most;
        receiver_.prepare(awaited_.request, fd_, most);
    }

    // Nobody wants what the operation has brought.
    void give_back(op_request& done) const noexcept {
        system().give_back(std::exchange(done.args.data, nullptr));
    }

    // What the operation that a task has awaited brought. Throws what receive() does.
    received_piece collect() {
        op_request& done = awaited_.request;
        received_piece piece;
        if (fd_ < 0) {  // closed by its own side meanwhile
            give_back(done);
            return piece;
        }
        if (done.result < 0) {
            task_base& task = running_task();
            if (ended_by_cancel(task, done)) throw_cancelled(task);
            piece.error = -done.result;
        } else {
            piece = receiver_.collect(system(), done, most_);
        }
        if (piece.error != 0) std::rethrow_exception(failure(piece.error, "receive from"));
        return piece;
    }

    void start_sending() noexcept {
        output_->sent = 0;
        output_->sending.clear();
        output_->sending.swap(output_->pending);
        submit_output();
    }

    void submit_output() noexcept {
        op_args& args = output_->operation.args;
        args.fd = fd_;
        args.data = output_->sending.data() + output_->sent;
        args.size = output_->sending.size() - output_->sent;
        output_->request = &output_->operation;
        output_->in_flight = true;
        retain();
        static_cast<loop_core*>(loop_)->submit(*output_);
    }

    // The operation has come back.
    void sent(int result) {
        if (fd_ < 0) return output_.reset();
        if (result < 0) return fail(-result);
        output_->sent += static_cast<std::size_t>(result);
        if (output_->sent < output_->sending.size()) {
            submit_output();
        } else if (!output_->pending.empty()) {
            start_sending();
        } else {
            output_.reset();
        }
        update_pause();  // whose call may write, half-close or close
        if (known_unsent() != 0) return;
        if (eof_asked_ && !closing_) half_close();
        if (closing_) finish_regular_close();
    }

    // The peer is gone: what waits to be sent cannot be; who drains or waits for the close learns why.
    void fail(int error) {
        output_.reset();
        set_error(failure(reason_of(error), "send to"));
        finish_close(nullptr);
    }

    // A receive that nobody wants has been told why.
    [[nodiscard]] int reason_of(int error) const noexcept {
        const bool told = error == EPIPE && input_ && input_->kept && input_->operation.result < 0;
        return told ? -input_->operation.result : error;
    }

    void half_close() noexcept { sys::shut_down_socket(fd_, 1 /* SHUT_WR */); }

    // Bytes that nobody has read would make it a reset, and the peer could lose what was sent to it. Where nothing was,
    // they may be for another process, which has the socket as well.
    void finish_regular_close() noexcept { finish_close(nullptr, has_sent_ ? share_of_turn : 0); }

    void finish_close(std::exception_ptr error, std::size_t discards = 0) noexcept {
        if (fd_ >= 0) {
            if (input_ && input_->kept) give_back(input_->operation);
            loop_->loop->forget(fd_);
            if (discards != 0 && !receiver_.ended() && !system().inherited())
                sys::discard_received(fd_, discards);
            sys::close_descriptor(std::exchange(fd_, -1));
        }
        set_closed(std::move(error));
    }

    // A peer that has reset the connection has no name any more.
    [[nodiscard]] std::exception_ptr failure(int error, const char* what) const {
        std::string peer = peer_name();
        const std::string own = peer.empty() ? own_name() : std::string();
        if (peer.empty()) peer = own.empty() ? "socket" : "the peer of " + own;
        return std::make_exception_ptr(
            std::system_error(error, std::generic_category(), std::string(what) + " " + peer));
    }

    // Empty where there is none.
    [[nodiscard]] std::string peer_name() const { return text_of(peer_address_of(fd_)); }
    [[nodiscard]] std::string own_name() const { return text_of(local_address_of(fd_)); }
    [[nodiscard]] static std::string text_of(const address& name) {
        return name.native_size() == 0 ? std::string() : name.to_string();
    }

    int fd_;
    bool has_sent_ = false;
    mutable bool shared_ = false;
    socket_receiver receiver_;
    std::size_t most_ = 0;  // wanted by the task that waits
    io_wait_state awaited_{{&io_wait}, {.kind = &recv_op, .args = {}}};
    std::unique_ptr<output_operation> output_;
    std::unique_ptr<input_operation> input_;
};

}  // namespace

stream_core* make_socket_stream(loop_state& loop, int fd, bool unix_socket) {
    return new socket_stream(loop, fd, unix_socket);
}

}  // namespace bide::detail
