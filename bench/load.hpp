// bide/bench: what the load programs share: sockets, a server's processor time, percentiles, the result line.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace load {

using clock = std::chrono::steady_clock;

[[noreturn]] inline void fail(const char* what, int error = errno) {
    std::fprintf(stderr, "%s%s%s\n", what, error != 0 ? ": " : "", error != 0 ? std::strerror(error) : "");
    std::exit(1);
}

// Processor time of all threads of a process in seconds, also of those that the kernel runs for it (io_uring's workers).
// Exact only while they sleep: the kernel counts a running thread up at its ticks.
inline double processor_seconds(const std::string& process) {
    double ns = 0;
    std::error_code ended;
    const std::filesystem::directory_iterator tasks("/proc/" + process + "/task", ended);
    for (const auto& task : tasks) {
        std::FILE* const file = std::fopen((task.path() / "schedstat").c_str(), "r");
        if (file == nullptr) continue;
        unsigned long long of_thread = 0;
        if (std::fscanf(file, "%llu", &of_thread) == 1) ns += static_cast<double>(of_thread);
        std::fclose(file);
    }
    return ns * 1e-9;
}

inline void raise_file_limit() {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

inline sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(host);
    return where;
}

// Connects to 127.0.0.1:port. From the n-th of many addresses of this host, because closed connections block
// their port for a minute and one address has only 28,000 ports; 0 leaves the address to the kernel.
inline int connect_to(std::uint16_t port, std::uint32_t n = 0) {
    const int one = 1;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (n != 0) {
        const sockaddr_in from = loopback(INADDR_LOOPBACK + 1 + n % 200, 0);
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) fail("bind");
    }
    const sockaddr_in to = loopback(INADDR_LOOPBACK, port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
    return fd;
}

// What every load program is told: `PORT CONNECTIONS SIZE SECONDS`, and then what it names in `more`.
struct arguments {
    std::uint16_t port;
    std::size_t connections;
    std::size_t size;  // of a request
    double seconds;    // a fifth of them warms up

    arguments(int argc, char** argv, const char* more) {
        if (argc < 5) {
            std::fprintf(stderr, "usage: %s PORT CONNECTIONS SIZE SECONDS %s\n", argv[0], more);
            std::exit(2);
        }
        port = static_cast<std::uint16_t>(std::atoi(argv[1]));
        connections = static_cast<std::size_t>(std::atol(argv[2]));
        size = static_cast<std::size_t>(std::atol(argv[3]));
        seconds = std::atof(argv[4]);
        raise_file_limit();
    }
};

// What has happened since the last call. It never sleeps: a load that sleeps makes the server pay for waking it, with
// each answer that finds it asleep, and comes late to the next ones. Gives up after ten seconds without anything.
class event_source {
public:
    void watch(int fd, std::uint32_t events, std::uint64_t data) {
        epoll_event event{};
        event.events = events;
        event.data.u64 = data;
        if (epoll_ctl(poller_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
    }

    std::span<const epoll_event> next() {
        const auto since = clock::now();
        for (;;) {
            const int count =
                epoll_wait(poller_, events_.data(), static_cast<int>(events_.size()), patience_ms_);
            if (count > 0) return std::span(events_).first(static_cast<std::size_t>(count));
            if (clock::now() - since > std::chrono::seconds(10)) fail("no answer for 10 s", 0);
        }
    }

private:
    int poller_ = epoll_create1(0);
    // With one processor for both, the server could not run meanwhile.
    int patience_ms_ = std::thread::hardware_concurrency() > 1 ? 0 : 1000;
    std::array<epoll_event, 512> events_{};
};

// A stretch of load. Both ends of it are quiet, nothing is on its way, so that the processor times are exact.
class measurement {
public:
    explicit measurement(std::string server) : server_(std::move(server)) {
        settle();
        server_before_ = processor_seconds(server_);
        start_ = clock::now();
    }

    void add(clock::duration latency, std::uint64_t requests = 1) {
        requests_ += requests;
        latencies_.push_back(std::chrono::duration<float, std::micro>(latency).count());
    }

    // The one line that the driver reads. `before`: requests of the warm-up.
    void report(const char* what, const arguments& told, std::size_t depth, std::uint64_t before) {
        const double seconds = std::chrono::duration<double>(clock::now() - start_).count();
        settle();
        const double server = processor_seconds(server_) - server_before_;
        std::sort(latencies_.begin(), latencies_.end());
        const auto requests = static_cast<double>(std::max<std::uint64_t>(requests_, 1));
        std::printf(
            "%s c=%zu size=%zu depth=%zu n=%.0f of %.0f %.0f req/s cpu %.3f us/req p50 %.1f us p99 %.1f us "
            "p99.9 %.1f us busy %.0f%%\n",
            what, told.connections, told.size, depth, requests, requests + static_cast<double>(before),
            requests / seconds, server * 1e6 / requests, at(0.5), at(0.99), at(0.999),
            server / seconds * 100);
        std::fflush(stdout);
    }

private:
    static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(3)); }

    [[nodiscard]] double at(double part) const {
        if (latencies_.empty()) return 0;
        return static_cast<double>(
            latencies_[static_cast<std::size_t>(part * static_cast<double>(latencies_.size() - 1))]);
    }

    std::string server_;
    double server_before_ = 0;
    clock::time_point start_;
    std::uint64_t requests_ = 0;
    std::vector<float> latencies_;
};

}  // namespace load
