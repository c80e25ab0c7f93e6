// bide/bench: the limit for an echo server on io_uring: a hand-written loop on liburing. `echo_uring PORT`.
//
// One ring for one thread, completions run when it enters (SINGLE_ISSUER, DEFER_TASKRUN), and one call per turn both
// submits and waits. Multishot accept and multishot receive are armed once. Received bytes lie in buffers that the
// kernel takes from a ring shared by all connections, and are sent from there.
//
// What has arrived for a connection waits in a list of buffers. At the end of a turn small answers leave through the
// ring, all connections together; from 4 KiB on sendmsg() at once is faster, it copies while the bytes are hot.
// One send per connection is on its way at a time, which keeps the order.
#include "listen.hpp"

#include <liburing.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "ring.hpp"

namespace {

constexpr unsigned buffer_count = 2048;
constexpr std::size_t buffer_size = 16 * 1024;
// Not a multiple of the page: otherwise the first lines of all buffers compete for the same few places in the cache.
constexpr std::size_t buffer_stride = buffer_size + 192;
constexpr std::size_t send_at_once = 4096;
constexpr int none = -1;

enum class kind : std::uint64_t { accepted, received, sent };

struct chunk {
    int next = none;
    unsigned from = 0;
    unsigned size = 0;
};

struct connection {
    int fd = -1;
    int first = none;
    int last = none;
    bool receiving = false;
    bool sending = false;
    bool touched = false;  // is in the list of this turn
    std::array<iovec, 8> pieces{};
    msghdr message{};
};

io_uring_buf_ring* buffers;
char* memory;
std::vector<chunk> chunks(buffer_count);               // by buffer
std::vector<std::unique_ptr<connection>> connections;  // by descriptor
std::vector<connection*> touched;
std::vector<connection*> starved;  // found no buffer: receive again when some are back

void receive(connection& c) {
    io_uring_sqe* const sqe = entry();
    io_uring_prep_recv_multishot(sqe, c.fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    mark(sqe, kind::received, c.fd);
    c.receiving = true;
}

char* bytes_of(int id) { return memory + static_cast<std::size_t>(id) * buffer_stride; }

void give_back(int id) {
    io_uring_buf_ring_add(buffers, bytes_of(id), buffer_size, static_cast<unsigned short>(id),
                          io_uring_buf_ring_mask(buffer_count), 0);
    io_uring_buf_ring_advance(buffers, 1);
}

void touch(connection& c) {
    if (c.touched) return;
    c.touched = true;
    touched.push_back(&c);
}

void consume(connection& c, std::size_t size) {
    while (size > 0) {
        chunk& first = chunks[static_cast<std::size_t>(c.first)];
        if (size < first.size) {
            first.from += static_cast<unsigned>(size);
            first.size -= static_cast<unsigned>(size);
            return;
        }
        size -= first.size;
        give_back(std::exchange(c.first, first.next));
    }
    if (c.first == none) c.last = none;
}

void lose(connection& c) {
    while (c.first != none) give_back(std::exchange(c.first, chunks[static_cast<std::size_t>(c.first)].next));
    c.last = none;
    shutdown(c.fd, SHUT_RDWR);  // ends the receive, and with it the connection
}

// As much of what waits as fits into one message.
std::size_t gather(connection& c) {
    std::size_t total = 0;
    std::size_t count = 0;
    for (int id = c.first; id != none && count < c.pieces.size(); ++count) {
        const chunk& each = chunks[static_cast<std::size_t>(id)];
        c.pieces[count] = {bytes_of(id) + each.from, each.size};
        total += each.size;
        id = each.next;
    }
    c.message.msg_iov = c.pieces.data();
    c.message.msg_iovlen = count;
    return total;
}

void send_through_ring(connection& c) {
    io_uring_sqe* const sqe = entry();
    if (c.message.msg_iovlen == 1)
        io_uring_prep_send(sqe, c.fd, c.pieces[0].iov_base, c.pieces[0].iov_len, MSG_NOSIGNAL);
    else
        io_uring_prep_sendmsg(sqe, c.fd, &c.message, MSG_NOSIGNAL);
    mark(sqe, kind::sent, c.fd);
    c.sending = true;
}

void answer(connection& c) {
    while (c.first != none && !c.sending) {
        const std::size_t total = gather(c);
        if (total >= send_at_once) {
            const ssize_t sent = sendmsg(c.fd, &c.message, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0) consume(c, static_cast<std::size_t>(sent));
            if (sent > 0) continue;
            if (errno != EAGAIN) {
                lose(c);
                break;
            }
        }
        send_through_ring(c);
    }
    if (c.receiving || c.sending || c.first != none) return;
    close(c.fd);
    connections[static_cast<std::size_t>(c.fd)].reset();
}

void on_accepted(const io_uring_cqe& cqe, int listener) {
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) accept_from(listener, kind::accepted);
    if (cqe.res < 0) return;
    const auto index = static_cast<std::size_t>(cqe.res);
    if (index >= connections.size()) connections.resize(index * 2);
    connections[index] = std::make_unique<connection>();
    connections[index]->fd = cqe.res;
    receive(*connections[index]);
}

void on_received(const io_uring_cqe& cqe, connection& c) {
    if (cqe.res > 0) {
        const int id = static_cast<int>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
        chunks[static_cast<std::size_t>(id)] = {none, 0, static_cast<unsigned>(cqe.res)};
        (c.last == none ? c.first : chunks[static_cast<std::size_t>(c.last)].next) = id;
        c.last = id;
    }
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) {
        if (cqe.res > 0)
            receive(c);
        else if (cqe.res == -ENOBUFS)
            starved.push_back(&c);
        else
            c.receiving = false;
    }
    touch(c);
}

void on_sent(const io_uring_cqe& cqe, connection& c) {
    c.sending = false;
    if (cqe.res > 0)
        consume(c, static_cast<std::size_t>(cqe.res));
    else
        lose(c);
    touch(c);
}

void end_turn() {
    // answer() may close a connection and touches no other.
    for (connection* const each : touched) {
        each->touched = false;
        answer(*each);
    }
    touched.clear();
    for (connection* const each : starved) receive(*each);
    starved.clear();
}

bool make_buffers() {
    void* place = nullptr;
    if (posix_memalign(&place, 4096, buffer_count * sizeof(io_uring_buf)) != 0) return false;
    buffers = static_cast<io_uring_buf_ring*>(place);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uint64_t>(place);
    registration.ring_entries = buffer_count;
    if (const int error = io_uring_register_buf_ring(&ring, &registration, 0); error < 0) {
        std::fprintf(stderr, "buffers of io_uring: %s\n", std::strerror(-error));
        return false;
    }
    io_uring_buf_ring_init(buffers);
    memory = static_cast<char*>(std::malloc(buffer_count * buffer_stride));
    for (unsigned id = 0; id < buffer_count; ++id) give_back(static_cast<int>(id));
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const int listener = listen_on(argv[1], 0);
    if (!make_ring() || !make_buffers()) return 1;
    accept_from(listener, kind::accepted);
    say_ready();
    for (;;) {
        run_turn<kind>([](kind what, int fd, const io_uring_cqe& cqe) {
            if (what == kind::accepted) return on_accepted(cqe, fd);
            connection& c = *connections[static_cast<std::size_t>(fd)];
            if (what == kind::received) on_received(cqe, c);
            if (what == kind::sent) on_sent(cqe, c);
        });
        end_turn();
    }
}
