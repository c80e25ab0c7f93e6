// bide/net: what a server's handles share: its listeners and its open connections.
#pragma once

#include <bide/event.hpp>
#include <bide/future.hpp>
#include <bide/server.hpp>

#include <cstddef>
#include <memory>
#include <vector>

#include "net/client_list.hpp"
#include "net/listener.hpp"
#include "net/stream_core.hpp"
#include "os/fd.hpp"

namespace bide::detail {

// Closed with its loop at the latest.
class server_state : loop_guest, public std::enable_shared_from_this<server_state> {
public:
    server_state(loop_state& loop, handler_ref handler, server_options options);
    ~server_state();
    server_state(const server_state&) = delete;
    server_state& operator=(const server_state&) = delete;

    // Before start(): throws what binding throws, and listens nowhere then.
    void listen_on(const std::vector<address>& addresses);
    void listen_with(unique_fd socket);

    void start();
    void close() noexcept;

    [[nodiscard]] std::vector<address> addresses() const;
    [[nodiscard]] loop_state& loop() const noexcept { return loop_; }
    [[nodiscard]] bool serving() const noexcept { return serving_; }
    [[nodiscard]] std::size_t connections() const noexcept { return clients_->size(); }
    [[nodiscard]] std::vector<stream_ref> clients() const { return clients_->clients(); }
    // One of them is closed.
    void client_gone() noexcept;
    // A connection or its task has ended.
    void check_end() noexcept;

    static coro<void> wait_closed(std::shared_ptr<server_state> self);
    static coro<void> serve_forever(std::shared_ptr<server_state> self);

private:
    void open(const address& where);
    void accepted(int fd, bool unix_socket);
    [[nodiscard]] bool is_full() const noexcept;  // even a limit of none lets one in

    loop_state& loop_;
    std::vector<listener*> listeners_;
    const counted_ref<client_list> clients_;
    event ended_;           // closed, and neither connections nor their tasks are left
    future<void> forever_;  // while somebody is in serve_forever
    bool serving_ = false;
    bool paused_ = false;  // at the limit of connections
    bool closed_ = false;
};

}  // namespace bide::detail
