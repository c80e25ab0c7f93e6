// bide/bench: the limit for large echoes on io_uring: the ring only tells what is readable. `echo_uring_poll PORT`.
//
// Plain recv() and send() through one buffer, which stays in the cache; echo_uring, whose buffers take turns, loses from
// some KiB on. What a send leaves over goes through the ring, and that connection is not read until it is out: one
// entry of each connection is on its way at any time.
#include "listen.hpp"

#include <liburing.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "ring.hpp"

namespace {

constexpr std::size_t buffer_size = 256 * 1024;
char buffer[buffer_size];

enum class kind : std::uint64_t { accepted, readable, sent };

std::vector<std::string> rests;  // what could not be sent at once, by descriptor

void wait_until_readable(int fd) {
    io_uring_sqe* const sqe = entry();
    io_uring_prep_poll_add(sqe, fd, POLLIN);
    mark(sqe, kind::readable, fd);
}

void send_rest(int fd) {
    const std::string& rest = rests[static_cast<std::size_t>(fd)];
    io_uring_sqe* const sqe = entry();
    io_uring_prep_send(sqe, fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    mark(sqe, kind::sent, fd);
}

void end(int fd) {
    rests[static_cast<std::size_t>(fd)] = std::string();
    close(fd);
}

void on_accepted(int listener, const io_uring_cqe& cqe) {
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) accept_from(listener, kind::accepted);
    if (cqe.res < 0) return;
    const auto index = static_cast<std::size_t>(cqe.res);
    if (index >= rests.size()) rests.resize(index * 2);
    wait_until_readable(cqe.res);
}

void on_readable(int fd) {
    const ssize_t got = recv(fd, buffer, buffer_size, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return wait_until_readable(fd);
    if (got <= 0) return end(fd);
    const ssize_t sent = send(fd, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == got) return wait_until_readable(fd);
    if (sent < 0 && errno != EAGAIN) return end(fd);
    const ssize_t done = sent < 0 ? 0 : sent;
    rests[static_cast<std::size_t>(fd)].assign(buffer + done, static_cast<std::size_t>(got - done));
    send_rest(fd);
}

void on_sent(int fd, int result) {
    if (result <= 0) return end(fd);
    std::string& rest = rests[static_cast<std::size_t>(fd)];
    rest.erase(0, static_cast<std::size_t>(result));
    if (rest.empty())
        wait_until_readable(fd);
    else
        send_rest(fd);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const int listener = listen_on(argv[1], 0);
    if (!make_ring()) return 1;
    accept_from(listener, kind::accepted);
    say_ready();
    for (;;) {
        run_turn<kind>([](kind what, int fd, const io_uring_cqe& cqe) {
            if (what == kind::accepted) on_accepted(fd, cqe);
            if (what == kind::readable) on_readable(fd);
            if (what == kind::sent) on_sent(fd, cqe.res);
        });
    }
}
