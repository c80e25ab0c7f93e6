// bide/testing: servers and connections by name, in memory.
#pragma once

#include <bide/coro.hpp>
#include <bide/server.hpp>
#include <bide/stream.hpp>
#include <bide/testing/memory_stream.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bide::testing {

namespace detail {
class memory_net_state;
class memory_server_state;
}  // namespace detail

/// A server of a memory_net. A shared handle: when the last one is dropped, it stops listening; connections live on.
/// Threads: the loop's.
class memory_server {
public:
    explicit memory_server(std::shared_ptr<detail::memory_server_state> state) noexcept
        : state_(std::move(state)) {}

    /// Connections that are open.
    [[nodiscard]] std::size_t client_count() const noexcept;
    /// The hand on each of them, oldest first.
    [[nodiscard]] std::vector<memory_link> links() const;

    /// As those of bide::server.
    void close() const noexcept;
    void close_clients() const;
    void abort_clients() const;
    [[nodiscard]] coro<void> wait_closed() const;

private:
    std::shared_ptr<detail::memory_server_state> state_;
};

/// A network in which servers have names and connections are memory streams. Several may exist; they do not touch. A
/// shared handle; without a server it is nothing. Threads: the loop's.
class memory_net {
public:
    memory_net();

    /// Serves each connection to `name` with a task of its own, as bide::start_server(). `options` are the servers' ends.
    /// Throws: std::system_error (address in use).
    template <bide::detail::client_function F>
    [[nodiscard]] memory_server start_server(F handler, std::string name, memory_options options = {}) const {
        return listen(bide::detail::make_client_handler(std::move(handler)), std::move(name),
                      std::move(options));
    }

    /// Connects to the server of that name. `options` are this end's.
    /// Suspends: for one turn. Throws: std::system_error (connection refused) when there is none.
    [[nodiscard]] coro<connection> open_connection(std::string name, memory_options options = {}) const;

private:
    memory_server listen(std::shared_ptr<bide::detail::client_handler> handler, std::string name,
                         memory_options options) const;

    std::shared_ptr<detail::memory_net_state> state_;
};

}  // namespace bide::testing
