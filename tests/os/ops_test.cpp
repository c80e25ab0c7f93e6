// bide/os: the table of all operations; every row goes through success, errors and every kind of cancellation.
// bide-test: no-shuffle
#include "os/ops_checks.hpp"

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
void is_writable(scene&, int result) { EXPECT_NE(result & POLLOUT, 0); }
void has_hung_up(scene&, int result) { EXPECT_NE(result & (POLLHUP | POLLRDHUP), 0); }
void peer_hangs_up_writing(scene& s) { s.peer.reset(); }
void is_broken(scene&, int result) { EXPECT_NE(result & (POLLERR | POLLHUP), 0); }

std::vector<op_error> with(std::vector<op_error> more) {
    more.push_back({"bad descriptor", EBADF, bad_descriptor});
    more.push_back({"negative descriptor", EBADF, negative_descriptor});
    return more;
}

const std::vector<op_row> rows = {
    {"poll_read", poll_read_op, empty_pipe, peer_writes, is_readable, ping_is_still_there, with({})},
    {"poll_read_at_end", poll_read_op, empty_socket, peer_closes, has_hung_up, nothing_to_check},
    {"poll_write", poll_write_op, full_socket, peer_drains, is_writable, wrote_nothing, with({})},
    {"poll_write_broken", poll_write_op, full_pipe, peer_hangs_up_writing, is_broken, nothing_to_check},
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
    {"send", send_op, full_socket, peer_drains, wrote_text, wrote_nothing,
     with({{"peer gone", EPIPE, socket_peer_gone}, {"not a socket", ENOTSOCK, not_a_socket}})},
    {"send_blocking_mode", send_op, full_blocking_socket, peer_drains, wrote_text, wrote_nothing},
};

INSTANTIATE_TEST_SUITE_P(all, every_op,
                         testing::Combine(testing::ValuesIn(rows), testing::ValuesIn(variants())),
                         [](const auto& of) {
                             return std::get<0>(of.param).name + ("_" + std::get<1>(of.param).name);
                         });
INSTANTIATE_TEST_SUITE_P(all, every_awaited_op, testing::ValuesIn(rows),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace

}  // namespace os_tests
