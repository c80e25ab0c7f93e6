// bide/testing: servers and connections by name, in memory.
#include <bide/testing/memory_net.hpp>

#include <bide/detail/core/until_done.hpp>
#include <bide/error.hpp>
#include <bide/future.hpp>
#include <bide/sleep.hpp>
#include <bide/task.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <system_error>

#include "net/serve_client.hpp"
#include "testing/memory_end.hpp"

namespace bide::testing {

namespace detail {

using bide::detail::stream_core;
using bide::detail::stream_ref;

class memory_net_state {
public:
    std::map<std::string, memory_server_state*> servers;
};

// Tells the server when a handler has ended.
class memory_service final : public bide::detail::client_service {
public:
    memory_service(memory_server_state& server,
                   std::shared_ptr<bide::detail::client_handler> handler) noexcept
        : client_service(std::move(handler)), server_(&server) {}
    void leave_server() noexcept { server_ = nullptr; }

private:
    void user_left() noexcept override;

    memory_server_state* server_;
};

class memory_server_state final : public std::enable_shared_from_this<memory_server_state>,
                                  bide::detail::stream_watcher {
public:
    memory_server_state(std::shared_ptr<memory_net_state> net,
                        std::shared_ptr<bide::detail::client_handler> handler, std::string name,
                        memory_options options)
        : net_(std::move(net)),
          service_(new memory_service(*this, std::move(handler))),
          name_(std::move(name)),
          options_(std::move(options)) {
        if (!net_->servers.emplace(name_, this).second)
            throw std::system_error(EADDRINUSE, std::generic_category(), "listen on " + name_);
    }
    ~memory_server_state() {
        service_->leave_server();
        close();
    }
    memory_server_state(const memory_server_state&) = delete;
    memory_server_state& operator=(const memory_server_state&) = delete;

    connection accept(memory_options theirs) {
        memory_pair made = make_memory_pair(std::move(theirs), options_, name_);
        stream_ref stream = made.second.writer.stream();
        clients_.push_back({stream.get(), made.link, shared_from_this()});
        stream->watcher = this;
        create_task(bide::detail::serve_client(service_, std::move(made.second)));
        return std::move(made.first);
    }

    void close() noexcept {
        if (std::exchange(closed_, true)) return;
        net_->servers.erase(name_);
        check_done();
    }

    template <class F>
    void for_each_client(F act) {
        std::vector<stream_ref> held;  // closing one may end others
        for (const client& each : clients_) {
            each.stream->retain();
            held.emplace_back(each.stream);
        }
        for (const stream_ref& each : held) act(*each);
    }

    static coro<void> wait_done(std::shared_ptr<memory_server_state> self) {
        while (!self->done()) {
            if (!self->done_ || self->done_.done()) self->done_ = create_future<void>();
            const future<void> done = self->done_;  // a waiter that is cancelled must not cancel the others
            co_await bide::detail::until_done(done.core());
        }
    }

    [[nodiscard]] std::vector<memory_link> links() const {
        std::vector<memory_link> all;
        for (const client& each : clients_) all.push_back(each.link);
        return all;
    }
    [[nodiscard]] std::size_t size() const noexcept { return clients_.size(); }

    // A connection or its handler has ended.
    void check_done() noexcept {
        if (done() && done_ && !done_.done()) done_.set_result();
    }

private:
    struct client {
        stream_core* stream;
        memory_link link;
        std::shared_ptr<memory_server_state> watched_by;  // until it is closed
    };

    [[nodiscard]] bool done() const noexcept { return closed_ && clients_.empty() && service_->idle(); }
    void stream_gone(stream_core& which) noexcept override {
        const auto self = shared_from_this();
        std::erase_if(clients_, [&](const client& each) { return each.stream == &which; });
        check_done();
    }
    void stream_wrapped(stream_core& inner, stream_core& outer) noexcept override {
        for (client& each : clients_) {
            if (each.stream == &inner) each.stream = &outer;
        }
    }

    std::shared_ptr<memory_net_state> net_;
    bide::detail::counted_ref<memory_service> service_;
    std::string name_;
    memory_options options_;
    std::vector<client> clients_;
    future<void> done_;
    bool closed_ = false;
};

void memory_service::user_left() noexcept {
    if (server_ != nullptr) server_->check_done();
}

namespace {

coro<connection> connect_to(std::shared_ptr<memory_net_state> net, std::string name, memory_options options) {
    const auto found = [&] { return net->servers.find(name); };
    co_await sleep(std::chrono::seconds(0));
    const auto server = found();
    if (server == net->servers.end())
        throw std::system_error(ECONNREFUSED, std::generic_category(), "connect " + name);
    co_return server->second->accept(std::move(options));
}

}  // namespace
}  // namespace detail

std::size_t memory_server::client_count() const noexcept { return state_->size(); }
std::vector<memory_link> memory_server::links() const { return state_->links(); }
void memory_server::close() const noexcept { state_->close(); }
void memory_server::close_clients() const {
    state_->for_each_client([](bide::detail::stream_core& each) { each.close(); });
}
void memory_server::abort_clients() const {
    state_->for_each_client([](bide::detail::stream_core& each) { each.abort(); });
}
coro<void> memory_server::wait_closed() const { return detail::memory_server_state::wait_done(state_); }

memory_net::memory_net() : state_(std::make_shared<detail::memory_net_state>()) {}

memory_server memory_net::listen(std::shared_ptr<bide::detail::client_handler> handler, std::string name,
                                 memory_options options) const {
    return memory_server(std::make_shared<detail::memory_server_state>(state_, std::move(handler),
                                                                       std::move(name), std::move(options)));
}

coro<connection> memory_net::open_connection(std::string name, memory_options options) const {
    return detail::connect_to(state_, std::move(name), std::move(options));
}

}  // namespace bide::testing
