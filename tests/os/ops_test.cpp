// bide/os: the table of all operations; every row goes through success, errors and every kind of cancellation.
// bide-test: no-shuffle
#include "os/bell.hpp"
#include "os/ops_checks.hpp"
#include "os/sockets.hpp"

#include <sys/wait.h>

namespace os_tests {

namespace {

// --- scenes ---

void bad_descriptor(scene& s) { s.args = {.fd = 999'999, .data = s.buffer.data(), .size = s.buffer.size()}; }
void negative_descriptor(scene& s) { s.args = {.fd = -1, .data = s.buffer.data(), .size = s.buffer.size()}; }

void use(scene& s, fd_pair pair) {
    s.own = std::move(pair.a);
    s.peer = std::move(pair.b);
}
void into_buffer(scene& s) { s.args = {.fd = s.own.get(), .data = s.buffer.data(), .size = s.buffer.size()}; }
void from_text(scene& s) { s.args = {.fd = s.own.get(), .data = s.text.data(), .size = s.text.size()}; }
void peer_writes(scene& s) { EXPECT_EQ(::write(s.peer.get(), "ping", 4), 4); }

// --- reading ---

void empty_pipe(scene& s) {
    use(s, make_pipe());
    into_buffer(s);
}
void empty_socket(scene& s) {
    use(s, make_sockets());
    into_buffer(s);
}
void empty_blocking_socket(scene& s) {
    use(s, make_sockets(false));
    into_buffer(s);
}
void got_ping(scene& s, int result) {
    EXPECT_EQ(std::string(s.buffer.data(), static_cast<std::size_t>(std::max(0, result))), "ping");
}
void ping_is_still_there(scene& s) { EXPECT_EQ(drain(s.own.get()), "ping"); }

// The other end is gone: a read sees the end.
void peer_closes(scene& s) { s.peer.reset(); }
void got_end(scene&, int result) { EXPECT_EQ(result, 0); }
void nothing_to_check(scene&) {}

// --- writing ---

const std::string filler = "fff";  // what fill() has put before

void full_pipe(scene& s) {
    fd_pair pair = make_pipe();
    use(s, {std::move(pair.b), std::move(pair.a)});
    fill(s.own.get());
    from_text(s);
}
void full_socket(scene& s) {
    use(s, make_sockets());
    fill(s.own.get());
    from_text(s);
}
void full_blocking_socket(scene& s) {
    use(s, make_sockets(false));
    fill(s.own.get());
    from_text(s);
}
void peer_drains(scene& s) { s.drained = drain(s.peer.get()); }
void wrote_text(scene& s, int result) {
    EXPECT_EQ(result, static_cast<int>(s.text.size()));
    const std::string all =
        s.drained + drain(s.peer.get());  // it may have got in while the peer was draining
    EXPECT_TRUE(all.ends_with(filler + s.text)) << all.size();
}
void wrote_nothing(scene& s) { EXPECT_TRUE((s.drained + drain(s.peer.get())).ends_with(filler)); }

void reader_gone(scene& s) {
    fd_pair pair = make_pipe();
    use(s, {std::move(pair.b), {}});
    from_text(s);
}
void socket_peer_gone(scene& s) {
    use(s, make_sockets());
    s.peer.reset();
    from_text(s);
}
void not_a_socket(scene& s) {
    use(s, make_pipe());
    into_buffer(s);
}
void null_buffer(scene& s) {
    use(s, make_sockets());
    peer_writes(s);
    s.args = {.fd = s.own.get(), .data = nullptr, .size = 16};
}
void null_pipe_buffer(scene& s) {
    use(s, make_pipe());
    peer_writes(s);
    s.args = {.fd = s.own.get(), .data = nullptr, .size = 16};
}
void write_end(scene& s) {
    fd_pair pair = make_pipe();
    use(s, {std::move(pair.b), std::move(pair.a)});
    into_buffer(s);
}
void folder(scene& s) {
    s.own.reset(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    into_buffer(s);
}

// --- readiness ---

void is_readable(scene&, int result) { EXPECT_NE(result & POLLIN, 0); }
void is_told(scene& s, int result) {
    EXPECT_GT(result, 0);
    ping_is_still_there(s);
}
void is_writable(scene&, int result) { EXPECT_NE(result & POLLOUT, 0); }
void has_hung_up(scene&, int result) { EXPECT_NE(result & (POLLHUP | POLLRDHUP), 0); }
void peer_hangs_up_writing(scene& s) { s.peer.reset(); }
void pipe_with_ping(scene& s) {
    empty_pipe(s);
    peer_writes(s);
}
void is_broken(scene&, int result) { EXPECT_NE(result & (POLLERR | POLLHUP), 0); }

// --- messages ---

void message_of(scene& s, void* data, std::size_t size) {
    s.piece = {data, size};
    s.message.msg_iov = &s.piece;
    s.message.msg_iovlen = 1;
    s.args = {.fd = s.own.get(), .data = &s.message};
}
void empty_socket_for_message(scene& s) {
    use(s, make_sockets());
    message_of(s, s.buffer.data(), s.buffer.size());
}
void empty_blocking_socket_for_message(scene& s) {
    use(s, make_sockets(false));
    message_of(s, s.buffer.data(), s.buffer.size());
}
void full_socket_for_message(scene& s) {
    use(s, make_sockets());
    fill(s.own.get());
    message_of(s, s.text.data(), s.text.size());
}
void full_blocking_socket_for_message(scene& s) {
    use(s, make_sockets(false));
    fill(s.own.get());
    message_of(s, s.text.data(), s.text.size());
}
// Datagrams keep their borders: the one that waits must arrive as it is, once.
void full_datagram_socket(scene& s) {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    use(s, {unique_fd(fds[0]), unique_fd(fds[1])});
    fill(s.own.get());
    from_text(s);
    s.args.flags = MSG_DONTWAIT;  // see socket_core::send_flags
}
void full_datagram_socket_for_message(scene& s) {
    full_datagram_socket(s);
    message_of(s, s.text.data(), s.text.size());
}
void peer_gone_for_message(scene& s) {
    use(s, make_sockets());
    s.peer.reset();
    message_of(s, s.text.data(), s.text.size());
}
void not_a_socket_for_message(scene& s) {
    use(s, make_pipe());
    message_of(s, s.buffer.data(), s.buffer.size());
}
void no_message(scene& s) {
    use(s, make_sockets());
    s.args = {.fd = s.own.get(), .data = nullptr};
}

void unix_receiver_without_room(scene& s) {
    s.peer.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    s.name.ss_family = AF_UNIX;
    EXPECT_EQ(::bind(s.peer.get(), reinterpret_cast<sockaddr*>(&s.name), sizeof(sa_family_t)),
              0);  // any name
    EXPECT_EQ(::getsockname(s.peer.get(), reinterpret_cast<sockaddr*>(&s.name), &s.name_size), 0);
    s.own.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    message_of(s, s.text.data(), s.text.size());
    s.message.msg_name = &s.name;
    s.message.msg_namelen = s.name_size;
    while (::sendmsg(s.own.get(), &s.message, 0) >= 0) {}
}

// A datagram socket, whose messages tell who sent them.
void empty_udp_socket(scene& s) {
    s.own = udp_socket();
    s.peer = udp_socket();
    message_of(s, s.buffer.data(), s.buffer.size());
    s.message.msg_name = &s.name;
    s.message.msg_namelen = sizeof s.name;
}
void peer_sends(scene& s) {
    const sockaddr_in to = name_of(s.own.get());
    EXPECT_EQ(::sendto(s.peer.get(), "ping", 4, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to), 4);
}
void got_ping_from_peer(scene& s, int result) {
    got_ping(s, result);
    EXPECT_EQ(s.message.msg_namelen, sizeof(sockaddr_in));
    EXPECT_EQ(reinterpret_cast<const sockaddr_in&>(s.name).sin_port, name_of(s.peer.get()).sin_port);
}

// --- connections ---

void listener_without_clients(scene& s) {
    s.own = tcp_listener();
    s.args = {.fd = s.own.get()};
}
void listener_that_asks_who(scene& s) {
    s.own = tcp_listener();
    s.args = {.fd = s.own.get(), .data = &s.name, .offset = reinterpret_cast<std::uint64_t>(&s.name_size)};
}
void client_connects(scene& s) {
    s.peer = tcp_socket();
    const sockaddr_in to = name_of(s.own.get());
    EXPECT_EQ(::connect(s.peer.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
}
void got_connection(scene& s, int result) {
    const unique_fd accepted(result);
    EXPECT_NE(::fcntl(accepted.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(accepted.get(), F_GETFD) & FD_CLOEXEC, 0);
    peer_writes(s);
    EXPECT_EQ(drain(accepted.get()), "ping");
}
void got_connection_and_name(scene& s, int result) {
    EXPECT_EQ(s.name_size, sizeof(sockaddr_in));
    EXPECT_EQ(reinterpret_cast<const sockaddr_in&>(s.name).sin_port, name_of(s.peer.get()).sin_port);
    got_connection(s, result);
}
void connection_is_still_there(scene& s) {
    const unique_fd accepted(::accept4(s.own.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    EXPECT_TRUE(accepted);
}
void not_listening(scene& s) {
    s.own = tcp_socket();
    s.args = {.fd = s.own.get()};
}

// The listener's filter drops what arrives, so the attempt goes on for as long as it is there.
void unanswered(scene& s) {
    s.peer = tcp_listener();
    drop_everything(s.peer.get());
    s.own = tcp_socket();
    set_nonblocking(s.own.get());
    reinterpret_cast<sockaddr_in&>(s.name) = name_of(s.peer.get());
    s.args = {.fd = s.own.get(), .data = &s.name, .size = sizeof(sockaddr_in)};
}
// The kernel repeats the attempt only after a second, so one that has begun is met half way: the listener's place is
// taken by a socket that connects in the other direction (RFC 9293 section 3.5, simultaneous open).
void answered(scene& s) {
    if (!is_connecting(s.own.get())) return drop_nothing(s.peer.get());
    const sockaddr_in here = name_of(s.peer.get());
    const sockaddr_in there = name_of(s.own.get());
    s.peer = tcp_socket();
    EXPECT_EQ(::bind(s.peer.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here), 0);
    EXPECT_EQ(::connect(s.peer.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
}
void is_connected(scene& s, int result) {
    EXPECT_EQ(result, 0);
    sockaddr_in name{};
    socklen_t size = sizeof name;
    EXPECT_EQ(::getpeername(s.own.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
}
void nobody_listens(scene& s) {
    const unique_fd gone = tcp_listener();
    reinterpret_cast<sockaddr_in&>(s.name) = name_of(gone.get());
    s.own = tcp_socket();
    s.args = {.fd = s.own.get(), .data = &s.name, .size = sizeof(sockaddr_in)};
}
void wrong_family(scene& s) {
    nobody_listens(s);
    s.name.ss_family = AF_INET6;
    s.args.size = sizeof(sockaddr_in6);
}
void unix_listener_without_room(scene& s) {
    s.peer.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    s.name.ss_family = AF_UNIX;
    EXPECT_EQ(::bind(s.peer.get(), reinterpret_cast<sockaddr*>(&s.name), sizeof(sa_family_t)),
              0);  // any name
    EXPECT_EQ(::getsockname(s.peer.get(), reinterpret_cast<sockaddr*>(&s.name), &s.name_size), 0);
    EXPECT_EQ(::listen(s.peer.get(), 0), 0);
    const auto connect = [&](int fd) {
        return ::connect(fd, reinterpret_cast<sockaddr*>(&s.name), s.name_size);
    };
    s.more.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(s.more.back().get()), 0);
    s.own.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    s.args = {.fd = s.own.get(), .data = &s.name, .size = s.name_size};
}

// --- files ---

void full_socket_and_file(scene& s) {
    use(s, make_sockets());
    fill(s.own.get());
    s.more.push_back(file_with("12" + s.text + "34"));
    s.args = {.fd = s.own.get(),
              .flags = static_cast<std::uint32_t>(s.more.back().get()),
              .size = s.text.size(),
              .offset = 2};
}
void bad_descriptor_and_file(scene& s) {
    full_socket_and_file(s);
    s.args.fd = 999'999;
}
void negative_descriptor_and_file(scene& s) {
    full_socket_and_file(s);
    s.args.fd = -1;
}
void socket_and_no_file(scene& s) {
    full_socket_and_file(s);
    s.args.flags = 999'999;
}
void socket_and_pipe(scene& s) {
    full_socket_and_file(s);
    fd_pair pair = make_pipe();
    s.args.flags = static_cast<std::uint32_t>(pair.a.get());
    s.more.push_back(std::move(pair.a));
    s.more.push_back(std::move(pair.b));
}
void peer_gone_and_file(scene& s) {
    full_socket_and_file(s);
    s.peer.reset();
}

// --- a bell ---

sys::bell_word listening{1};

void silent_bell(scene& s) {
    listening = 1;
    s.own = sys::make_bell();
    s.args = {.fd = s.own.get(), .data = &listening};
}
void rung_bell_of(scene& s, int fd) {
    listening = 0;
    s.args = {.fd = fd, .data = &listening};
}
void bad_bell(scene& s) { rung_bell_of(s, 999'999); }
void no_bell(scene& s) { rung_bell_of(s, -1); }
void rings(scene& s) {
    sys::ring_bell(s.own.get(), listening);
    sys::ring_bell(s.own.get(), listening);  // nobody listens any more: no second write
}
void was_rung(scene&, int result) { EXPECT_EQ(result, 8); }
void bell_is_rung(scene& s) {
    std::uint64_t count = 0;
    EXPECT_EQ(::read(s.own.get(), &count, sizeof count), 8);
    EXPECT_EQ(count, 1U);
}

std::vector<op_error> with(std::vector<op_error> more) {
    more.push_back({"bad descriptor", EBADF, bad_descriptor});
    more.push_back({"negative descriptor", EBADF, negative_descriptor});
    return more;
}

const std::vector<op_row> rows = {
    {"poll_read", poll_read_op, empty_pipe, peer_writes, is_readable, ping_is_still_there, with({})},
    {"poll_read_at_end", poll_read_op, empty_socket, peer_closes, has_hung_up, nothing_to_check},
    {"poll_hangup", poll_hangup_op, empty_pipe, peer_closes, has_hung_up, nothing_to_check, with({})},
    {"poll_hangup_unread", poll_hangup_op, pipe_with_ping, peer_closes, has_hung_up, ping_is_still_there},
    {"poll_own_read", poll_own_read_op, empty_pipe, peer_writes, is_readable, ping_is_still_there, with({})},
    {"poll_own_write", poll_own_write_op, full_socket, peer_drains, is_writable, wrote_nothing, with({})},
    {"poll_write", poll_write_op, full_socket, peer_drains, is_writable, wrote_nothing, with({})},
    {"poll_write_broken", poll_write_op, full_pipe, peer_hangs_up_writing, is_broken, nothing_to_check},
    {"bell",
     bell_op,
     silent_bell,
     rings,
     was_rung,
     bell_is_rung,
     {{"bad descriptor", EBADF, bad_bell}, {"negative descriptor", EBADF, no_bell}}},
    {"read_pipe", read_op, empty_pipe, peer_writes, got_ping, ping_is_still_there,
     with({{"write end", EBADF, write_end},
           {"no memory there", EFAULT, null_pipe_buffer},
           {"folder", EISDIR, folder}})},
    {"read_socket", read_op, empty_socket, peer_writes, got_ping, ping_is_still_there},
    {"read_end", read_op, empty_pipe, peer_closes, got_end, nothing_to_check},
    {"write_pipe", write_op, full_pipe, peer_drains, wrote_text, wrote_nothing,
     with({{"reader gone", EPIPE, reader_gone}})},
    {"write_socket", write_op, full_socket, peer_drains, wrote_text, wrote_nothing},
    {"recv", recv_op, empty_socket, peer_writes, got_ping, ping_is_still_there,
     with({{"not a socket", ENOTSOCK, not_a_socket}, {"no memory there", EFAULT, null_buffer}})},
    {"recv_blocking_mode", recv_op, empty_blocking_socket, peer_writes, got_ping, ping_is_still_there},
    {"recv_end", recv_op, empty_socket, peer_closes, got_end, nothing_to_check},
    {"recv_wait", recv_wait_op, empty_socket, peer_writes, is_told, ping_is_still_there, with({})},
    {"send", send_op, full_socket, peer_drains, wrote_text, wrote_nothing,
     with({{"peer gone", EPIPE, socket_peer_gone}, {"not a socket", ENOTSOCK, not_a_socket}})},
    {"send_blocking_mode", send_op, full_blocking_socket, peer_drains, wrote_text, wrote_nothing},
    {"recvmsg", recvmsg_op, empty_socket_for_message, peer_writes, got_ping, ping_is_still_there,
     with({{"not a socket", ENOTSOCK, not_a_socket_for_message}, {"no message there", EFAULT, no_message}})},
    {"recvmsg_sender", recvmsg_op, empty_udp_socket, peer_sends, got_ping_from_peer, ping_is_still_there},
    {"recvmsg_blocking_mode", recvmsg_op, empty_blocking_socket_for_message, peer_writes, got_ping,
     ping_is_still_there},
    {"sendmsg", sendmsg_op, full_socket_for_message, peer_drains, wrote_text, wrote_nothing,
     with({{"peer gone", EPIPE, peer_gone_for_message},
           {"not a socket", ENOTSOCK, not_a_socket_for_message},
           {"no message there", EFAULT, no_message},
           {"no room in a unix receiver", ENOBUFS, unix_receiver_without_room}})},
    {"send_datagram", send_op, full_datagram_socket, peer_drains, wrote_text, wrote_nothing},
    {"sendmsg_datagram", sendmsg_op, full_datagram_socket_for_message, peer_drains, wrote_text,
     wrote_nothing},
    {"sendmsg_blocking_mode", sendmsg_op, full_blocking_socket_for_message, peer_drains, wrote_text,
     wrote_nothing},
    {"accept", accept_op, listener_without_clients, client_connects, got_connection,
     connection_is_still_there,
     with({{"not a socket", ENOTSOCK, not_a_socket}, {"not listening", EINVAL, not_listening}})},
    {"accept_name", accept_op, listener_that_asks_who, client_connects, got_connection_and_name,
     connection_is_still_there},
    {"connect", connect_op, unanswered, answered, is_connected, nothing_to_check,
     with({{"nobody listens", ECONNREFUSED, nobody_listens},
           {"wrong family", EAFNOSUPPORT, wrong_family},
           {"no room in a unix listener", ENOBUFS, unix_listener_without_room}})},
    {"sendfile",
     sendfile_op,
     full_socket_and_file,
     peer_drains,
     wrote_text,
     wrote_nothing,
     {{"bad descriptor", EBADF, bad_descriptor_and_file},
      {"negative descriptor", EBADF, negative_descriptor_and_file},
      {"no file", EBADF, socket_and_no_file},
      {"pipe", ESPIPE, socket_and_pipe},
      {"peer gone", EPIPE, peer_gone_and_file}}},
};

// A write whose word somebody else has set again: it must not be reported for ever.
TEST(bell, a_ring_that_nobody_listens_for_is_taken_away) {
    sys::bell_word word{1};
    const auto fd = sys::make_bell();
    const op_args args{.fd = fd.get(), .data = &word};
    EXPECT_EQ(bell_op.attempt(args), -EAGAIN);
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(fd.get(), &one, sizeof one), 8);
    EXPECT_EQ(bell_op.attempt(args), -EAGAIN);
    pollfd entry{.fd = fd.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 0);
    sys::ring_bell(fd.get(), word);
    EXPECT_EQ(bell_op.attempt(args), 8);
    EXPECT_EQ(bell_op.attempt(args), -EAGAIN);
}

// A call on a worker thread that cannot be recalled, so it is no row of the table.
class waiting_for_a_child : public testing::TestWithParam<variant> {};

TEST_P(waiting_for_a_child, ends_with_it_and_leaves_it_to_be_reaped) {
    rig on(GetParam());
    const fd_pair gate = make_pipe();
    set_nonblocking(gate.a.get());
    const int pid = ::fork();
    if (pid == 0) {
        pollfd entry{.fd = gate.a.get(), .events = POLLIN, .revents = 0};
        ::poll(&entry, 1, -1);
        ::_exit(5);
    }
    op_node node(wait_child_op, {.offset = static_cast<std::uint64_t>(pid)});
    on.os->submit(node);
    on.settle();
    EXPECT_FALSE(on.has(node));
    EXPECT_EQ(::write(gate.b.get(), "x", 1), 1);
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), 0);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 5);
    EXPECT_EQ(on.run(node), -ECHILD);
}

INSTANTIATE_TEST_SUITE_P(all, waiting_for_a_child, testing::ValuesIn(variants()),
                         [](const auto& of) { return std::string(of.param.name); });

INSTANTIATE_TEST_SUITE_P(all, every_op,
                         testing::Combine(testing::ValuesIn(rows), testing::ValuesIn(variants())),
                         [](const auto& of) {
                             return std::get<0>(of.param).name + ("_" + std::get<1>(of.param).name);
                         });
INSTANTIATE_TEST_SUITE_P(all, every_awaited_op, testing::ValuesIn(rows),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace

}  // namespace os_tests
