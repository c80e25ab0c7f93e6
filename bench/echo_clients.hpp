// bide/bench: the clients of an echo server: all send and wait for the echo, again and again, for a while.
#pragma once

#include "load.hpp"

namespace load {

// A connection knows how to send what is left of a request and to receive what is missing of its echo.
template <class Connection>
class echo_clients {
public:
    // Each connection sends `depth` requests of `size` bytes in one piece and waits for the echo of all of them.
    echo_clients(std::size_t size, std::size_t depth) : batch_(size * depth, 'x'), depth_(depth) {}

    // One after another, each with a first echo: then the server has surely accepted it, and made what it needs for it.
    void connect(std::uint16_t port, std::size_t count) {
        clients_.resize(count);
        for (std::size_t i = 0; i < count; ++i) {
            clients_[i].connection.open(port);
            events_.watch(clients_[i].connection.fd, EPOLLIN | EPOLLOUT | EPOLLET, i);
            begin(clients_[i], clock::now());
            while (on_their_way_ != 0) turn([](client&) {});
        }
    }

    // Until the time is over, and then until nothing is on its way. Returns the requests.
    std::uint64_t run(double seconds, measurement* result) {
        std::uint64_t done = 0;
        const auto end = clock::now() + std::chrono::duration<double>(seconds);
        for (client& each : clients_) begin(each, clock::now());
        while (on_their_way_ != 0) {
            turn([&](client& c) {
                const auto now = clock::now();
                done += depth_;
                if (result != nullptr) result->add(now - c.began, depth_);
                if (now < end) begin(c, now);
            });
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

    // Sends and receives what can be; calls finished(client) for every echo that is complete.
    template <class F>
    void turn(F finished) {
        for (const epoll_event& event : events_.next()) {
            client& c = clients_[event.data.u64];
            if (c.unsent > 0) push(c);
            if ((event.events & ~static_cast<unsigned>(EPOLLOUT)) == 0 || c.missing == 0) continue;
            c.missing -= c.connection.receive(c.missing);
            if (c.missing != 0) continue;
            --on_their_way_;
            finished(c);
        }
    }

    void push(client& c) {
        const std::string_view rest = std::string_view(batch_).substr(batch_.size() - c.unsent);
        c.unsent -= c.connection.send(rest);
    }

    void begin(client& c, clock::time_point now) {
        c.began = now;
        c.missing = c.unsent = batch_.size();
        ++on_their_way_;
        push(c);
    }

    std::string batch_;
    std::size_t depth_;
    event_source events_;
    std::vector<client> clients_;
    std::size_t on_their_way_ = 0;
};

// `NAME PORT CONNECTIONS SIZE SECONDS [DEPTH] [SERVER_PID]`. After the warm-up everything comes to rest, and the rest of
// the time is measured. With 0 seconds it says `idle` when all connections are open, and holds them until its input ends.
template <class Connection>
int echo_main(const char* what, int argc, char** argv) {
    const arguments told(argc, argv, "[DEPTH] [SERVER_PID]");
    const std::size_t depth = argc > 5 ? static_cast<std::size_t>(std::atol(argv[5])) : 1;
    echo_clients<Connection> all(told.size, depth);
    all.connect(told.port, told.connections);
    if (told.seconds <= 0) {
        std::puts("idle");
        std::fflush(stdout);
        while (std::getchar() != EOF) {}
        return 0;
    }
    const std::uint64_t before = all.run(told.seconds / 5, nullptr);
    measurement result(argc > 6 ? argv[6] : "none");
    all.run(told.seconds * 4 / 5, &result);
    result.report(what, told, depth, before);
    return 0;
}

}  // namespace load
