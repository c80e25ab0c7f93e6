// bide/net: accept connections and serve each with a coroutine.
#pragma once

#include <bide/address.hpp>
#include <bide/coro.hpp>
#include <bide/detail/net/client_handler.hpp>
#include <bide/socket.hpp>
#include <bide/stream.hpp>
#include <bide/time.hpp>
#include <bide/tls.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace bide {

class event_loop;

/// Settings of start_server() and start_unix_server().
class server_options {
public:
    /// Of the readers it makes. Default: 64 KiB.
    server_options& limit(std::size_t bytes) noexcept {
        limit_ = bytes;
        return *this;
    }
    /// Connections that the kernel holds until they are accepted; those beyond are refused or have to try again. The
    /// kernel lowers it to net.core.somaxconn. Default: 4096. Python: 100.
    server_options& backlog(int count) noexcept {
        backlog_ = count;
        return *this;
    }
    /// Connections that may be open at a time; beyond, the kernel holds them until one ends (one more may come in for
    /// each address that it listens on). Default: no limit but that of descriptors. Python: none.
    server_options& connection_limit(std::size_t count) noexcept {
        connection_limit_ = count;
        return *this;
    }
    /// Of a host name, only addresses of this family. Default: any.
    server_options& family(address_family wanted) noexcept {
        family_ = wanted;
        return *this;
    }
    /// Binds an address that still has connections of an earlier server. Default: true.
    server_options& reuse_address(bool on) noexcept {
        reuse_address_ = on;
        return *this;
    }
    /// Several servers share one port and the kernel spreads connections (SO_REUSEPORT). Default: false.
    server_options& reuse_port(bool on) noexcept {
        reuse_port_ = on;
        return *this;
    }
    /// Probes idle connections (SO_KEEPALIVE). Default: false.
    server_options& keep_alive(bool on) noexcept {
        keep_alive_ = on;
        return *this;
    }
    /// Removes the file of a unix socket on closing, if it is still the server's own. Default: true.
    server_options& cleanup_socket(bool on) noexcept {
        cleanup_socket_ = on;
        return *this;
    }
    /// Accepts from the start. Default: true; else start_serving() or serve_forever() does.
    server_options& start_serving(bool on) noexcept {
        start_serving_ = on;
        return *this;
    }
    /// Encrypts every connection. The handshake is part of the connection's task and comes before the handler; one that
    /// fails ends that connection, is reported in debug mode only and never reaches the handler.
    server_options& tls(tls_context context) {
        tls_ = std::make_shared<tls_context>(std::move(context));
        return *this;
    }
    /// Limits of the TLS handshake (60 s) and of the end of a TLS connection (30 s).
    server_options& tls_limits(duration handshake, duration shutdown) noexcept {
        handshake_ = handshake;
        shutdown_ = shutdown;
        return *this;
    }

    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    [[nodiscard]] int backlog() const noexcept { return backlog_; }
    [[nodiscard]] std::size_t connection_limit() const noexcept { return connection_limit_; }
    [[nodiscard]] address_family family() const noexcept { return family_; }
    [[nodiscard]] bool reuse_address() const noexcept { return reuse_address_; }
    [[nodiscard]] bool reuse_port() const noexcept { return reuse_port_; }
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
    [[nodiscard]] bool cleanup_socket() const noexcept { return cleanup_socket_; }
    [[nodiscard]] bool start_serving() const noexcept { return start_serving_; }
    /// Null without TLS.
    [[nodiscard]] const tls_context* tls() const noexcept { return tls_.get(); }
    [[nodiscard]] duration handshake_limit() const noexcept { return handshake_; }
    [[nodiscard]] duration shutdown_limit() const noexcept { return shutdown_; }

private:
    std::size_t limit_ = default_stream_limit;
    int backlog_ = 4096;
    std::size_t connection_limit_ = SIZE_MAX;
    address_family family_ = address_family::unspecified;
    bool reuse_address_ = true;
    bool reuse_port_ = false;
    bool keep_alive_ = false;
    bool cleanup_socket_ = true;
    bool start_serving_ = true;
    std::shared_ptr<const tls_context> tls_;
    duration handshake_ = std::chrono::seconds(60);
    duration shutdown_ = std::chrono::seconds(30);
};

