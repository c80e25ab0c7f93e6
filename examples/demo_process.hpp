// bide/examples: the server process of demo_connections: starts it, reads what the system knows about it, ends it.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

// A process that serves at a port of this host. It prints both numbers when it is ready: "PORT PROCESS".
class server_process {
public:
    explicit server_process(const std::string& command) : output_(::popen(command.c_str(), "r")) {
        if (output_ == nullptr || std::fscanf(output_, "%hu %d", &port_, &id_) != 2)
            throw std::runtime_error("no server: " + command);
    }
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;
    ~server_process() {
        ::kill(id_, SIGTERM);
        ::pclose(output_);
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] double resident_bytes() const { return 1024 * number("smaps_rollup", "Rss:"); }
    [[nodiscard]] double processor_ns() const { return number("schedstat"); }

private:
    // The first number after a label.
    [[nodiscard]] double number(const char* file, const std::string& label = "") const {
        std::ifstream text("/proc/" + std::to_string(id_) + "/" + file);
        for (std::string word; word != label && text >> word;) {}
        double found = 0;
        text >> found;
        return found;
    }

    std::FILE* output_;
    std::uint16_t port_ = 0;
    int id_ = 0;
};

// As many connections as wanted, or fewer where the system allows fewer open files. Processes that are started later
// are allowed as many.
inline int allowed_connections(int wanted) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    const int spare = 100;
    if (files.rlim_cur >= static_cast<rlim_t>(wanted + spare)) return wanted;
    const int allowed = static_cast<int>(files.rlim_cur) - spare;
    std::fprintf(stderr, "the limit of open files (ulimit -Hn) allows %d connections only\n", allowed);
    return allowed;
}

// On a terminal one line that the next one overwrites; elsewhere a line for each second.
inline void show_progress(double passed, int open, std::size_t echoes) {
    static const bool terminal = ::isatty(STDERR_FILENO) == 1;
    static int seconds = 0;
    if (!terminal && static_cast<int>(passed) == seconds) return;
    seconds = static_cast<int>(passed);
    std::fprintf(stderr, "%s%5.1f s: %6d connections open, %8zu echoes%s", terminal ? "\r" : "", passed, open,
                 echoes, terminal ? "" : "\n");
}

inline void end_progress() {
    if (::isatty(STDERR_FILENO) == 1) std::fputc('\n', stderr);
}
