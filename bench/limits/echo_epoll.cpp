// bide/bench: the limit for an echo server on epoll: a hand-written loop without any library. `echo_epoll PORT`.
//
// Edge-triggered, registered once; a short read has emptied the socket and saves the read that would say so. One buffer
// serves all connections. What a send leaves over is kept, and that connection is not read until it is out.
#include "listen.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace {

constexpr std::size_t buffer_size = 256 * 1024;
char buffer[buffer_size];

struct connection {
    bool readable = false;
    bool ended =
        false;  // the peer sends no more: there is an end to read after the bytes, without an edge of its own
    std::string unsent;
};
std::vector<connection> connections;  // by descriptor

void end(int fd) {
    connections[static_cast<std::size_t>(fd)] = connection();
    close(fd);
}

// How much could be sent; -1 when the connection is lost.
ssize_t send_some(int fd, const char* data, std::size_t size) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

void echo(int fd) {
    connection& c = connections[static_cast<std::size_t>(fd)];
    while (c.readable) {
        const ssize_t got = recv(fd, buffer, buffer_size, 0);
        if (got < 0 && errno == EAGAIN) {
            c.readable = false;
            return;
        }
        if (got <= 0) return end(fd);
        const auto size = static_cast<std::size_t>(got);
        c.readable = size == buffer_size || c.ended;
        const ssize_t sent = send_some(fd, buffer, size);
        if (sent < 0) return end(fd);
        if (static_cast<std::size_t>(sent) < size) {
            c.unsent.assign(buffer + sent, size - static_cast<std::size_t>(sent));
            return;
        }
    }
}

void continue_sending(int fd) {
    connection& c = connections[static_cast<std::size_t>(fd)];
    const ssize_t sent = send_some(fd, c.unsent.data(), c.unsent.size());
    if (sent < 0) return end(fd);
    c.unsent.erase(0, static_cast<std::size_t>(sent));
    if (c.unsent.empty()) echo(fd);
}

void accept_all(int listener, int poller) {
    for (;;) {
        const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (fd < 0) return;
        if (static_cast<std::size_t>(fd) >= connections.size())
            connections.resize(static_cast<std::size_t>(fd) * 2);
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.fd = fd;
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const int listener = listen_on(argv[1], SOCK_NONBLOCK);
    const int poller = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = listener;
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    say_ready();
    for (;;) {
        epoll_event events[512];
        const int count = epoll_wait(poller, events, 512, -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(listener, poller);
                continue;
            }
            connection& c = connections[static_cast<std::size_t>(fd)];
            if ((events[i].events & ~static_cast<unsigned>(EPOLLOUT)) != 0) c.readable = true;
            if ((events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) c.ended = true;
            if (!c.unsent.empty())
                continue_sending(fd);
            else if (c.readable)
                echo(fd);
        }
    }
}