/// A server that listens on one or more sockets. A shared handle: when the last one is dropped, it stops listening;
/// connections live on. Threads: the loop's. Python: asyncio.Server, which listens on when it is dropped.
class [[nodiscard("the server stops listening when its last handle is dropped: keep one")]] server {
public:
    explicit server(std::shared_ptr<detail::server_state> state) noexcept : state_(std::move(state)) {}
    server(const server&) = default;
    server(server&&) noexcept = default;
    server& operator=(const server&) = default;
    server& operator=(server&&) noexcept = default;
    ~server();

    /// The addresses it listens on; none after close(). Python: sockets.
    [[nodiscard]] std::vector<address> sockets() const;
    /// The port of the first; 0 where there is none.
    [[nodiscard]] std::uint16_t port() const;
    /// Its connections that are open. Python: none.
    [[nodiscard]] std::size_t connections() const noexcept;
    /// Python: get_loop.
    [[nodiscard]] event_loop& get_loop() const noexcept;

    [[nodiscard]] bool is_serving() const noexcept;
    /// Begins to accept. Idempotent. Throws: invalid_state_error when closed.
    /// Python: start_serving, which is awaited.
    void start_serving() const;
    /// Accepts until the caller is cancelled or the server closed; then closes it and waits for its connections.
    /// Throws: cancelled_error in both cases; invalid_state_error when closed or when another task is here already.
    /// Python: serve_forever.
    [[nodiscard]] coro<void> serve_forever() const;

    /// Stops listening. Connections stay. Idempotent. Python: close.
    void close() const;
    /// Closes every connection: what was written is still sent, readers see the end. close() first, or new ones come.
    /// Python: close_clients.
    void close_clients() const;
    /// Closes every connection at once; what was not sent is dropped. Python: abort_clients.
    void abort_clients() const;
    /// Waits until it is closed, no connection is left and every handler has ended: what handlers refer to may go then.
    /// Not for handlers, which would wait for themselves. Cancellation: at once.
    /// Python: wait_closed, which does not wait for handlers.
    [[nodiscard]] coro<void> wait_closed() const;

private:
    std::shared_ptr<detail::server_state> state_;
};

namespace detail {

using handler_ref = std::shared_ptr<client_handler>;

// `call` is what errors begin with.
coro<server> start_server_at(const char* call, handler_ref handler, std::vector<address> addresses,
                             server_options options);
coro<server> start_server_on(const char* call, handler_ref handler, std::string host, int port,
                             server_options options);
coro<server> start_server_with(const char* call, handler_ref handler, socket bound, server_options options);
coro<server> start_unix_server_at(const char* call, handler_ref handler, std::string path,
                                  server_options options);
coro<void> leave_server(server what);

}  // namespace detail

