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

namespace bide::detail {

namespace {

using ticket_ref = std::shared_ptr<client_ticket>;

connection connection_over(stream_ref stream, const server_options& options) {
    return {stream_reader(stream, options.limit()), stream_writer(stream)};
}

// The handler, which keeps the ticket.
handler_ref handler_with(ticket_ref ticket) {
    client_handler* const handler = ticket->service().handler.get();
    return {std::move(ticket), handler};
}

// A handshake that fails is no fault of the program; the stream is closed then.
coro<void> secure_client(ticket_ref ticket, stream_ref plain) {
    stream_ref secured;
    std::exception_ptr error;
    loop_state& loop = plain->loop();
    const server_options& options = ticket->service().options;
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
    if (const auto server = ticket->server()) server->replace(*plain, *secured);
    plain = {};
    connection client = connection_over(std::move(secured), options);
    auto serving = serve_client(handler_with(std::move(ticket)), std::move(client));
    co_await std::move(serving);
}

}  // namespace

client_ticket::client_ticket(const std::shared_ptr<server_state>& of) : service_(of->service_), server_(of) {
    ++of->tasks_;
}

client_ticket::~client_ticket() {
    const auto server = server_.lock();
    if (!server) return;
    --server->tasks_;
    server->check_end();
}

server_state::server_state(loop_state& loop, handler_ref handler, server_options options)
    : loop_guest([](loop_guest& self) noexcept { static_cast<server_state&>(self).close(); }),
      loop_(loop),
      service_(std::make_shared<client_service>(client_service{std::move(handler), std::move(options)})) {
    insert_before(loop.guests);
}

server_state::~server_state() { close(); }

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
    const server_options& options = service_->options;
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
        start_listener(*each, [this](int fd) { accepted(fd); });
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

std::vector<stream_ref> server_state::clients() const {
    std::vector<stream_ref> held;
    held.reserve(clients_.size());
    for (stream_core* const each : clients_) {
        each->retain();
        held.emplace_back(each);
    }
    return held;
}

void server_state::accepted(int fd) {
    unique_fd owned(fd);
    const auto self = shared_from_this();  // an eager handler may drop the last handle
    clients_.reserve(clients_.size() + 1);
    stream_ref stream(make_socket_stream(loop_, fd));
    static_cast<void>(owned.release());
    clients_.push_back(stream.get());
    enrol(*stream, clients_.size() - 1);
    if (clients_.size() >= service_->options.connection_limit()) {
        paused_ = true;
        for (listener* const each : listeners_) pause_listener(*each);
    }
    auto ticket = std::make_shared<client_ticket>(self);
    if (service_->options.tls()) {
        create_task(*loop_.loop, secure_client(std::move(ticket), std::move(stream)));
    } else {
        connection client = connection_over(std::move(stream), service_->options);
        create_task(*loop_.loop, serve_client(handler_with(std::move(ticket)), std::move(client)));
    }
}

void server_state::enrol(stream_core& client, std::size_t slot) noexcept {
    client.slot = slot;
    client.on_closed = [self = weak_from_this()](stream_core& which) {
        if (const auto server = self.lock()) server->gone(which);
    };
}

void server_state::replace(stream_core& inner, stream_core& outer) noexcept {
    if (inner.slot >= clients_.size() || clients_[inner.slot] != &inner) return;
    clients_[inner.slot] = &outer;
    enrol(outer, inner.slot);
}

void server_state::gone(stream_core& client) noexcept {
    if (client.slot >= clients_.size() || clients_[client.slot] != &client) return;  // replaced before
    clients_.back()->slot = client.slot;
    clients_[client.slot] = clients_.back();
    clients_.pop_back();
    if (std::exchange(paused_, false)) {
        for (listener* const each : listeners_) resume_listener(*each);
    }
    check_end();
}

void server_state::check_end() noexcept {
    if (closed_ && clients_.empty() && tasks_ == 0) ended_.set();
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
