// bide/net: what a server's handles share: its listeners and its open connections.
#pragma once

#include <bide/event.hpp>
#include <bide/future.hpp>
#include <bide/server.hpp>

#include <cstddef>
#include <memory>
#include <vector>

#include "net/listener.hpp"
#include "net/stream_core.hpp"
#include "os/fd.hpp"

namespace bide::detail {

class server_state;

// What the tasks of connections need; they may outlive the server.
struct client_service {
    handler_ref handler;
    server_options options;
};

// Held by the task of a connection, so that the server knows when it has ended, however it does.
class client_ticket {
public:
    explicit client_ticket(const std::shared_ptr<server_state>& of);
    client_ticket(const client_ticket&) = delete;
    client_ticket& operator=(const client_ticket&) = delete;
    ~client_ticket();

    [[nodiscard]] const client_service& service() const noexcept { return *service_; }
    // Null when the server is gone.
    [[nodiscard]] std::shared_ptr<server_state> server() const noexcept { return server_.lock(); }

private:
    std::shared_ptr<client_service> service_;
    std::weak_ptr<server_state> server_;
};

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
    [[nodiscard]] std::size_t connections() const noexcept { return clients_.size(); }
    // Every connection that is open now; closing one may end others.
    [[nodiscard]] std::vector<stream_ref> clients() const;
    // The connection goes on inside another stream (TLS), which is the one to close from now on.
    void replace(stream_core& inner, stream_core& outer) noexcept;

    static coro<void> wait_closed(std::shared_ptr<server_state> self);
    static coro<void> serve_forever(std::shared_ptr<server_state> self);

private:
    friend client_ticket;
    void open(const address& where);
    void accepted(int fd);
    void enrol(stream_core& client, std::size_t slot) noexcept;
    void gone(stream_core& client) noexcept;
    void check_end() noexcept;

    loop_state& loop_;
    const std::shared_ptr<client_service> service_;
    std::vector<listener*> listeners_;
    std::vector<stream_core*> clients_;  // each leaves when it is closed; its `slot` is its index
    std::size_t tasks_ = 0;              // of connections
    event ended_;                        // closed, and neither connections nor tasks are left
    future<void> forever_;               // while somebody is in serve_forever
    bool serving_ = false;
    bool paused_ = false;  // at the limit of connections
    bool closed_ = false;
};

}  // namespace bide::detail
