// bide/bench: the floor under process pools: two processes that hand a call and its result over a socket pair.
#include "../report.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace {

bool send_all(int fd, const char* data, std::size_t size) {
    while (size != 0) {
        const ssize_t sent = ::write(fd, data, size);
        if (sent <= 0) return false;
        data += sent;
        size -= static_cast<std::size_t>(sent);
    }
    return true;
}

bool receive_all(int fd, char* data, std::size_t size) {
    while (size != 0) {
        const ssize_t got = ::read(fd, data, size);
        if (got <= 0) return false;
        data += got;
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

// Each message is received whole before it is answered, as a call is.
double ping_pong(std::uint64_t n, std::size_t size) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 0;
    std::string message(size, 'x');
    if (::fork() == 0) {
        ::close(ends[0]);
        while (receive_all(ends[1], message.data(), size) && send_all(ends[1], message.data(), size)) {}
        ::_exit(0);
    }
    ::close(ends[1]);
    double start = 0;
    for (std::uint64_t i = 0; i < n + 1; ++i) {
        if (i == 1) start = bench_now();
        if (!send_all(ends[0], message.data(), size) || !receive_all(ends[0], message.data(), size))
            std::abort();
    }
    return bench_now() - start;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return bench_usage(argv[0], "pool_call|pool_mib");
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    const bool large = std::strcmp(argv[1], "pool_mib") == 0;
    bench_report(argv[1], n, ping_pong(n, large ? std::size_t{1} << 20 : 64));
}
