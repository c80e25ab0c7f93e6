// bide/net: the handle of a transport.
#include <bide/transport.hpp>

#include <bide/error.hpp>
#include <bide/protocol.hpp>

#include <cstdint>

#include "net/joined.hpp"
#include "net/transport_state.hpp"

namespace bide {

base_protocol::~base_protocol() = default;
void base_protocol::connection_lost(std::exception_ptr) {}
void base_protocol::pause_writing() {}
void base_protocol::resume_writing() {}
void stream_protocol::connection_made(transport) {}
bool stream_protocol::eof_received() { return false; }
void protocol::data_received(std::string_view) {}

detail::transport_state& transport::state() const {
    if (!state_) {
        throw invalid_state_error("this transport is empty: connection_made() has not set it yet");
    }
    return *state_;
}

void transport::write(std::string_view data) const {
    detail::stream_core& stream = state().stream("write");
    if (stream.eof_asked()) throw invalid_state_error("write: write_eof() was called before");
    stream.send(data);
}

void transport::writelines(std::span<const std::string> pieces) const { write(detail::joined(pieces)); }

void transport::writelines(std::initializer_list<std::string_view> pieces) const {
    write(detail::joined(std::span(pieces.begin(), pieces.size())));
}

void transport::write_eof() const {
    detail::stream_core& stream = state().stream("write_eof");
    if (!stream.can_send_eof()) {
        throw invalid_state_error(
            "write_eof: this kind of stream cannot be closed in one direction only; use close()");
    }
    stream.send_eof();
}

bool transport::can_write_eof() const {
    const detail::stream_ref& stream = state().stream_or_null();
    return stream && stream->can_send_eof();
}

void transport::pause_reading() const { state().pause_reading(); }
void transport::resume_reading() const { state().resume_reading(); }
bool transport::is_reading() const { return state().reading(); }
void transport::close() const { state().close(); }
void transport::abort() const { state().abort(); }
bool transport::is_closing() const { return state().closing(); }

void transport::set_write_buffer_limits(std::optional<std::size_t> high,
                                        std::optional<std::size_t> low) const {
    detail::stream_core& stream = state().stream("set_write_buffer_limits");
    stream.set_water_marks(detail::complete_water_marks(high, low));
}

write_buffer_limits transport::get_write_buffer_limits() const {
    const detail::water_marks marks = state().stream("get_write_buffer_limits").marks();
    return {marks.low, marks.high};
}

std::size_t transport::get_write_buffer_size() const {
    const detail::stream_ref& stream = state().stream_or_null();
    return stream ? stream->unsent() : 0;
}

std::string transport::get_extra_info(std::string_view name, std::string otherwise) const {
    std::string known = state().extra_info(name);
    return known.empty() ? otherwise : known;
}

void transport::set_protocol(std::shared_ptr<stream_protocol> protocol) const {
    state().set_protocol(std::move(protocol));
}
std::shared_ptr<stream_protocol> transport::get_protocol() const { return state().get_protocol(); }

}  // namespace bide
