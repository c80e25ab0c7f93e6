// bide/net: the handle of a datagram transport, and how one is made.
#include <bide/datagram_transport.hpp>

#include <bide/error.hpp>
#include <bide/task.hpp>

#include <stdexcept>
#include <string>

#include "net/datagram_state.hpp"
#include "net/unix_path.hpp"

namespace bide {

void datagram_protocol::connection_made(datagram_transport) {}
void datagram_protocol::datagram_received(std::string_view, const address&) {}
void datagram_protocol::error_received(const std::system_error&) {}

detail::datagram_state& datagram_transport::state() const {
    if (!state_) {
        throw invalid_state_error("this transport is empty: connection_made() has not set it yet");
    }
    return *state_;
}

void datagram_transport::sendto(std::string_view data, const std::optional<address>& to) const {
    state().send(data, to);
}
void datagram_transport::close() const { state().close(); }
void datagram_transport::abort() const { state().abort(); }
bool datagram_transport::is_closing() const { return state().closing(); }

void datagram_transport::set_write_buffer_limits(std::optional<std::size_t> high,
                                                 std::optional<std::size_t> low) const {
    state().set_water_marks(detail::complete_water_marks(high, low));
}
write_buffer_limits datagram_transport::get_write_buffer_limits() const {
    const detail::water_marks marks = state().marks();
    return {marks.low, marks.high};
}
std::size_t datagram_transport::get_write_buffer_size() const { return state().unsent(); }

address datagram_transport::local_address() const { return state().local_address(); }
address datagram_transport::remote_address() const { return state().remote_address().value_or(address()); }

std::string datagram_transport::get_extra_info(std::string_view name, std::string otherwise) const {
    const detail::datagram_state& known = state();
    if (name == "sockname") return known.local_address().to_string();
    if (name == "peername" && known.remote_address()) return known.remote_address()->to_string();
    if (name == "socket" && known.descriptor() >= 0) return std::to_string(known.descriptor());
    return otherwise;
}

void datagram_transport::set_protocol(std::shared_ptr<datagram_protocol> protocol) const {
    state().set_protocol(std::move(protocol));
}
std::shared_ptr<datagram_protocol> datagram_transport::get_protocol() const { return state().get_protocol(); }

namespace detail {

namespace {

address_family common_family(const datagram_endpoint_options& options) {
    address_family family = options.family();
    for (const std::optional<address>& each : {options.local_address(), options.remote_address()}) {
        if (!each) continue;
        if (family != address_family::unspecified && each->family() != family) {
            throw std::invalid_argument("create_datagram_endpoint: " + each->to_string() +
                                        " is of another family than the other address or the option");
        }
        family = each->family();
    }
    if (family == address_family::unspecified) {
        throw std::invalid_argument(
            "create_datagram_endpoint: give a local address, a remote address or a family");
    }
    return family;
}

}  // namespace

coro<datagram_target> open_datagram_target(datagram_endpoint_options options) {
    const address_family family = common_family(options);
    socket made(family, socket_type::datagram);
    if (options.reuse_port() && family != address_family::local) made.set_reuse_port(true);
    if (options.allow_broadcast()) made.set_broadcast(true);
    if (options.local_address()) bind_or_replace(made.fileno(), *options.local_address());
    const bool connected = options.remote_address() && !options.allow_broadcast();
    if (connected) co_await made.connect(*options.remote_address());
    co_return datagram_target(std::move(made), options.remote_address(), connected);
}

coro<datagram_transport> connect_datagrams(datagram_target target,
                                           std::shared_ptr<datagram_protocol> protocol) {
    loop_state& loop = current_loop_state("create_datagram_endpoint");
    if (target.endpoint.fileno() < 0) {
        throw invalid_state_error("create_datagram_endpoint: the socket is closed");
    }
    const future<void> made = create_future<void>();
    const datagram_transport over(*new datagram_state(loop, std::move(target), std::move(protocol)));
    over.state().begin(made);
    try {
        co_await made;
    } catch (...) {
        over.close();
        throw;
    }
    co_return over;
}

}  // namespace detail
}  // namespace bide
