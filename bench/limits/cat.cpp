// bide/bench: the limit for data through a child process: N MiB through cat with a poll(2) loop and pipes of 1 MiB.
#include "../report.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

extern "C" char** environ;

namespace {

constexpr int pipe_size = 1024 * 1024;
constexpr size_t piece = 256 * 1024;

pid_t start_cat(int input, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    char program[] = "cat";
    char* const arguments[] = {program, nullptr};
    pid_t pid = 0;
    if (posix_spawnp(&pid, program, &actions, nullptr, arguments, environ) != 0) abort();
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

void cat(uint64_t n) {
    const std::string input(n << 20, 'x');
    int to[2];
    int from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) abort();
    const pid_t pid = start_cat(to[0], from[1]);
    close(to[0]);
    close(from[1]);
    for (const int fd : {to[1], from[0]}) {
        fcntl(fd, F_SETPIPE_SZ, pipe_size);
        fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    std::string output;
    static char room[piece];
    for (size_t put = 0;;) {
        pollfd both[2] = {{from[0], POLLIN, 0}, {put < input.size() ? to[1] : -1, POLLOUT, 0}};
        poll(both, 2, -1);
        if (both[1].revents != 0) {
            const ssize_t count = write(to[1], input.data() + put, std::min(piece, input.size() - put));
            if (count > 0) put += static_cast<size_t>(count);
            if (put == input.size()) close(to[1]);
        }
        if (both[0].revents == 0) continue;
        const ssize_t count = read(from[0], room, sizeof room);
        if (count == 0) break;
        if (count > 0) output.append(room, static_cast<size_t>(count));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (output.size() != input.size() || status != 0) abort();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 || std::string(argv[1]) != "cat") return bench_usage(argv[0], "cat");
    const uint64_t n = strtoull(argv[2], nullptr, 10);
    const double start = bench_now();
    cat(n);
    bench_report(argv[1], n, bench_now() - start);
}