/// Serves each connection with a task of its own: handler(reader, writer), a coroutine. When the writer is dropped, which
/// is when the handler ends unless it was given away, what was written is sent and the connection closed. When the
/// handler throws, that is reported and the connection closed. A handler that is no coroutine is called in that task. The
/// handler object lives until the last of these tasks has ended: what it holds by value is safe in them.
/// It listens on every address of `host`, an empty one being every interface; port 0 takes a free one, if possible the
/// same for all addresses.
/// Throws: std::system_error that names the address when it cannot be bound ("bind 127.0.0.1:80: Permission denied") or
/// the host when it is not known; std::invalid_argument for a port out of range; invalid_state_error without a loop.
/// Limits: without descriptors (EMFILE, ENFILE) or memory, accepting pauses for a second, with one report.
/// Python: asyncio.start_server.
template <detail::client_function F>
[[nodiscard]] coro<server> start_server(F handler, std::string host, int port, server_options options = {}) {
    return detail::start_server_on("start_server", detail::make_client_handler(std::move(handler)),
                                   std::move(host), port, std::move(options));
}
/// On one address, or on several.
template <detail::client_function F>
[[nodiscard]] coro<server> start_server(F handler, address where, server_options options = {}) {
    return detail::start_server_at("start_server", detail::make_client_handler(std::move(handler)),
                                   std::vector<address>(1, where), std::move(options));
}
template <detail::client_function F>
[[nodiscard]] coro<server> start_server(F handler, std::vector<address> where, server_options options = {}) {
    return detail::start_server_at("start_server", detail::make_client_handler(std::move(handler)),
                                   std::move(where), std::move(options));
}
/// On a socket that is bound already: see inherited_sockets(). It listens if the socket does not.
/// Throws: std::invalid_argument when it is no stream socket. Python: start_server(sock=).
template <detail::client_function F>
[[nodiscard]] coro<server> start_server(F handler, socket bound, server_options options = {}) {
    return detail::start_server_with("start_server", detail::make_client_handler(std::move(handler)),
                                     std::move(bound), std::move(options));
}

// Says what is wrong with the handler.
template <class F, class... Where>
    requires(!detail::client_function<F>)
coro<server> start_server(F, Where&&...) {
    static_assert(
        detail::client_function<F>,
        "bide: the handler takes a bide::stream_reader and a bide::stream_writer by value, and gives a "
        "bide::coro<void>");
    co_return server(nullptr);
}

/// As start_server(), on a unix socket: a path in the file system, or an abstract name that begins with '@'. A socket
/// file that nobody listens on is replaced; it is removed when the server closes.
/// Throws: std::system_error that names the path, also when another process listens there. Python: start_unix_server,
/// which replaces the socket of a server that runs, too.
template <detail::client_function F>
[[nodiscard]] coro<server> start_unix_server(F handler, std::string path, server_options options = {}) {
    return detail::start_unix_server_at("start_unix_server", detail::make_client_handler(std::move(handler)),
                                        std::move(path), std::move(options));
}

/// Runs body(), a coroutine, then closes the server and waits for its connections, also when the body throws or is
/// cancelled. `co_await with_server(server, [&]() -> coro<void> { ... });`
/// Returns: what the body gives. Cancelled while it waits for connections: aborts them and waits for their handlers all
/// the same; a second cancellation leaves them alone. Python: async with server, which leaves them at the first.
template <class F>
[[nodiscard]] std::invoke_result_t<F&> with_server(server what, F body) {
    using result = std::invoke_result_t<F&>;
    std::exception_ptr error;
    if constexpr (std::is_void_v<typename result::value_type>) {
        try {
            co_await body();
        } catch (...) { error = std::current_exception(); }
        co_await detail::leave_server(what);
        if (error) std::rethrow_exception(error);
    } else {
        std::optional<typename result::value_type> value;
        try {
            auto got = co_await body();
            value.emplace(std::move(got));
        } catch (...) { error = std::current_exception(); }
        co_await detail::leave_server(what);
        if (error) std::rethrow_exception(error);
        co_return std::move(*value);
    }
}

/// A socket that a service manager (systemd) opened for this process.
class inherited_socket {
public:
    inherited_socket(socket made, std::string called) : listening(std::move(made)), name(std::move(called)) {}

    socket listening;
    std::string name;  ///< FileDescriptorName= of the unit; may be empty
};

/// The sockets that the environment announces (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES), in order; none when this process
/// was not started so. Removes the announcement, so call it once, before there are threads.
/// Python: none. Source: sd_listen_fds(3).
[[nodiscard]] std::vector<inherited_socket> inherited_sockets();

}  // namespace bide
