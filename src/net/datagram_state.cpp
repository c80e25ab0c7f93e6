// bide/net: what is behind a datagram_transport: a socket, a queue and a protocol.
#include "net/datagram_state.hpp"

#include <bide/error.hpp>
#include <bide/time.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "loop/loop_core.hpp"

namespace bide::detail {

namespace {
constexpr std::size_t largest = 256 * 1024;  // as asyncio's; pages that no datagram reaches are never touched
constexpr std::size_t overhead = 8;          // of a queued datagram, against the water marks

// The other end of a unix socket has no room. Unless it is connected, the system offers no way to wait for that, so it
// is tried again after pauses that grow from 1 to 64 ms.
bool is_full(const address& to, int result) noexcept {
    return to.family() == address_family::local && result == -ENOBUFS;
}
constexpr std::int64_t first_pause = to_ns(std::chrono::milliseconds(1));
constexpr std::int64_t longest_pause = 64 * first_pause;
}  // namespace

void retain(datagram_state& state) noexcept { state.retain(); }
void release(datagram_state& state) noexcept { state.release(); }

const ready_ops datagram_state::input_ops{
    [](ready_node& node) { come_back(node, [](datagram_state& self) { self.received(); }); },
    [](ready_node& node) noexcept { come_back(node, [](datagram_state&) {}); }};
const ready_ops datagram_state::output_ops{
    [](ready_node& node) { come_back(node, [](datagram_state& self) { self.sent(); }); },
    [](ready_node& node) noexcept { come_back(node, [](datagram_state&) {}); }};

template <class F>
void datagram_state::come_back(ready_node& node, F then) {
    auto& which = static_cast<direction&>(node);
    datagram_state& self = which.state;
    which.in_flight = false;
    const scope_guard leave([&self]() noexcept { self.release(); });
    then(self);
}

datagram_state::direction::direction(datagram_state& of, const op_kind& kind, const ready_ops& table) noexcept
    : timer_node{}, state(of), operation{.kind = &kind, .args = {}} {
    ops = &table;
}

void datagram_state::direction::prepare(char* data, std::size_t size, std::size_t name_size) noexcept {
    piece.iov_base = data;
    piece.iov_len = size;
    message = ::msghdr{};
    message.msg_name = name_size == 0 ? nullptr : peer.native();
    message.msg_namelen = static_cast<::socklen_t>(name_size);
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    operation.args = op_args{.fd = state.descriptor(), .data = &message};
}

datagram_state::datagram_state(loop_state& loop, datagram_target target,
                               std::shared_ptr<datagram_protocol> protocol)
    : transport_steps(loop),
      loop_guest([](loop_guest& guest) noexcept { static_cast<datagram_state&>(guest).abort(); }),
      socket_(std::move(target.endpoint)),
      remote_(target.remote),
      connected_(target.connected),
      local_(socket_.local_address()),
      input_(*this, recvmsg_op, input_ops),
      output_(*this, sendmsg_op, output_ops),
      pause_(first_pause) {
    set_protocol(std::move(protocol));
    insert_before(loop.guests);
}

datagram_state::~datagram_state() { unlink(); }

void datagram_state::set_protocol(std::shared_ptr<datagram_protocol> protocol) {
    if (!protocol) throw std::invalid_argument("set_protocol: there is no protocol (null)");
    if (at() != stage::lost) protocol_.swap(protocol);
}

void datagram_state::introduce() {
    const std::shared_ptr<datagram_protocol> hold = protocol_;
    call("Exception in connection_made() of a datagram protocol", [&] {
        retain();
        hold->connection_made(datagram_transport(*this));
    });
    if (!closing_) receive();
}

void datagram_state::lose() {
    const std::shared_ptr<datagram_protocol> hold = protocol_;
    call("Exception in connection_lost() of a datagram protocol", [&] { hold->connection_lost(nullptr); });
}

void datagram_state::drop_protocol() noexcept {
    const std::shared_ptr<datagram_protocol> last = std::move(protocol_);
}

void datagram_state::submit(direction& which) noexcept {
    which.operation.state = op_state::idle;
    which.request = &which.operation;
    which.in_flight = true;
    retain();
    static_cast<loop_core&>(loop_).submit(which);
}

// --- receiving ---

void datagram_state::receive() noexcept {
    if (!memory_) memory_ = std::make_unique_for_overwrite<char[]>(largest);
    input_.prepare(memory_.get(), largest, address::capacity);
    submit(input_);
}

void datagram_state::received() {
    const int result = input_.operation.result;
    if (closing_ || result == -ECANCELED) return;
    if (result >= 0) {
        input_.peer.set_native_size(input_.message.msg_namelen);
        const std::shared_ptr<datagram_protocol> hold = protocol_;
        call("Exception in datagram_received() of a datagram protocol", [&] {
            hold->datagram_received({memory_.get(), static_cast<std::size_t>(result)}, input_.peer);
        });
    } else {
        fail(-result, "receive on");
    }
    if (!closing_) receive();
}

// --- sending ---

void datagram_state::send(std::string_view data, const std::optional<address>& to) {
    if (remote_ && to && *to != *remote_) {
        throw std::invalid_argument("sendto: this endpoint sends to " + remote_->to_string() +
                                    " only, not to " + to->to_string());
    }
    if (!remote_ && !to) throw std::invalid_argument("sendto: this endpoint has no remote address; name one");
    if (closing_) return;
    const address& peer = to ? *to : *remote_;
    if (queue_.empty() && send_now(data, peer)) return;
    queue_.push_back({std::string(data), peer});
    unsent_ += data.size() + overhead;
    if (!output_.in_flight) send_next();
    update_pause();
}

bool datagram_state::send_now(std::string_view data, const address& to) {
    output_.peer = to;
    output_.prepare(const_cast<char*>(data.data()), data.size(), connected_ ? 0 : to.native_size());
    const int result = sendmsg_op.attempt(output_.operation.args);
    if (result == -EAGAIN || result == -EWOULDBLOCK || is_full(to, result)) return false;
    if (result < 0) fail(-result, "send from");
    return true;
}

void datagram_state::send_next() {
    queued& first = queue_.front();
    output_.peer = first.to;
    output_.prepare(first.data.data(), first.data.size(), connected_ ? 0 : first.to.native_size());
    submit(output_);
}

void datagram_state::pause() noexcept {
    auto& core = static_cast<loop_core&>(loop_);
    pausing_ = output_.in_flight = true;
    retain();
    output_.when = deadline_after(core.os->now(), pause_);
    pause_ = std::min(pause_ * 2, longest_pause);
    core.timers.insert(output_);
}

// The datagram in front went or did not, or the pause before the next attempt is over.
void datagram_state::sent() {
    const bool paused = std::exchange(pausing_, false);
    if (socket_.fileno() < 0) return queue_.clear();
    if (paused) return send_next();
    const int result = output_.operation.result;
    if (is_full(queue_.front().to, result)) return pause();
    pause_ = first_pause;
    unsent_ -= queue_.front().data.size() + overhead;
    queue_.pop_front();
    if (result < 0 && result != -ECANCELED) fail(-result, "send from");
    if (!queue_.empty() && !output_.in_flight) send_next();
    update_pause();
    if (closing_ && queue_.empty()) finish();
}

void datagram_state::fail(int error, const char* what) {
    const std::shared_ptr<datagram_protocol> hold = protocol_;
    if (!hold) return;
    const std::system_error failure(error, std::generic_category(), what + (" " + local_.to_string()));
    call("Exception in error_received() of a datagram protocol", [&] { hold->error_received(failure); });
}

void datagram_state::set_water_marks(water_marks marks) {
    check_water_marks(marks);
    marks_ = marks;
    update_pause();
}

void datagram_state::update_pause() {
    const std::shared_ptr<datagram_protocol> hold = protocol_;
    if (!hold) return;
    if (!paused_ && unsent_ > marks_.high) {
        paused_ = true;
        call("Exception in pause_writing() of a datagram protocol", [&] { hold->pause_writing(); });
    } else if (paused_ && unsent_ <= marks_.low) {
        paused_ = false;
        call("Exception in resume_writing() of a datagram protocol", [&] { hold->resume_writing(); });
    }
}

// --- the end ---

void datagram_state::close() noexcept {
    if (std::exchange(closing_, true)) return;
    if (input_.in_flight) static_cast<loop_core&>(loop_).os->cancel(input_);
    if (queue_.empty()) finish();
}

void datagram_state::abort() noexcept {
    closing_ = true;
    while (queue_.size() > (output_.in_flight ? 1U : 0U))
        queue_.pop_back();  // what is in flight is the kernel's
    unsent_ = 0;
    finish();
}

void datagram_state::finish() noexcept {
    if (socket_.fileno() < 0) return;
    unlink();
    loop_.loop->forget(socket_.fileno());
    socket_.close();
    end();
    if (!pausing_ || !output_.linked()) return;
    static_cast<loop_core&>(loop_).timers.remove(output_);
    pausing_ = output_.in_flight = false;
    queue_.clear();
    release();
}

}  // namespace bide::detail
