// bide/net: connect to a server, over TLS where it is asked for.
#include <bide/connection.hpp>

#include <bide/error.hpp>
#include <bide/resolver.hpp>
#include <bide/timeout.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "net/happy_eyeballs.hpp"
#include "net/native_address.hpp"
#include "net/socket_stream.hpp"
#include "net/tls_stream.hpp"
#include "os/sock.hpp"

namespace bide {

namespace {

using detail::peer_address_of;
using detail::stream_ref;
namespace sys = detail::sys;

std::uint16_t checked_port(int port, const char* call) {
    if (port < 1 || port > 65535) {
        throw std::invalid_argument(std::string(call) + ": " + std::to_string(port) +
                                    " is no port; they are 1 to 65535");
    }
    return static_cast<std::uint16_t>(port);
}

// The name that the peer's certificate must have; `host` where the caller did not say.
std::string certificate_name(const connection_options& options, std::string host, const char* call) {
    if (options.server_hostname()) return *options.server_hostname();
    if (!host.empty()) return host;
    throw std::invalid_argument(std::string(call) +
                                ": TLS needs server_hostname(), the name in the peer's certificate; an empty "
                                "one turns the check off");
}

// The connection over a connected socket; `name` is the one in the certificate, where TLS is asked for.
coro<connection> begin(const char* call, socket made, std::string name, const connection_options& options) {
    detail::loop_state& loop = detail::current_loop_state(call);
    const bool unix_socket = made.local_address().family() == address_family::local;
    stream_ref stream(detail::make_socket_stream(loop, made.fileno(), unix_socket));
    static_cast<void>(made.release());
    if (options.tls()) {
        auto securing =
            detail::start_tls_over(stream, *options.tls(), detail::tls_side::client, std::move(name), {},
                                   options.handshake_limit(), options.shutdown_limit());
        stream_ref secured = co_await std::move(securing);
        stream = std::move(secured);
    }
    co_return connection(stream_reader(stream, options.limit()), stream_writer(stream));
}

// `what` is for the error.
coro<connection> connect_to(const connection_options& options, const char* call, std::vector<address> to,
                            std::string host, std::string what) {
    std::vector<address> order = detail::interleave(to, options.interleave());
    if (order.empty()) throw std::invalid_argument(std::string(call) + ": there is no address to connect to");
    for (const address& each : order) {
        if (each.family() != address_family::unspecified) continue;
        throw std::invalid_argument(std::string(call) +
                                    ": the address is unspecified; give an IP address or a path");
    }
    if (options.tls()) host = certificate_name(options, std::move(host), call);
    auto connecting = detail::connect_first(std::move(order), options, std::move(what));
    socket made = co_await std::move(connecting);
    auto beginning = begin(call, std::move(made), std::move(host), options);
    co_return co_await std::move(beginning);
}

coro<connection> connect_to_address(const connection_options& options, const char* call, address to) {
    std::string host = to.family() == address_family::local ? std::string() : to.host();
    auto connecting = connect_to(options, call, std::vector<address>(1, to), std::move(host),
                                 "connect to " + to.to_string());
    co_return co_await std::move(connecting);
}

coro<connection> connect_to_path(const connection_options& options, const char* call, std::string path) {
    address to = address::local(path);
    auto connecting = connect_to_address(options, call, to);
    co_return co_await std::move(connecting);
}

coro<connection> connect_to_host(const connection_options& options, const char* call, std::string host,
                                 int port) {
    const auto settings = resolve_options().family(options.family());
    auto looking = getaddrinfo(host, checked_port(port, call), settings);
    std::vector<address> found = co_await std::move(looking);
    std::string what = "connect to " + host + " port " + std::to_string(port);
    auto connecting = connect_to(options, call, std::move(found), std::move(host), std::move(what));
    co_return co_await std::move(connecting);
}

coro<connection> adopt(const connection_options& options, const char* call, socket connected) {
    int type = 0;
    std::string name;
    int result = sys::get_option(connected.fileno(), SOL_SOCKET, SO_TYPE, type);
    if (result >= 0 && peer_address_of(connected.fileno()).native_size() == 0) result = -ENOTCONN;
    if (result < 0) throw std::system_error(-result, std::generic_category(), std::string(call) + ": socket");
    if (type != SOCK_STREAM)
        throw std::invalid_argument(std::string(call) + ": the socket is no stream socket");
    if (options.tls()) name = certificate_name(options, {}, call);
    auto beginning = begin(call, std::move(connected), std::move(name), options);
    co_return co_await std::move(beginning);
}

// Owns the options, to which the work refers.
template <class... Params, class... Args>
coro<connection> within_limit(connection_options options,
                              coro<connection> (*work)(const connection_options&, Params...), Args... args) {
    auto connecting = work(options, std::move(args)...);
    if (!options.timeout()) co_return co_await std::move(connecting);
    auto limited = wait_for(std::move(connecting), *options.timeout());
    co_return co_await std::move(limited);
}

}  // namespace

namespace detail {

coro<connection> open_for(const char* call, std::string host, int port, connection_options options) {
    return within_limit(std::move(options), connect_to_host, call, std::move(host), port);
}
coro<connection> open_for(const char* call, address to, connection_options options) {
    return within_limit(std::move(options), connect_to_address, call, to);
}
coro<connection> open_for(const char* call, socket connected, connection_options options) {
    return within_limit(std::move(options), adopt, call, std::move(connected));
}
coro<connection> open_unix_for(const char* call, std::string path, connection_options options) {
    return within_limit(std::move(options), connect_to_path, call, std::move(path));
}

}  // namespace detail

coro<connection> open_connection(std::string host, int port, connection_options options) {
    return detail::open_for("open_connection", std::move(host), port, std::move(options));
}
coro<connection> open_connection(address to, connection_options options) {
    return detail::open_for("open_connection", to, std::move(options));
}
coro<connection> open_connection(std::vector<address> to, connection_options options) {
    return within_limit(std::move(options), connect_to, static_cast<const char*>("open_connection"),
                        std::move(to), std::string(), std::string("connect"));
}
coro<connection> open_connection(socket connected, connection_options options) {
    return detail::open_for("open_connection", std::move(connected), std::move(options));
}
coro<connection> open_unix_connection(std::string path, connection_options options) {
    return detail::open_unix_for("open_unix_connection", std::move(path), std::move(options));
}

}  // namespace bide
