// bide/bench: load of short connections: `connect_load PORT CONNECTIONS SIZE SECONDS [SERVER_PID]`.
#include "../connect_clients.hpp"

namespace {

struct connection {
    int fd = -1;

    void open(std::uint16_t port, std::uint32_t n) { fd = load::connect_to(port, n); }
    void close() const { ::close(fd); }

    std::size_t send(std::string_view bytes) const {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) load::fail("send");
        return static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    }

    std::size_t receive(std::size_t most) const {
        char buffer[4096];
        const ssize_t got = recv(fd, buffer, std::min(sizeof buffer, most), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return 0;
        if (got < 0) load::fail("recv");
        if (got == 0) load::fail("the server closed a connection", 0);
        return static_cast<std::size_t>(got);
    }
};

}  // namespace

int main(int argc, char** argv) { return load::connect_main<connection>("connect", argc, argv); }
