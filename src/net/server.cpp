// bide/net: accept connections and serve each with a coroutine.
#include <bide/server.hpp>

#include <bide/error.hpp>
#include <bide/resolver.hpp>

#include <exception>
#include <stdexcept>
#include <string>

#include "net/listening_socket.hpp"
#include "net/server_state.hpp"

namespace bide::detail {

namespace {

std::uint16_t checked_port(int port) {
    if (port < 0 || port > 65535) {
        throw std::invalid_argument("start_server: " + std::to_string(port) +
                                    " is no port; they are 0 (any) to 65535");
    }
    return static_cast<std::uint16_t>(port);
}

std::shared_ptr<server_state> make_state(handler_ref handler, server_options options) {
    loop_state& loop = current_loop_state("start_server");
    if (options.tls() && !options.tls()->server_side()) {
        throw std::invalid_argument("start_server: TLS needs a context made by tls_context::server()");
    }
    return std::make_shared<server_state>(loop, std::move(handler), std::move(options));
}

}  // namespace

coro<server> start_server_at(handler_ref handler, std::vector<address> addresses, server_options options) {
    const bool starts = options.start_serving();
    if (addresses.empty()) throw std::invalid_argument("start_server: there is no address to listen on");
    auto state = make_state(std::move(handler), std::move(options));
    state->listen_on(addresses);
    if (starts) state->start();
    co_return server(std::move(state));
}

coro<server> start_server_on(handler_ref handler, std::string host, int port, server_options options) {
    std::vector<address> addresses;
    const std::uint16_t number = checked_port(port);
    const address_family family = options.family();
    if (host.empty()) {
        if (family != address_family::ipv6) addresses.push_back(address::any(address_family::ipv4, number));
        if (family != address_family::ipv4) addresses.push_back(address::any(address_family::ipv6, number));
    } else {
        const auto settings = resolve_options().passive(true).family(family);
        auto looking = getaddrinfo(std::move(host), number, settings);
        addresses = co_await std::move(looking);
    }
    auto starting = start_server_at(std::move(handler), std::move(addresses), std::move(options));
    co_return co_await std::move(starting);
}

coro<server> start_server_with(handler_ref handler, socket bound, server_options options) {
    const bool starts = options.start_serving();
    unique_fd listening = listen_with(std::move(bound), options);
    auto state = make_state(std::move(handler), std::move(options));
    state->listen_with(std::move(listening));
    if (starts) state->start();
    co_return server(std::move(state));
}

coro<server> start_unix_server_at(handler_ref handler, std::string path, server_options options) {
    std::vector<address> addresses;
    addresses.push_back(address::local(path));
    auto starting = start_server_at(std::move(handler), std::move(addresses), std::move(options));
    co_return co_await std::move(starting);
}

}  // namespace bide::detail

namespace bide {

server::~server() = default;

std::vector<address> server::sockets() const { return state_->addresses(); }
std::uint16_t server::port() const {
    const std::vector<address> all = sockets();
    return all.empty() ? std::uint16_t{0} : all.front().port();
}
std::size_t server::connections() const noexcept { return state_->connections(); }
event_loop& server::get_loop() const noexcept { return *state_->loop().loop; }

bool server::is_serving() const noexcept { return state_->serving(); }
void server::start_serving() const { state_->start(); }
coro<void> server::serve_forever() const { return detail::server_state::serve_forever(state_); }

void server::close() const { state_->close(); }
void server::close_clients() const {
    for (const detail::stream_ref& each : state_->clients()) each->close();
}
void server::abort_clients() const {
    for (const detail::stream_ref& each : state_->clients()) each->abort();
}
coro<void> server::wait_closed() const { return detail::server_state::wait_closed(state_); }

coro<void> detail::leave_server(server what) {
    std::exception_ptr cancelled;
    what.close();
    try {
        co_await what.wait_closed();
    } catch (const cancelled_error&) { cancelled = std::current_exception(); }
    if (!cancelled) co_return;
    what.abort_clients();
    co_await what.wait_closed();
    std::rethrow_exception(cancelled);
}

}  // namespace bide
