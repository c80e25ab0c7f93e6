// bide/bench: the floor under subprocesses: posix_spawn(3) and waitpid(2) in a loop.
#include "../report.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <spawn.h>
#include <sys/wait.h>

extern "C" char** environ;

int main(int argc, char** argv) {
    if (argc != 3 || std::strcmp(argv[1], "spawn_wait") != 0) return bench_usage(argv[0], "spawn_wait");
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    char program[] = "/bin/true";
    char* const arguments[] = {program, nullptr};
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        pid_t pid = 0;
        int status = 0;
        if (posix_spawn(&pid, program, nullptr, nullptr, arguments, environ) != 0 ||
            waitpid(pid, &status, 0) != pid || status != 0) {
            std::perror("spawn");
            return 1;
        }
    }
    bench_report(argv[1], n, bench_now() - start);
}
