// bide/bench: the listening socket of the hand-written echo servers.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

// Listens on 127.0.0.1:port. Connections that it accepts have TCP_NODELAY from it, at no system call each.
inline int listen_on(const char* port, int flags) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<uint16_t>(std::atoi(port)));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 || listen(fd, 4096) != 0) {
        std::perror(port);
        std::exit(1);
    }
    return fd;
}

inline void say_ready() {
    std::printf("ready\n");
    std::fflush(stdout);
}
