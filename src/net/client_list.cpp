// bide/net: the open connections of a server, and what their tasks need.
#include "net/client_list.hpp"

#include <utility>

#include "net/server_state.hpp"

namespace bide::detail {

client_list::client_list(server_state& server, handler_ref handler, server_options options) noexcept
    : client_service(std::move(handler)), server_(&server), options_(std::move(options)) {}

void client_list::add(stream_core& client) {
    clients_.push_back(&client);
    client.slot = clients_.size() - 1;
    client.watcher = this;
    retain(*this);
}

std::vector<stream_ref> client_list::clients() const {
    std::vector<stream_ref> held;
    held.reserve(clients_.size());
    for (stream_core* const each : clients_) {
        each->retain();
        held.emplace_back(each);
    }
    return held;
}

void client_list::stream_gone(stream_core& which) noexcept {
    clients_.back()->slot = which.slot;
    clients_[which.slot] = clients_.back();
    clients_.pop_back();
    if (server_ != nullptr) server_->client_gone();
    release(*this);
}

void client_list::stream_wrapped(stream_core& inner, stream_core& outer) noexcept {
    clients_[inner.slot] = &outer;
}

void client_list::user_left() noexcept {
    if (server_ != nullptr) server_->check_end();
}

}  // namespace bide::detail
