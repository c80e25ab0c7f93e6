// bide/bench: the clients of an echo server that connect for one request each.
#pragma once

#include "load.hpp"

namespace load {

// So many at a time connect, send one request, wait for its echo, close, and are replaced by the next.
template <class Connection>
class connect_clients {
public:
    connect_clients(std::uint16_t port, std::size_t count, std::size_t size)
        : port_(port), request_(size, 'x'), clients_(count) {}

    // Until the time is over, and then until all are closed. Returns how many there were.
    std::uint64_t run(double seconds, measurement* result) {
        std::uint64_t done = 0;
        const auto end = clock::now() + std::chrono::duration<double>(seconds);
        for (std::size_t i = 0; i < clients_.size(); ++i) begin(i);
        while (open_ != 0) {
            for (const epoll_event& event : events_.next()) {
                const std::uint64_t index = event.data.u64;
                if (!finish(clients_[index])) continue;
                const auto now = clock::now();
                done += 1;
                if (result != nullptr) result->add(now - clients_[index].began);
                if (now < end) begin(index);
            }
        }
        return done;
    }

private:
    struct client {
        Connection connection{};
        std::size_t missing = 0;  // of the echo
        std::size_t unsent = 0;
        clock::time_point began{};
    };

    void begin(std::uint64_t index) {
        client& c = clients_[index];
        c.began = clock::now();
        c.missing = c.unsent = request_.size();
        c.connection.open(port_, ++made_);
        ++open_;
        push(c);
        events_.watch(c.connection.fd, EPOLLIN, index);
    }

    void push(client& c) {
        c.unsent -= c.connection.send(std::string_view(request_).substr(request_.size() - c.unsent));
    }

    // True when the whole echo has come and the connection is closed.
    bool finish(client& c) {
        if (c.unsent > 0) push(c);
        c.missing -= c.connection.receive(c.missing);
        if (c.missing != 0) return false;
        c.connection.close();
        --open_;
        return true;
    }

    std::uint16_t port_;
    std::string request_;
    event_source events_;
    std::vector<client> clients_;
    std::uint32_t made_ = 0;
    std::size_t open_ = 0;
};

// `NAME PORT CONNECTIONS SIZE SECONDS [SERVER_PID]`
template <class Connection>
int connect_main(const char* what, int argc, char** argv) {
    const arguments told(argc, argv, "[SERVER_PID]");
    connect_clients<Connection> all(told.port, told.connections, told.size);
    const std::uint64_t before = all.run(told.seconds / 5, nullptr);
    measurement result(argc > 5 ? argv[5] : "none");
    all.run(told.seconds * 4 / 5, &result);
    result.report(what, told, 1, before);
    return 0;
}

}  // namespace load
