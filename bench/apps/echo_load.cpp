// bide/bench: load for echo servers: `echo_load PORT CONNECTIONS SIZE SECONDS [DEPTH] [SERVER_PID]`.
//
// A hand-written epoll loop, the same for every server. What comes back is counted and dropped in the kernel
// (MSG_TRUNC), without a copy, so that the load is lighter than any server.
#include "../echo_clients.hpp"

namespace {

struct connection {
    int fd = -1;

    void open(std::uint16_t port) { fd = load::connect_to(port); }

    // As much as there is room for; an edge will say when there is more.
    std::size_t send(std::string_view bytes) const {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t sent =
                ::send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno == EAGAIN) break;
            if (sent < 0) load::fail("send");
            done += static_cast<std::size_t>(sent);
        }
        return done;
    }

    // As much as there is. A short read has emptied the socket: the next bytes make a new edge.
    std::size_t receive(std::size_t most) const {
        std::size_t done = 0;
        while (done < most) {
            const std::size_t asked = most - done;
            const ssize_t got = recv(fd, nullptr, asked, MSG_DONTWAIT | MSG_TRUNC);
            if (got < 0 && errno == EAGAIN) break;
            if (got < 0) load::fail("recv");
            if (got == 0) load::fail("the server closed a connection", 0);
            done += static_cast<std::size_t>(got);
            if (static_cast<std::size_t>(got) < asked) break;
        }
        return done;
    }
};

}  // namespace

int main(int argc, char** argv) { return load::echo_main<connection>("echo", argc, argv); }
