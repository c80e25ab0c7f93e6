// bide/os: sockets and files for the operations that connect, accept and send.
#pragma once

#include "os/backend_support.hpp"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <string>
#include <utility>

namespace os_tests {

inline sockaddr_in name_of(int fd) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size), 0);
    return name;
}

// On a free port of this machine.
inline unique_fd bound(unique_fd socket) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    return socket;
}
inline unique_fd udp_socket() {
    return bound(unique_fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
}
// In blocking mode, and not bound.
inline unique_fd tcp_socket() {
    unique_fd made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    EXPECT_EQ(::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    return made;
}
inline unique_fd tcp_listener() {
    unique_fd made = bound(tcp_socket());
    set_nonblocking(made.get());
    EXPECT_EQ(::listen(made.get(), 8), 0);
    return made;
}

inline fd_pair make_tcp_pair(bool nonblocking = true) {
    const unique_fd listener = tcp_listener();
    unique_fd client = tcp_socket();
    const sockaddr_in name = name_of(listener.get());
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    fd_pair pair{unique_fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)), std::move(client)};
    if (nonblocking) {
        set_nonblocking(pair.a.get());
        set_nonblocking(pair.b.get());
    }
    return pair;
}

inline void drop_everything(int fd) {
    sock_filter drop{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0};
    const sock_fprog program{.len = 1, .filter = &drop};
    EXPECT_EQ(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}
inline void drop_nothing(int fd) {
    const int unused = 0;
    EXPECT_EQ(::setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused), 0);
}

inline bool is_connecting(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_state == TCP_SYN_SENT;
}

inline unique_fd file_with(const std::string& text) {
    unique_fd made(::memfd_create("bide-test", MFD_CLOEXEC));
    EXPECT_EQ(::write(made.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return made;
}

}  // namespace os_tests
