// bide/net: datagrams: UDP and unix-domain, received and sent by coroutines.
#include <bide/datagram.hpp>

#include <bide/as_result.hpp>
#include <bide/error.hpp>
#include <bide/resolver.hpp>

#include <sys/socket.h>

#include <exception>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "net/socket_core.hpp"
#include "net/unix_path.hpp"

namespace bide {

namespace {

using place = datagram_options::place;

bool fits(address_family found, address_family wanted) noexcept {
    return wanted == address_family::unspecified || found == wanted;
}

// The addresses of one side; a single empty one where it was left open.
coro<std::vector<std::optional<address>>> addresses_of(std::optional<place> side, address_family only,
                                                       bool passive) {
    std::vector<std::optional<address>> found;
    if (!side) {
        found.emplace_back();
    } else if (side->where()) {
        if (!fits(side->where()->family(), only)) {
            throw std::invalid_argument("open_datagram_endpoint: " + side->where()->to_string() +
                                        " is of another family than was asked for");
        }
        found.push_back(side->where());
    } else {
        resolve_options options;
        options.family(only).passive(passive);
        auto work = getaddrinfo(side->host(), side->port(), options);
        const std::vector<address> all = co_await std::move(work);
        for (const address& each : all) found.emplace_back(each);
    }
    co_return found;
}

// The family of an endpoint between the two; unspecified when there can be none.
address_family common_family(const std::optional<address>& local, const std::optional<address>& remote,
                             address_family only) noexcept {
    if (local && remote && local->family() != remote->family()) return address_family::unspecified;
    if (local) return local->family();
    return remote ? remote->family() : only;
}

coro<socket> open_between(std::optional<address> local, std::optional<address> remote, address_family family,
                          const datagram_options& options) {
    socket made(family, socket_type::datagram);
    if (options.reuse_port()) made.set_reuse_port(true);
    if (options.allow_broadcast()) made.set_broadcast(true);
    if (local) detail::bind_or_replace(made.fileno(), *local);
    if (remote && !options.allow_broadcast()) co_await made.connect(*remote);
    co_return made;
}

coro<std::optional<datagram>> next_from(detail::socket_ref core, coro<datagram> receiving) {
    std::optional<datagram> got;
    if (core->fd() < 0) {
        receiving.close();
        co_return got;
    }
    result<datagram> done = co_await as_result(std::move(receiving));
    if (done) {
        got.emplace(std::move(*done));
    } else if (core->fd() >= 0) {  // else it was closed meanwhile
        std::rethrow_exception(done.exception());
    }
    co_return got;
}

coro<std::optional<datagram>> no_more() { co_return std::nullopt; }

}  // namespace

datagram_endpoint::datagram_endpoint(socket from, std::size_t max_size)
    : socket_(std::move(from)), max_size_(max_size) {
    if (socket_.getsockopt(SOL_SOCKET, SO_TYPE) != SOCK_DGRAM) {
        throw std::invalid_argument("datagram_endpoint: " + socket_.local_address().to_string() +
                                    " is no datagram socket");
    }
    const address peer = socket_.peer_address();
    connected_ = peer.family() != address_family::unspecified;
    if (connected_) remote_ = peer;
}

coro<datagram> datagram_endpoint::recv() { return socket_.recvfrom(max_size_); }

coro<std::optional<datagram>> datagram_endpoint::next() {
    if (is_closing()) return no_more();
    return next_from(socket_.core_, recv());
}

coro<std::size_t> datagram_endpoint::send(std::string_view bytes) {
    if (!remote_) {
        throw invalid_state_error(
            "send: the endpoint has no remote; give it one when it is opened, or use send_to()");
    }
    return connected_ ? socket_.send(bytes) : socket_.sendto(bytes, *remote_);
}

coro<std::size_t> datagram_endpoint::send_to(std::string_view bytes, address to) {
    if (remote_ && to != *remote_) {
        throw std::invalid_argument("send_to " + to.to_string() + ": the remote of this endpoint is " +
                                    remote_->to_string());
    }
    return connected_ ? socket_.send(bytes) : socket_.sendto(bytes, to);
}

coro<datagram_endpoint> open_datagram_endpoint(datagram_options options) {
    std::exception_ptr error;
    const address_family only = options.family();
    if (!options.local() && !options.remote() && only == address_family::unspecified) {
        throw std::invalid_argument(
            "open_datagram_endpoint: say where with local(), to whom with remote(), or with which family()");
    }
    const auto locals = co_await addresses_of(options.local(), only, true);
    const auto remotes = co_await addresses_of(options.remote(), only, false);
    for (const auto& local : locals) {
        for (const auto& remote : remotes) {
            const address_family family = common_family(local, remote, only);
            if (family == address_family::unspecified) continue;
            auto work = open_between(local, remote, family, options);
            auto opened = co_await as_result(std::move(work));
            if (!opened) {
                if (!error) error = opened.exception();
                continue;
            }
            datagram_endpoint endpoint(std::move(*opened), options.max_size());
            if (remote) endpoint.remote_ = remote;
            co_return std::move(endpoint);
        }
    }
    if (error) std::rethrow_exception(error);
    throw std::invalid_argument("open_datagram_endpoint: local and remote are of different families");
}

}  // namespace bide
