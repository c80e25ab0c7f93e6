// bide/net: the open connections of a server, and what their tasks need.
#pragma once

#include <bide/server.hpp>

#include <cstddef>
#include <vector>

#include "net/client_service.hpp"
#include "net/stream_core.hpp"

namespace bide::detail {

class server_state;

class client_list final : public client_service, stream_watcher {
public:
    client_list(server_state& server, handler_ref handler, server_options options) noexcept;

    [[nodiscard]] const server_options& options() const noexcept { return options_; }
    [[nodiscard]] std::size_t size() const noexcept { return clients_.size(); }

    // It leaves when it is closed. Where it goes on inside another stream (TLS), that is the one to close from then on.
    void add(stream_core& client);
    // Every connection that is open now; closing one may end others.
    [[nodiscard]] std::vector<stream_ref> clients() const;

    // The server is told of nothing any more.
    void leave_server() noexcept { server_ = nullptr; }

private:
    void stream_gone(stream_core& which) noexcept override;
    void stream_wrapped(stream_core& inner, stream_core& outer) noexcept override;
    void user_left() noexcept override;

    server_state* server_;
    const server_options options_;
    std::vector<stream_core*> clients_;  // the `slot` of each is its index
};

}  // namespace bide::detail
