// bide/net: what is behind a transport: a stream and its protocol.
#include "net/transport_state.hpp"

#include <bide/error.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "core/core_hooks.hpp"

namespace bide::detail {

void retain(transport_state& transport) noexcept { transport.retain(); }
void release(transport_state& transport) noexcept { transport.release(); }

transport_state::transport_state(stream_ref stream, std::shared_ptr<stream_protocol> protocol)
    : transport_steps(stream->loop()), stream_(std::move(stream)) {
    set_protocol(std::move(protocol));
    peer_ = stream_->extra_info("peername");
}

void transport_state::begin(future<void> made) {
    transport_steps::begin(std::move(made));
    if (stream_->closed()) return stream_closed();
    stream_->set_sink(this);
}

void transport_state::stop_for_good() noexcept {
    read_all_ = true;
    stream_->stop_receiving();
}

void transport_state::handshake_failed(const std::exception_ptr& error) noexcept {
    if (!error_ && !is_cancelled_error(error)) error_ = error;
    if (!stream_->closing()) stream_->abort();
}

void transport_state::give_away() noexcept {
    stream_->set_sink(nullptr);
    stream_ = stream_ref();
    leave();
}

stream_core& transport_state::stream(const char* call) const {
    if (!stream_) {
        throw invalid_state_error(std::string(call) +
                                  ": start_tls() took this connection over; use the transport that it gave");
    }
    return *stream_;
}

// --- the order of the callbacks ---

void transport_state::introduce() {
    const std::shared_ptr<stream_protocol> hold = protocol_;
    if (!std::exchange(introduced_, true)) {
        call("Exception in connection_made() of a protocol", [&] {
            retain();
            hold->connection_made(transport(*this));
        });
    }
    read_if_wanted();
}

void transport_state::lose() {
    const std::shared_ptr<stream_protocol> hold = protocol_;
    call("Exception in connection_lost() of a protocol",
         [&] { hold->connection_lost(std::exchange(error_, nullptr)); });
}

void transport_state::drop_protocol() noexcept {
    if (stream_) stream_->set_sink(nullptr);
    plain_ = nullptr;
    buffered_ = nullptr;
    kept_.clear();
    const std::shared_ptr<stream_protocol> last = std::move(protocol_);
}

// --- what the user asks for ---

void transport_state::read_if_wanted() {
    if (at() != stage::connected || !reading() || (plain_ == nullptr && buffered_ == nullptr)) return;
    if (kept_.empty()) return stream_->start_receiving();
    if (delivering_) return;
    retain();
    loop_.loop->call_soon([hold = counted_ref<transport_state>(this)] { hold->deliver_kept(); });
    delivering_ = true;
}

void transport_state::keep(std::string_view bytes) {
    try {
        kept_ = bytes;
        if (stream_) stream_->stop_receiving();
        read_if_wanted();
    } catch (...) { fail(std::current_exception()); }  // there is no memory for it
}

std::string transport_state::take_kept() noexcept { return std::exchange(kept_, std::string()); }

void transport_state::deliver_kept() {
    delivering_ = false;
    if (at() != stage::connected || !reading()) return;
    const std::string bytes = take_kept();
    if (!bytes.empty()) received(bytes);
    if (stream_) read_if_wanted();
}

void transport_state::pause_reading() noexcept {
    paused_ = true;
    if (stream_) stream_->stop_receiving();
}

void transport_state::resume_reading() {
    paused_ = false;
    read_if_wanted();
}

void transport_state::close() {
    if (closing()) return;
    stream_->stop_receiving();
    stream_->close();
}

void transport_state::abort() noexcept {
    if (!stream_) return;
    stream_->stop_receiving();
    stream_->abort();
}

std::string transport_state::extra_info(std::string_view name) const {
    if (name == "peername") return peer_;
    return stream_ ? stream_->extra_info(name) : std::string();
}

void transport_state::set_protocol(std::shared_ptr<stream_protocol> protocol) {
    if (!protocol) throw std::invalid_argument("set_protocol: there is no protocol (null)");
    if (at() == stage::lost) return;
    plain_ = dynamic_cast<bide::protocol*>(protocol.get());
    buffered_ = dynamic_cast<buffered_protocol*>(protocol.get());
    room_ = {};
    protocol_.swap(protocol);
    read_if_wanted();
}

// --- what the stream tells ---

void transport_state::fail(std::exception_ptr error) noexcept {
    if (!error_) error_ = std::move(error);
    abort();
}

// The protocol lives until its call has returned, even when it replaces itself.
template <class F>
bool transport_state::call_or_close(const char* message, F fn) {
    const std::shared_ptr<stream_protocol> hold = protocol_;
    const auto failed = [this](std::exception_ptr error) { fail(std::move(error)); };
    return call_protocol(loop_, context_, message, fn, failed);
}

std::span<char> transport_state::room() {
    if (buffered_ == nullptr) return {};
    call_or_close("Exception in get_buffer() of a protocol; its connection is closed", [this] {
        const buffered_protocol* const asked = buffered_;
        const std::span<std::byte> given = buffered_->get_buffer(0);
        if (buffered_ != asked) return;  // it has given way to another one
        if (given.empty()) throw invalid_state_error("get_buffer: the memory is empty");
        room_ = {reinterpret_cast<char*>(given.data()), given.size()};
    });
    return closing() ? std::span<char>() : room_;
}

void transport_state::received(std::string_view bytes) {
    if (buffered_ != nullptr) return update_buffer(bytes);
    if (plain_ == nullptr) return keep(bytes);
    call_or_close("Exception in data_received() of a protocol; its connection is closed",
                  [&] { plain_->data_received(bytes); });
}

// The bytes are in the protocol's memory already, or are copied there, in pieces if it is small. Between two pieces it
// may pause, close, or leave the rest to another protocol or to TLS.
void transport_state::update_buffer(std::string_view bytes) {
    std::span<char> room = std::exchange(room_, std::span<char>());
    while (!bytes.empty() && !closing()) {
        if (!reading() || buffered_ == nullptr) return keep(bytes);
        if (room.empty()) {
            room = this->room();
            room_ = {};
            if (room.empty()) continue;  // closed, or of a protocol that has given way to another one
        }
        const std::size_t count = std::min(room.size(), bytes.size());
        if (bytes.data() != room.data()) std::memcpy(room.data(), bytes.data(), count);
        bytes.remove_prefix(count);
        room = {};
        const bool good =
            call_or_close("Exception in buffer_updated() of a protocol; its connection is closed",
                          [&] { buffered_->buffer_updated(count); });
        if (!good) return;
    }
}

void transport_state::receive_ended(std::exception_ptr error) {
    read_all_ = true;
    if (error) return stream_->receive_failed(std::move(error));
    bool stays = false;
    const bool good = call_or_close("Exception in eof_received() of a protocol; its connection is closed",
                                    [&] { stays = protocol_->eof_received(); });
    if (good && (!stays || !stream_->can_send_eof())) close();
}

void transport_state::on_paused() {
    if (at() == stage::lost) return;
    const std::shared_ptr<stream_protocol> hold = protocol_;
    call("Exception in pause_writing() of a protocol", [&] { hold->pause_writing(); });
}

void transport_state::on_resumed() {
    if (at() == stage::lost) return;
    const std::shared_ptr<stream_protocol> hold = protocol_;
    call("Exception in resume_writing() of a protocol", [&] { hold->resume_writing(); });
}

void transport_state::stream_closed() noexcept {
    if (!error_) error_ = stream_->error();
    end();
}

}  // namespace bide::detail
