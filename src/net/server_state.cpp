// bide/net: what a server's handles share: its listeners and its open connections.
#include "net/server_state.hpp"

#include <bide/error.hpp>
#include <bide/task.hpp>

#include <system_error>
#include <utility>

#include "loop/loop_core.hpp"
#include "net/listening_socket.hpp"
#include "net/serve_client.hpp"
#include "net/socket_stream.hpp"
#include "net/tls_stream.hpp"
#include "net/unix_path.hpp"

namespace bide::detail {

namespace {

connection connection_over(stream_ref stream, const server_options& options) {
    return {stream_reader(stream, options.limit()), stream_writer(stream)};
}

// A handshake that fails is no fault of the program; the stream is closed then.
coro<void> secure_client(counted_ref<client_list> service, stream_ref plain) {
    stream_ref secured;
    std::exception_ptr error;
    loop_state& loop = plain->loop();
    const server_options& options = service->options();
    auto handshake = start_tls_over(plain, *options.tls(), tls_side::server, {}, {},
                                    options.handshake_limit(), options.shutdown_limit());
    try {
        secured = co_await std::move(handshake);
    } catch (const base_exception&) { throw; } catch (...) {
        error = std::current_exception();
    }
    if (error) {
        if (loop.debug) report(static_cast<loop_core&>(loop), {"A TLS handshake failed", error, {}, {}});
        co_return;
    }
    plain = {};
    connection client = connection_over(std::move(secured), options);
    auto serving = serve_client(std::move(service), std::move(client));
    co_await std::move(serving);
}

}  // namespace

server_state::server_state(loop_state& loop, handler_ref handler, server_options options)
    : loop_guest([](loop_guest& self) noexcept { static_cast<server_state&>(self).close(); }),
      loop_(loop),
      clients_(new client_list(*this, std::move(handler), std::move(options))) {
    insert_before(loop.guests);
}

server_state::~server_state() {
    close();
    clients_->leave_server();
}

void server_state::listen_on(const std::vector<address>& addresses) {
    std::exception_ptr missing;
    for (const address& each : addresses) {
        try {
            open(each);
        } catch (const std::system_error& e) {
            // A machine without IPv6 has no such address to bind; the others must do.
            if (e.code() != std::errc::address_not_available &&
                e.code() != std::errc::address_family_not_supported) {
                throw;
            }
            missing = std::current_exception();
        }
    }
    if (listeners_.empty() && missing) std::rethrow_exception(missing);
}

void server_state::open(const address& where) {
    const server_options& options = clients_->options();
    unique_fd made;
    // One port for all addresses, where that can be had.
    if (where.family() != address_family::local && where.port() == 0 && !listeners_.empty()) {
        try {
            made = listen_at(where.with_port(listener_address(*listeners_.front()).port()), options);
        } catch (const std::system_error& e) {
            if (e.code() != std::errc::address_in_use) throw;
        }
    }
    if (!made) made = listen_at(where, options);
    const bool removes = is_path(where) && options.cleanup_socket();
    listeners_.reserve(listeners_.size() + 1);
    listeners_.push_back(make_listener(loop_, std::move(made), removes ? where.host() : std::string()));
}

void server_state::listen_with(unique_fd socket) {
    listeners_.reserve(listeners_.size() + 1);
    listeners_.push_back(make_listener(loop_, std::move(socket)));
}

void server_state::start() {
    if (closed_) throw invalid_state_error("start_serving: the server is closed");
    if (std::exchange(serving_, true)) return;
    for (listener* const each : listeners_) {
        const bool unix_socket = listener_address(*each).family() == address_family::local;
        start_listener(*each, [this, unix_socket](int fd) { accepted(fd, unix_socket); });
    }
}

void server_state::close() noexcept {
    if (std::exchange(closed_, true)) return;
    unlink();
    serving_ = false;
    for (listener* const each : listeners_) close_listener(*each);
    listeners_.clear();
    if (forever_) forever_.cancel();
    check_end();
}

std::vector<address> server_state::addresses() const {
    std::vector<address> found;
    for (const listener* const each : listeners_) found.push_back(listener_address(*each));
    return found;
}

void server_state::accepted(int fd, bool unix_socket) {
    unique_fd owned(fd);
    const auto self = shared_from_this();  // an eager handler may drop the last handle
    stream_ref stream(make_socket_stream(loop_, fd, unix_socket));
    static_cast<void>(owned.release());
    clients_->add(*stream);
    if (is_full()) {
        paused_ = true;
        for (listener* const each : listeners_) pause_listener(*each);
    }
    if (clients_->options().tls()) {
        create_task(*loop_.loop, secure_client(clients_, std::move(stream)));
    } else {
        connection client = connection_over(std::move(stream), clients_->options());
        create_task(*loop_.loop, serve_client(clients_, std::move(client)));
    }
}

bool server_state::is_full() const noexcept {
    return clients_->size() != 0 && clients_->size() >= clients_->options().connection_limit();
}

void server_state::client_gone() noexcept {
    // Several addresses may have gone beyond the limit together: all that is beyond has to go first.
    if (!paused_ || is_full()) return;
    paused_ = false;
    for (listener* const each : listeners_) resume_listener(*each);
}

void server_state::check_end() noexcept {
    if (closed_ && clients_->idle()) ended_.set();
}

coro<void> server_state::wait_closed(std::shared_ptr<server_state> self) {
    const auto hold = std::move(self);
    co_await hold->ended_.wait();
}

coro<void> server_state::serve_forever(std::shared_ptr<server_state> self) {
    std::exception_ptr error;
    if (self->closed_) throw invalid_state_error("serve_forever: the server is closed");
    if (self->forever_) throw invalid_state_error("serve_forever: another task serves already");
    self->start();
    self->forever_ = create_future<void>();
    future<void> forever = self->forever_;
    try {
        co_await forever;
    } catch (...) { error = std::current_exception(); }
    self->forever_ = {};
    self->close();
    auto joining = wait_closed(std::move(self));
    co_await std::move(joining);
    std::rethrow_exception(error);
}

coro<void> nothing() { co_return; }

}  // namespace bide::detail
