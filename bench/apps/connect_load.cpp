// bide/bench: load of short connections: `connect_load PORT CONNECTIONS SIZE SECONDS [SERVER_PID]`.
//
// So many at a time connect, send one request of SIZE bytes, wait for its echo, close, and are replaced by the next.
#include "../load.hpp"

namespace {

struct client {
    int fd = -1;
    std::size_t missing = 0;
    load::clock::time_point began;
};

struct connect_load {
    std::uint16_t port;
    std::string request;
    load::event_source events{};
    std::vector<client> clients{};
    std::uint32_t made = 0;
    std::size_t open = 0;

    void begin(client& c, std::uint64_t index) {
        c.began = load::clock::now();
        c.missing = request.size();
        c.fd = load::connect_to(port, ++made);
        ++open;
        if (send(c.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
            load::fail("send");
        events.watch(c.fd, EPOLLIN, index);
    }

    // True when the whole echo has come and the connection is closed.
    bool finish(client& c) {
        char buffer[4096];
        const ssize_t got = recv(c.fd, buffer, std::min(sizeof buffer, c.missing), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return false;
        if (got <= 0) load::fail("recv");
        c.missing -= static_cast<std::size_t>(got);
        if (c.missing != 0) return false;
        close(c.fd);
        --open;
        return true;
    }

    std::uint64_t run(double seconds, load::measurement* result) {
        std::uint64_t done = 0;
        const auto end = load::clock::now() + std::chrono::duration<double>(seconds);
        for (std::size_t i = 0; i < clients.size(); ++i) begin(clients[i], i);
        while (open != 0) {
            for (const epoll_event& event : events.next()) {
                const std::uint64_t index = event.data.u64;
                client& c = clients[index];
                if (!finish(c)) continue;
                const auto now = load::clock::now();
                done += 1;
                if (result != nullptr) result->add(now - c.began);
                if (now < end) begin(c, index);
            }
        }
        return done;
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: %s PORT CONNECTIONS SIZE SECONDS [SERVER_PID]\n", argv[0]);
        return 2;
    }
    const long connections = std::atol(argv[2]);
    const auto size = static_cast<std::size_t>(std::atol(argv[3]));
    const double seconds = std::atof(argv[4]);
    load::raise_file_limit();
    connect_load all{.port = static_cast<std::uint16_t>(std::atoi(argv[1])),
                     .request = std::string(size, 'x')};
    all.clients.resize(static_cast<std::size_t>(connections));
    const std::uint64_t before = all.run(seconds / 5, nullptr);
    load::measurement result(argc > 5 ? argv[5] : "none");
    all.run(seconds * 4 / 5, &result);
    result.report("connect", connections, size, 1, before);
}
